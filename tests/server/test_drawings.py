"""A server says which models are only drawn, and charges nothing for drawings unless told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringback.catalogue.pricing import cost_of
from ringback.server.factories import (
    catalogue_for,
    dispatching_for,
    drawn_models,
    sentence_on_drawings,
)
from ringback.settings import Settings
from ringback.webhooks.schedule import QUICK_SCHEDULE_S, SCHEDULE_S

_KINDS = {one.kind for one in catalogue_for(Settings())}
_ENHANCING = sum(one.kind == "enhance" for one in catalogue_for(Settings()))
_UPSTREAM: dict[str, Any] = {"engines": {f"{kind}/*": "null" for kind in _KINDS}}
_BUT_ENHANCE: dict[str, Any] = {
    "engines": {f"{kind}/*": "null" for kind in _KINDS if kind != "enhance"}
}


def prices(**settings: Any) -> dict[str, float]:
    """Return the price of each model for an input without fields."""
    return {f"{one.kind}/{one.id}": cost_of(one, {}) for one in catalogue_for(Settings(**settings))}


def test_drawings_cost_nothing_on_a_server_unless_told_so() -> None:
    in_dev = prices(profile="dev")
    assert sum(price > 0 for price in in_dev.values()) > 40
    assert set(prices().values()) == {0.0}
    assert prices(charge_drawings=True) == in_dev
    assert prices(profile="dev", charge_drawings=True) == in_dev


def test_models_of_other_engines_keep_their_price() -> None:
    routed = prices(engines={"bfl/flux-1-dev": "null"})
    in_dev = prices(profile="dev")
    assert routed["image/bfl/flux-1-dev"] == in_dev["image/bfl/flux-1-dev"] > 0
    assert [name for name, price in routed.items() if price] == ["image/bfl/flux-1-dev"]


def test_an_enhancement_by_a_network_is_no_drawing(tmp_path: Path) -> None:
    drawn, _ = drawn_models(Settings())
    by_network, _ = drawn_models(Settings(enhance_weights=tmp_path / "weights"))
    enhancements = {name for name in drawn if name.startswith("enhance/")}
    assert len(enhancements) == _ENHANCING
    assert set(drawn) - set(by_network) == enhancements


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["models are only drawn by sketch", "cost nothing: ", "docs/upstream.md"]),
        ({"charge_drawings": True}, ["cost their price"]),
        (_BUT_ENHANCE, [f"{_ENHANCING} of ", "enhance/"]),
    ],
)
def test_the_sentence_says_how_many_and_what_they_cost(
    settings: dict[str, Any], words: list[str]
) -> None:
    sentence = sentence_on_drawings(Settings(**settings))
    assert sentence is not None
    assert [word for word in words if word not in sentence] == []


def test_nothing_is_said_where_nothing_is_drawn() -> None:
    assert sentence_on_drawings(Settings(**_UPSTREAM)) is None


def test_a_schedule_has_a_name_and_seconds_win_over_it() -> None:
    assert dispatching_for(Settings()).schedule_s == SCHEDULE_S
    assert dispatching_for(Settings(schedule="quick")).schedule_s == QUICK_SCHEDULE_S
    assert sum(QUICK_SCHEDULE_S) < 300
    own = Settings(schedule="quick", webhook_schedule_s=(7.0,))
    assert dispatching_for(own).schedule_s == (7.0,)
