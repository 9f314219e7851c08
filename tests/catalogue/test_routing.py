"""Engines of models, where the settings assign them."""

from __future__ import annotations

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.errors import SetupError

CATALOGUE = Catalogue.load()


def engines_of(engines: dict[str, str]) -> dict[str, str]:
    return {f"{one.kind}/{one.id}": one.engine for one in CATALOGUE.routed(engines)}


def test_a_pattern_routes_exactly_the_models_that_match() -> None:
    routed = engines_of({"video/*": "krea"})
    assert {name for name, engine in routed.items() if engine == "krea"} == {
        f"video/{one.id}" for one in CATALOGUE if one.kind == "video"
    }
    of_provider = engines_of({"bfl/*": "krea"})
    assert {name for name, engine in of_provider.items() if engine == "krea"} == {
        f"image/{one.id}" for one in CATALOGUE if one.provider == "bfl"
    }


def test_the_most_specific_name_decides_in_any_order() -> None:
    names = {
        "*": "a",
        "google/*": "b",
        "video/google/*": "c",
        "google/veo-3": "d",
        "video/google/veo-3": "e",
    }
    for order in (names, dict(reversed(names.items()))):
        routed = engines_of(order)
        assert routed["image/bfl/flux-1-dev"] == "a"
        assert routed["image/google/nano-banana"] == "b"
        assert routed["video/google/veo-2"] == "c"
        assert routed["video/google/veo-3"] == "e"
    del names["video/google/veo-3"]
    assert engines_of(names)["video/google/veo-3"] == "d"


def test_patterns_exclude_the_servers_own_models() -> None:
    assert engines_of({"*": "krea"})["image/ringback/null"] == "null"
    assert engines_of({"ringback/null": "sketch"})["image/ringback/null"] == "sketch"


@pytest.mark.parametrize("name", ["vidio/*", "bfl/flux-1-dex", "bfl/flux-?-dev", "[b]fl/*", ""])
def test_a_name_that_matches_no_model_is_refused(name: str) -> None:
    with pytest.raises(SetupError, match="setting engines names the model"):
        CATALOGUE.routed({name: "sketch"})
