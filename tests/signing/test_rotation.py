"""Which keys sign, and in which order: a receiver that holds an older key goes on verifying."""

from __future__ import annotations

from itertools import permutations
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.signing.rotation import SIGNING_PER_KIND_MAX, SigningKey, in_force, signing_order

NOW_MS = 1_700_000_000_000


def a_key(
    key_id: str,
    *,
    kind: Literal["v1", "v1a"] = "v1",
    age_ms: int = 0,
    retires_in_ms: int | None = None,
) -> SigningKey:
    return SigningKey(
        key_id=key_id,
        kind=kind,
        sealed=f"sealed:v1:{key_id}",
        created_at_ms=NOW_MS - age_ms,
        retires_at_ms=None if retires_in_ms is None else NOW_MS + retires_in_ms,
    )


def newness(key: SigningKey) -> tuple[bool, int, str]:
    return key.retires_at_ms is None, key.created_at_ms, key.key_id


def ids(keys: list[SigningKey]) -> list[str]:
    return [key.key_id for key in keys]


ROTATION = [
    a_key("v1-new", age_ms=10),
    a_key("v1-old", age_ms=20, retires_in_ms=1),
    a_key("v1a-new", kind="v1a", age_ms=5),
    a_key("v1a-old", kind="v1a", age_ms=30, retires_in_ms=1),
]


def test_hmac_signs_before_ed25519_and_the_newest_of_each_first() -> None:
    for keys in permutations(ROTATION):
        assert ids(in_force(keys, now_ms=NOW_MS)) == ["v1-new", "v1-old", "v1a-new", "v1a-old"]


def test_of_two_keys_made_in_one_millisecond_the_later_id_is_the_newer() -> None:
    assert ids(signing_order([a_key("a"), a_key("c"), a_key("b")])) == ["c", "b", "a"]


@pytest.mark.parametrize(("retires_in_ms", "signs"), [(1, True), (0, False), (-1, False)])
def test_a_key_signs_until_its_overlap_is_over(retires_in_ms: int, signs: bool) -> None:
    keys = [a_key("new"), a_key("old", age_ms=1, retires_in_ms=retires_in_ms)]
    assert ids(in_force(keys, now_ms=NOW_MS)) == ["new", *(["old"] if signs else [])]


def test_a_key_made_by_a_machine_whose_clock_is_ahead_signs_at_once() -> None:
    assert ids(in_force([a_key("new", age_ms=-5_000)], now_ms=NOW_MS)) == ["new"]


def test_no_keys_sign_nothing() -> None:
    assert in_force([], now_ms=NOW_MS) == []


def test_however_often_a_key_is_rotated_few_of_a_kind_sign() -> None:
    many = [a_key(f"{n:03}", age_ms=n, retires_in_ms=1 if n else None) for n in range(100)]
    one = a_key("ed25519", kind="v1a", age_ms=1_000)
    assert ids(in_force([*many, one], now_ms=NOW_MS)) == ["000", "001", "002", "003", "ed25519"]
    assert SIGNING_PER_KIND_MAX == 4


keys = st.builds(
    SigningKey,
    key_id=st.uuids().map(str),
    kind=st.sampled_from(["v1", "v1a"]),
    sealed=st.just("sealed:v1:"),
    created_at_ms=st.integers(0, 50),
    retires_at_ms=st.none() | st.integers(0, 50),
)


@given(st.lists(keys, unique_by=lambda key: key.key_id), st.integers(0, 50))
def test_who_signs_does_not_depend_on_the_order_of_the_rows(
    found: list[SigningKey], now_ms: int
) -> None:
    signing = in_force(found, now_ms=now_ms)
    assert signing == in_force(found[::-1], now_ms=now_ms)
    assert signing == signing_order(signing)
    assert sorted(ids(signing_order(found))) == sorted(ids(found))
    for kind in ("v1", "v1a"):
        of_kind = [key for key in found if key.kind == kind]
        due = [key for key in of_kind if key.retires_at_ms is None or key.retires_at_ms > now_ms]
        newest = sorted(due, key=newness)[-4:]
        assert {key for key in signing if key.kind == kind} == set(newest)


def test_the_newest_key_signs_although_the_clock_was_set_back_before_it_was_made() -> None:
    old = [
        SigningKey(
            key_id=f"key_{n}", kind="v1", sealed="", created_at_ms=1_000 + n, retires_at_ms=9_000
        )
        for n in range(SIGNING_PER_KIND_MAX)
    ]
    new = SigningKey(key_id="key_new", kind="v1", sealed="", created_at_ms=10)
    assert in_force([*old, new], now_ms=20)[0] == new
