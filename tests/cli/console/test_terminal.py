from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.cli.console.terminal import visible


def test_what_prints_is_left_alone_and_the_rest_is_spelled_out() -> None:
    hostile = "naïve 🦊\x1b[2J\r\n\x00\x7f\x9b\u202e\u2028\u200b"
    assert visible(hostile) == (r"naïve 🦊\x1b[2J\r\n\x00\x7f\x9b\u202e\u2028\u200b")


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert visible(text).isprintable()
