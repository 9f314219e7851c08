"""Fixtures for the tests of programs that use Ringback; pytest finds them by itself.

The server is loaded when a test asks for one: a test run without them does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ringback.testing.emulator import Emulator
    from ringback.testing.inbox import WebhookInbox
    from ringback.testing.lab import Lab

_MISSING = (
    "The fixture ringback_server runs a whole server; install what that needs: "
    "pip install 'ringback[server]'."
)


@pytest.fixture
def ringback_server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """Run an emulator of this test's own, and have the environment lead to it.

    ``RINGBACK_BASE_URL``, ``RINGBACK_API_KEY`` and ``RINGBACK_WEBHOOK_SECRET`` are set, so that a
    client made without arguments speaks to it.
    """
    try:
        from ringback.testing.emulator import Emulator
    except ModuleNotFoundError as exc:
        pytest.fail(f"{_MISSING} ({exc.name} is not there)", pytrace=False)
    data: Path = tmp_path_factory.mktemp("ringback")
    with Emulator(data) as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
def webhook_inbox(ringback_server: Emulator) -> Iterator[WebhookInbox]:
    """Take webhooks at ``webhook_inbox.url``, for the test to wait on."""
    from ringback.testing.inbox import WebhookInbox

    with WebhookInbox(ringback_server.secret) as inbox:
        yield inbox


@pytest.fixture
def ringback_lab(ringback_server: Emulator) -> Lab:
    """Make things go wrong, and move the emulator's clock."""
    from ringback.testing.lab import Lab

    return Lab(ringback_server)
