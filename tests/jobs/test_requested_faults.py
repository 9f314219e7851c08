"""The grammar of faults: every spelling is read back, and any other text is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert

from ringback.errors import InvalidFaults
from ringback.jobs.durations import DURATION_MS_MAX, about, format_duration, parse_duration
from ringback.jobs.requested_faults import ITEMS, TEXT_LENGTH_MAX, Faults, parse_faults
from ringback.jobs.transitions import HELD

DAY_MS = 86_400_000

_durations_ms = st.integers(0, DURATION_MS_MAX)
_wire = {
    "signature": st.sampled_from([None, "bad", "missing"]),
    "timestamp": st.sampled_from([None, "old", "future"]),
    "body": st.sampled_from([None, "truncated"]),
}
_webhook: dict[str, Any] = {
    **_wire,
    "delay_ms": _durations_ms,
    "hold": st.integers(0, 100),
    "reorder": st.sampled_from([0, *range(2, 9)]),
    "deliver": st.sampled_from([None, "twice", "at-once"]),
    "again_ms": st.integers(0, DAY_MS),
}
_ending = {"job": st.sampled_from([None, "fail", "cancel", "empty"]), "slow_ms": _durations_ms}
_stuck = {"stuck": st.sampled_from(sorted(HELD))}


@st.composite
def faults_of_any_kind(draw: st.DrawFn) -> Faults:
    if draw(st.integers(0, 9)) == 0:
        return Faults(answer=draw(st.sampled_from([402, 410, 429])))
    fields = {**_webhook, **draw(st.sampled_from([_ending, _stuck]))}
    values = {name: draw(strategy) for name, strategy in fields.items()}
    if any(values[name] for name in _wire):
        values["spoil"] = draw(st.integers(1, 100))
    return Faults(**values)


@given(faults_of_any_kind())
def test_a_spelling_is_read_back(faults: Faults) -> None:
    assert parse_faults(str(faults)) == faults
    assert len(str(faults)) <= TEXT_LENGTH_MAX


@given(faults_of_any_kind())
def test_every_value_is_one_of_its_type(faults: Faults) -> None:
    document = {name: getattr(faults, name) for name in Faults.__struct_fields__}
    assert convert(document, Faults) == faults


_words = st.sampled_from([*ITEMS, "none", "twice", "5s", "75h", "bad", "429", "3", "=", ";", " "])


@given(st.one_of(st.text(), st.lists(_words).map("".join), st.from_regex(r"(\w+=\w+; ?)+")))
def test_any_text_is_faults_or_one_clear_error(text: str) -> None:
    try:
        faults = parse_faults(text)
    except InvalidFaults as exc:
        text_back = str(exc)
    else:
        text_back = str(faults)
        assert parse_faults(text_back) == faults
    assert 0 < len(text_back) < 400


def test_every_field_has_one_name() -> None:
    assert [item.field for item in ITEMS.values()] == list(Faults.__struct_fields__)


def test_a_job_can_be_stuck_wherever_a_worker_holds_it() -> None:
    for status in HELD:
        assert parse_faults(f"stuck={status.value}").stuck == status.value
    with pytest.raises(ValidationError):
        convert({"stuck": "queued"}, Faults)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("none", Faults()),
        (" none ", Faults()),
        ("deliver=twice", Faults(deliver="twice")),
        ("deliver = at-once ;delay=5s", Faults(deliver="at-once", delay_ms=5_000)),
        ("hold=3; reorder=4; again=2s", Faults(hold=3, reorder=4, again_ms=2_000)),
        (
            "signature=bad; timestamp=old; body=truncated; spoil=2",
            Faults(signature="bad", timestamp="old", body="truncated", spoil=2),
        ),
        ("job=empty; slow=1.5s", Faults(job="empty", slow_ms=1_500)),
        ("answer=429", Faults(answer=429)),
        ("signature=bad; spoil=1", Faults(signature="bad")),
    ],
)
def test_the_grammar_by_example(text: str, faults: Faults) -> None:
    assert parse_faults(text) == faults


def test_the_shortest_spelling_is_in_a_fixed_order_and_in_the_largest_units() -> None:
    spelled = "delay=4500s; slow=0.25s;stuck=sampling"
    with pytest.raises(InvalidFaults, match="stuck"):
        parse_faults(spelled)
    assert str(parse_faults("delay=4500s; slow=0.25s")) == "slow=250ms; delay=75m"
    assert str(Faults()) == "none"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write name=value"),
        ("deliver=twice;", "A fault is missing"),
        ("dilever=twice", "did you mean deliver?"),
        ("xyzzy", "there are answer, job, "),
        ("Deliver=twice", "There is no fault 'Deliver'"),
        ("deliver", "deliver takes twice or at-once, not ''"),
        ("deliver=thrice", "deliver takes twice or at-once, not 'thrice'"),
        ("job=explode", "job takes fail, cancel or empty"),
        ("hold=0", "hold takes a number from 1 to 100, not '0'"),
        ("hold=٣", "hold takes a number"),
        ("reorder=9", "reorder takes a number from 2 to 8"),
        ("delay=soon", "delay takes a duration of at most 366d: 'soon' is not a duration"),
        ("delay=400d", "out of bounds"),
        ("again=2d", "again takes a duration of at most 1d, not '2d'"),
        ("delay=5s; delay=6s", "delay is there twice"),
        ("answer=429; delay=5s", "answer=429 must stand alone"),
        ("answer=500", "answer takes 402, 410 or 429"),
        ("stuck=sampling; job=fail", "does not end by itself"),
        ("stuck=queued", "stuck takes scheduled, processing, sampling or"),
        ("spoil=2", "say also by what"),
        ("none; hold=1", "There is no fault 'none'"),
        ("hold=1" + " " * 500, "longer than 500"),
        ("a" * 300, "aaa…"),
    ],
)
def test_a_mistake_is_a_sentence_that_names_the_allowed_values(text: str, says: str) -> None:
    with pytest.raises(InvalidFaults) as caught:
        parse_faults(text)
    assert says in str(caught.value)
    assert str(caught.value).endswith((".", "?", '"none".'))


@given(st.integers(1, DURATION_MS_MAX))
def test_a_duration_is_read_back(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1_500, "1.5s"),
        (59_999, "60s"),
        (90_000, "1.5m"),
        (270_000_000, "75h"),
        (543_598_125, "151h"),
    ],
)
def test_a_long_duration_is_rounded_for_people(ms: int, text: str) -> None:
    assert about(ms) == text


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("5s", 5_000),
        ("3m", 180_000),
        ("75h", 270_000_000),
        ("1.5h", 5_400_000),
        ("0.001s", 1),
        ("2d", 172_800_000),
        ("366d", DURATION_MS_MAX),
    ],
)
def test_durations_by_example(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "5 s", "5S", "1e3s", "0s", "0.5ms", "367d", "٥s", "5s\n", "1h30m"]
)
def test_a_malformed_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidFaults, match="duration"):
        parse_duration(text)


def test_no_time_at_all_can_be_shown() -> None:
    assert format_duration(0) == "0s"
