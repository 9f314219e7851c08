"""The tables of the config file: what is wrong is said in one sentence, and no secret is shown."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from ringback.assembly import catalogue_for
from ringback.clock import SystemClock
from ringback.dashboard.house import _shown
from ringback.doorbell import Watchers
from ringback.egress.caller import Caller
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.assembling import Surroundings, assemble
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.krea import KreaSettings
from ringback.engines.upstream.types import TYPES
from ringback.errors import SetupError
from ringback.settings import Settings, read_settings

GOOD = {"type": "krea", "base_url": "https://api.example", "api_key": "k-0123456789"}


def set_up(**table: Any) -> None:
    caller = Caller(TargetPolicy.server())
    around = Surroundings(
        provider=caller,
        public=caller,
        clock=SystemClock(),
        rng=Random(1),
        wakes=Watchers(),
        public_url=None,
        environment={"KEY": "k-1", "EMPTY": "", "SPACED": "a b"},
    )
    chosen = {name: value for name, value in {**GOOD, **table}.items() if value is not None}
    try:
        assemble("studio", chosen, TYPES, around)
    finally:
        caller.close()


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
        ({"rat": 1}, r"is set up wrong:.*`rat`"),
        ({"timeout_s": -1}, r"timeout_s"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_wrong(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence) as raised:
        set_up(**table)
    assert "k-0123456789" not in str(raised.value)


def test_a_key_may_come_from_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k-2\n")
    set_up(api_key=None, api_key_file=str(tmp_path / "key"))


@pytest.mark.parametrize("kind", [UpstreamSettings, KreaSettings])
def test_settings_are_shown_without_their_secrets(kind: type[UpstreamSettings]) -> None:
    assert "k-0123456789" not in repr(kind(type="krea", api_key="k-0123456789"))


@pytest.mark.parametrize("name", ["sketch", "null", "Studio", "a/b", "-x", ""])
def test_an_engine_has_a_name_of_its_own(name: str) -> None:
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


def test_a_model_for_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(SetupError, match="asks for the engine 'studio'; there is"):
        catalogue_for(Settings(engines={"bfl/flux-1-dev": "studio"}))
