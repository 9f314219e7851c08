from __future__ import annotations

from typing import Any

import pytest

from ringback.cli.commands.serve import lacks_a_name
from ringback.settings import Settings


@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "192.0.2.7"}, True),
        ({"host": "0.0.0.0", "public_url": "https://gen.example"}, False),
        ({"host": "0.0.0.0", "allowed_hosts": ("box.lan",)}, False),
        ({"host": "0.0.0.0", "profile": "dev"}, False),
    ],
)
def test_a_server_for_other_machines_is_told_that_it_lacks_a_name(
    settings: dict[str, Any], lacks: bool
) -> None:
    assert lacks_a_name(Settings(**settings)) is lacks
