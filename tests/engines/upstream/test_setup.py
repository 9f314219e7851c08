"""Config tables of engines: a mistake is one sentence, and no secret is shown."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.dashboard.pages.admin import _shown
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.factory import AdapterContext, create_upstream
from ringback.engines.upstream.krea import KreaSettings
from ringback.engines.upstream.registry import TYPES
from ringback.errors import SetupError
from ringback.server.factories import catalogue_for
from ringback.settings import Settings, read_settings
from ringback.wakeups import Subscriptions

FLUX = "bfl/flux-1-dev"
GOOD = {"type": "krea", "base_url": "https://api.example", "api_key": "k-0123456789"}


def set_up(**table: Any) -> None:
    http_client = HttpClient(TargetPolicy.server())
    context = AdapterContext(
        provider=http_client,
        public=http_client,
        clock=SystemClock(),
        rng=Random(1),
        wakes=Subscriptions(),
        public_url=None,
        environment={"KEY": "k-1", "EMPTY": "", "SPACED": "a b"},
    )
    chosen = {name: value for name, value in {**GOOD, **table}.items() if value is not None}
    try:
        create_upstream("studio", chosen, TYPES, context)
    finally:
        http_client.close()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"type": None}, r"engine studio needs a type, one of krea.*it has None"),
        ({"type": "crea"}, r"needs a type.*it has 'crea'"),
        ({"base_url": None}, r"needs base_url"),
        ({"base_url": "ftp://x"}, r"base_url is wrong: The URL must start with https://"),
        ({"base_url": "https://x.example/?a=b"}, r"must not have a query"),
        ({"api_key": None}, r"needs api_key, api_key_env or api_key_file"),
        ({"api_key_env": "KEY"}, r"key of the engine studio is given more than once"),
        ({"api_key": None, "api_key_env": "NONE"}, r"variable NONE, which is not set"),
        ({"api_key": None, "api_key_env": "EMPTY"}, r"variable EMPTY, which is not set"),
        ({"api_key": None, "api_key_env": "SPACED"}, r"printable ASCII without spaces"),
        ({"api_key": None, "api_key_file": "/nowhere/key"}, r"cannot be read from /nowhere/key"),
        ({"concurrency": 0}, r"is set up wrong:.*concurrency"),
        ({"rat": 1}, r"is set up wrong: rat is no field; the nearest is rate"),
        ({"timeout_s": -1}, r"timeout_s"),
    ],
)
def test_a_wrong_table_is_refused_with_the_reason(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence) as raised:
        set_up(**table)
    assert "k-0123456789" not in str(raised.value)


def test_a_key_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k-2\n")
    set_up(api_key=None, api_key_file=str(tmp_path / "key"))


@pytest.mark.parametrize("kind", [UpstreamSettings, KreaSettings])
def test_settings_are_shown_without_their_secrets(kind: type[UpstreamSettings]) -> None:
    assert "k-0123456789" not in repr(kind(type="krea", api_key="k-0123456789"))


@pytest.mark.parametrize("name", ["sketch", "null", "Studio", "a/b", "-x", ""])
def test_an_engine_cannot_take_a_reserved_or_malformed_name(name: str) -> None:
    with pytest.raises(SetupError, match="cannot be called"):
        catalogue_for(Settings(engines={name: dict(GOOD)}))


def test_engines_and_routes_stand_in_one_table(tmp_path: Path) -> None:
    config = tmp_path / "ringback.toml"
    config.write_text(
        '[engines]\n"bfl/flux-1-dev" = "studio"\n'
        '[engines.studio]\ntype = "krea"\nbase_url = "https://api.example"\napi_key = "k-0123"\n'
    )
    settings = read_settings({}, environment={}, config=config)
    assert settings.routes == {"bfl/flux-1-dev": "studio"}
    assert catalogue_for(settings).find("image", "bfl/flux-1-dev").engine == "studio"
    assert "k-0123" not in _shown("engines", settings.engines)


@pytest.mark.parametrize(
    ("routes", "workflows", "sentence"),
    [
        ([FLUX], [FLUX], None),
        (["bfl/*"], [FLUX], r"no workflow for bfl/.*, which is routed to it; add \[engines.comfy"),
        ([FLUX], [], "no workflow for bfl/flux-1-dev, which is routed to it"),
        ([FLUX], [FLUX, "bfl/flux-1-dve"], "workflow for bfl/flux-1-dve, .*; did you mean bfl/"),
        ([], [FLUX], "workflow for bfl/flux-1-dev, and no such model is routed to it"),
        (["ksamp/*"], [], "The setting engines names the model 'ksamp/\\*'"),
    ],
)
def test_each_model_of_comfyui_has_a_workflow_and_each_workflow_a_model(
    routes: list[str], workflows: list[str], sentence: str | None
) -> None:
    tables = {name: {"file": "x.json"} for name in workflows}
    table = {"type": "comfyui", "workflows": tables}
    settings = Settings(engines={"comfy": table, **dict.fromkeys(routes, "comfy")})
    if sentence is None:
        assert catalogue_for(settings).find("image", FLUX).engine == "comfy"
        return
    with pytest.raises(SetupError, match=sentence):
        catalogue_for(settings)


def test_a_workflow_goes_by_the_name_that_the_engine_has_for_the_model() -> None:
    table = {"type": "comfyui", "workflows": {"mine": {"file": "x.json"}}, "models": {FLUX: "mine"}}
    catalogue_for(Settings(engines={"comfy": table, FLUX: "comfy"}))


def test_a_model_of_an_unknown_engine_is_refused() -> None:
    with pytest.raises(SetupError, match="asks for the engine 'studio'; there is"):
        catalogue_for(Settings(engines={"bfl/flux-1-dev": "studio"}))
