from __future__ import annotations

import json
from typing import Any

import pytest

from ringback.log.rendering import TEXT_CHARACTERS_MAX, escape_text, shorten_long_texts, to_json

CONTROLS = "a\nb\rc\td\x00\x1b[31m\x7f\x85\u2028\u202e\u2066"


def test_json_is_one_line_of_ascii_whatever_is_in_a_text() -> None:
    line = to_json(None, "info", {"event": "asset_added", "name": CONTROLS + "ü\ud800"})
    assert all(0x20 <= ord(character) < 0x7F for character in line)
    assert json.loads(line)["name"] == CONTROLS + "ü\ud800"


def _endless() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {(1, 2): 3}, _endless(), object()])
def test_what_json_lacks_is_written_as_text(value: object) -> None:
    line = to_json(None, "info", {"event": "asset_added", "value": value, "count": 2})
    found = json.loads(line)
    assert (found["event"], found["count"]) == ("asset_added", 2)
    assert isinstance(found["value"], str)


def test_in_text_nothing_acts_on_a_terminal() -> None:
    escaped = escape_text(keeps_tracebacks=False)(None, "info", {"event": CONTROLS})
    assert escaped["event"].isprintable()


def test_a_stack_is_a_field_of_its_line_but_on_a_terminal() -> None:
    event = {"event": "loop_broke", "exception": "Traceback\n  \x1b[31mred"}
    assert escape_text(keeps_tracebacks=False)(None, "error", dict(event)) == {
        "event": "loop_broke",
        "traceback": "Traceback\\n  \\x1b[31mred",
    }
    assert escape_text(keeps_tracebacks=True)(None, "error", dict(event)) == {
        "event": "loop_broke",
        "exception": "Traceback\n  \\x1b[31mred",
    }


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    found = shorten_long_texts(None, "error", {"event": "x", "exception": "a" * 99_999 + "the end"})
    assert found["event"] == "x"
    assert found["exception"].startswith("aaa")
    assert found["exception"].endswith("the end")
    assert len(found["exception"]) < TEXT_CHARACTERS_MAX + 100
