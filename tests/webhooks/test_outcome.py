"""Outcomes of answers, and Retry-After in every spelling."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Answer, Reason, Timings
from ringback.webhooks.outcome import Outcome, classify, retry_after_s
from ringback.wire.http_date import parse_retry_after

NOW_MS = 784_111_777_000  # Sun, 06 Nov 1994 08:49:37 GMT


def an_answer(status_code: int | None, reason: Reason | None, **headers: str) -> Answer:
    pairs = tuple((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items())
    timings = Timings(total_ms=1.0)
    return Answer(status_code=status_code, reason=reason, headers=pairs, timings=timings)


@pytest.mark.parametrize(
    ("status_code", "reason", "outcome"),
    [
        (200, None, Outcome.DELIVERED),
        (204, None, Outcome.DELIVERED),
        (299, None, Outcome.DELIVERED),
        (200, Reason.TIMEOUT, Outcome.RETRY),
        (200, Reason.PROTOCOL, Outcome.RETRY),
        (301, Reason.REDIRECT, Outcome.RETRY),
        (400, Reason.STATUS, Outcome.RETRY),
        (404, Reason.STATUS, Outcome.RETRY),
        (410, Reason.STATUS, Outcome.GIVE_UP),
        (410, Reason.PROTOCOL, Outcome.RETRY),
        (429, Reason.STATUS, Outcome.RETRY),
        (503, Reason.STATUS, Outcome.RETRY),
        (None, Reason.BLOCKED_TARGET, Outcome.RETRY),
        (None, Reason.DNS, Outcome.RETRY),
    ],
)
def test_what_an_answer_means(
    status_code: int | None, reason: Reason | None, outcome: Outcome
) -> None:
    assert classify(an_answer(status_code, reason)) is outcome


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0),
        (b"120", 120),
        (b" 120 ", 120),
        (b"000000000000000120", 120),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 0),
        (b"Sun, 06 Nov 1994 08:51:37 GMT", 120),
        (b"Sun, 06 Nov 1993 08:51:37 GMT", 0),
        (b"Sun, 06 Nov 1994 08:49:60 GMT", 22),
        (b"Sunday, 06-Nov-94 08:51:37 GMT", 120),
        (b"Wednesday, 06-Nov-93 08:51:37 GMT", 0),
        (b"Sunday, 06-Nov-44 08:49:37 GMT", 1_577_923_200),
        (b"Sunday, 06-Nov-45 08:49:37 GMT", 0),
        (b"Sun Nov  6 08:51:37 1994", 120),
        (b"Wed Nov 16 08:49:37 1994", 864_000),
    ],
)
def test_retry_after_is_read(value: bytes, seconds: float) -> None:
    assert parse_retry_after(value, now_ms=NOW_MS) == seconds


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"-1",
        b"1.5",
        b"1e9",
        b"nan",
        b"inf",
        b"soon",
        b"\xd9\xa1",
        b"1_000",
        b"Sun, 99 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 25:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37 +0100",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 94 08:49:37 GMT",
        b"Sunday, 06-Nov-1994 08:49:37 GMT",
        b"Sun Nov  0 08:49:37 1994",
        b"Sun Nov   08:49:37 1994",
        b"Sun Nov  6 08:49:37 1994 GMT",
    ],
)
def test_retry_after_that_makes_no_sense_is_as_good_as_none(value: bytes) -> None:
    assert parse_retry_after(value, now_ms=NOW_MS) is None


@given(st.binary() | st.from_regex(rb"[0-9]{1,10000}", fullmatch=True))
def test_no_retry_after_raises_or_is_negative(value: bytes) -> None:
    seconds = parse_retry_after(value, now_ms=NOW_MS)
    assert seconds is None or 0 <= seconds < 1e9


def test_an_answer_may_ask_for_time() -> None:
    assert retry_after_s(an_answer(503, Reason.STATUS, retry_after="7"), now_ms=NOW_MS) == 7
    assert retry_after_s(an_answer(503, Reason.STATUS), now_ms=NOW_MS) is None


def test_deciding_needs_no_event_loop() -> None:
    code = (
        "import sys, ringback.webhooks.outcome, ringback.webhooks.schedule\n"
        "assert not {'asyncio', 'socket', 'ssl'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
