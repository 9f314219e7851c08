"""Conditional requests and ranges, by the tables of RFC 9110."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from ringback.errors import PreconditionFailed, RangeNotSatisfiable
from ringback.http.conditions import Validators, is_known, is_same_version
from ringback.http.ranges import range_in

FILE = Validators(tag='"fox.png"', saved_at_s=784_111_777)  # the RFC's own example of a date
THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
SPELLINGS = (THEN, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994")
BEFORE, AFTER = "Sun, 06 Nov 1994 08:49:36 GMT", "Mon, 07 Nov 1994 00:00:00 GMT"

SENT, KNOWN, REFUSED = False, True, None
TABLE: list[tuple[list[tuple[str, str]], bool | None]] = [
    ([], SENT),
    ([("if-none-match", '"fox.png"')], KNOWN),
    ([("if-none-match", 'W/"fox.png"')], KNOWN),
    ([("if-none-match", '"a", "fox.png"')], KNOWN),
    ([("if-none-match", '"a,b" ,W/"fox.png",')], KNOWN),
    ([("if-none-match", '"a"'), ("if-none-match", 'W/"fox.png"')], KNOWN),
    ([("if-none-match", "*")], KNOWN),
    ([("if-none-match", " * ")], KNOWN),
    ([("if-none-match", '"a"')], SENT),
    ([("if-none-match", 'w/"fox"')], SENT),
    ([("if-none-match", "fox.png")], SENT),
    ([("if-none-match", "")], SENT),
    ([("if-none-match", '"fox.png')], SENT),
    ([("if-match", '"fox.png"')], SENT),
    ([("if-match", "*")], SENT),
    ([("if-match", '"a", "fox.png"')], SENT),
    ([("if-match", 'W/"fox.png"')], REFUSED),
    ([("if-match", '"a"')], REFUSED),
    ([("if-match", "")], REFUSED),
    ([("if-match", '"fox.png"'), ("if-none-match", '"fox.png"')], KNOWN),
    ([("if-match", '"a"'), ("if-none-match", '"fox.png"')], REFUSED),
    *(([("if-modified-since", then)], KNOWN) for then in (*SPELLINGS, AFTER)),
    ([("if-modified-since", BEFORE)], SENT),
    ([("if-modified-since", "yesterday")], SENT),
    ([("if-modified-since", "Sun, 99 Nov 1994 08:49:37 GMT")], SENT),
    ([("if-modified-since", THEN), ("if-modified-since", THEN)], SENT),
    ([("if-none-match", '"a"'), ("if-modified-since", AFTER)], SENT),
    *(([("if-unmodified-since", then)], SENT) for then in (*SPELLINGS, AFTER)),
    ([("if-unmodified-since", BEFORE)], REFUSED),
    ([("if-unmodified-since", "yesterday")], SENT),
    ([("if-match", "*"), ("if-unmodified-since", BEFORE)], SENT),
]


@pytest.mark.parametrize(("sent", "verdict"), TABLE, ids=str)
def test_conditions_have_the_order_of_the_rfc(
    sent: list[tuple[str, str]], verdict: bool | None
) -> None:
    headers = Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in sent])
    if verdict is None:
        with pytest.raises(PreconditionFailed, match=r"If-.*send it without"):
            is_known(headers, FILE)
    else:
        assert is_known(headers, FILE) is verdict


@pytest.mark.parametrize(
    ("condition", "is_same"),
    [
        ('"fox.png"', True),
        ('W/"fox.png"', False),
        ('"a", "fox.png"', False),
        ('"a"', False),
        ("*", False),
        ("fox.png", False),
        (BEFORE, False),
        (AFTER, False),
        *((then, True) for then in SPELLINGS),
    ],
)
def test_a_part_is_sent_of_the_version_that_if_range_names(condition: str, is_same: bool) -> None:
    assert is_same_version(Headers({"if-range": condition}), FILE) is is_same
    assert is_same_version(Headers({}), FILE)


WHOLE, BEYOND = None, "beyond"
NINES = "9" * 5_000


@pytest.mark.parametrize(
    ("requested", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("Bytes=0-9", (0, 10)),
        ("bytes= 0-9", (0, 10)),
        ("bytes=0-9 ,", (0, 10)),
        ("bytes=,0-9", (0, 10)),
        ("bytes=90-", (90, 10)),
        ("bytes=90-200", (90, 10)),
        (f"bytes=90-{NINES}", (90, 10)),
        ("bytes=-10", (90, 10)),
        ("bytes=-1000", (0, 100)),
        (f"bytes=-{NINES}", (0, 100)),
        (f"bytes=0{'0' * 50}-9", (0, 10)),
        ("bytes=100-", BEYOND),
        (f"bytes={NINES}-", BEYOND),
        ("bytes=-0", BEYOND),
        ("bytes=9-0", WHOLE),
        ("bytes=0-1,3-4", WHOLE),
        ("bytes=" + "0-," * 900, WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=", WHOLE),
        ("bytes", WHOLE),
        ("bytes=0 - 9", WHOLE),
        ("bytes=\u00b2-", WHOLE),
        ("bytes=+0-9", WHOLE),
        ("items=0-9", WHOLE),
        ("-", WHOLE),
    ],
    ids=lambda value: str(value)[:30],
)
def test_one_range_is_found_and_any_other_header_ignored(
    requested: str, part: tuple[int, int] | str | None
) -> None:
    if part == BEYOND:
        with pytest.raises(RangeNotSatisfiable):
            range_in(requested, size_bytes=100)
        return
    found = range_in(requested, size_bytes=100)
    assert (None if found is None else (found.first, found.count)) == part
