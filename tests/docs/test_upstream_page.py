"""The tables on the page of upstream engines set up engines as they stand there."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from ringback.clock import SystemClock
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.factory import AdapterContext, create_upstream
from ringback.engines.upstream.registry import TYPES
from ringback.server.factories import catalogue_for
from ringback.settings import read_settings
from ringback.wakeups import Subscriptions
from tests.docs.pages import blocks
from tests.engines.upstream.providers.comfyui import WORKFLOW

PAGE = "docs/upstream.md"
KEYS = ("KREA_API_KEY", "OPENAI_API_KEY", "REPLICATE_API_TOKEN", "FAL_KEY")


@pytest.mark.parametrize("text", blocks(PAGE, "toml"))
def test_a_table_of_the_page_sets_up_an_engine(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flux.json").write_text(json.dumps(WORKFLOW), "utf-8")
    Path("ringback.toml").write_text(text, "utf-8")
    settings = read_settings({}, environment={}, config=Path("ringback.toml"))
    ((name, table),) = settings.upstreams.items()
    http_client = HttpClient(TargetPolicy.server())
    context = AdapterContext(
        provider=http_client,
        public=http_client,
        clock=SystemClock(),
        rng=Random(1),
        wakes=Subscriptions(),
        public_url=settings.public_url,
        environment=dict.fromkeys(KEYS, "a-key-0123456789"),
    )
    assert create_upstream(name, table, TYPES, context).settings.type == table["type"]
    http_client.close()
    assert catalogue_for(settings).find("image", "bfl/flux-1-dev").engine == name


def test_every_type_has_its_section() -> None:
    text = (Path(__file__).parents[2] / PAGE).read_text("utf-8")
    assert [name for name in TYPES if f"\n### `{name}`\n" in text] == list(TYPES)
