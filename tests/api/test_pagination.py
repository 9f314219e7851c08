from __future__ import annotations

import random
from datetime import datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import InvalidRequest
from ringback.http.pagination import before_id, cursor_after
from ringback.ids import Ids, uuid7_floor
from tests.world import World

ids = st.builds(
    lambda ms, seed: Ids(lambda: ms, random.Random(seed).getrandbits).uuid7(),
    st.integers(0, 4_000_000_000_000),
    st.integers(0, 1 << 32),
)


@given(ids)
def test_a_cursor_names_exactly_the_job_it_was_made_after(job_id: str) -> None:
    assert before_id(cursor_after(job_id)) == job_id


@given(ids, ids)
def test_cursors_sort_as_their_jobs_do(one: str, other: str) -> None:
    assert (one < other) == (cursor_after(one) < cursor_after(other))


@given(ids)
def test_a_cursor_is_a_time_that_others_can_read(job_id: str) -> None:
    assert datetime.fromisoformat(cursor_after(job_id)).tzinfo is not None


@pytest.mark.parametrize(
    ("cursor", "at_ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01 00:00:01.5z", 1500),
        ("1970-01-01T01:00:01.234+01:00", 1234),
        ("1970-01-01T01:00:01.234 01:00", 1234),
        ("1970-01-01T00:00:01.234000Z", 1234),
        ("1970-01-01T00:00:01.234001Z", 1235),
        ("1969-12-31T23:59:59Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
        ("0000-02-29T00:00:00Z", 0),
        ("1972-06-30t23:59:60z", 78_796_800_000),
        ("1970-01-01T00:00:01.234" + "9" * 23 + "Z", 1235),
    ],
)
def test_a_bare_time_means_created_before_it(cursor: str, at_ms: int) -> None:
    assert before_id(cursor) == uuid7_floor(at_ms)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        before_id(f"{text}!")


async def test_every_job_is_on_one_page_also_when_others_are_made_in_between(
    world: World, client: httpx2.AsyncClient
) -> None:
    # The clock stands still: all of them share one millisecond.
    made = [(await world.submit())["job_id"] for _ in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "3"} if cursor is None else {"limit": "3", "cursor": cursor}
        page = (await client.get("/jobs", params=query)).json()
        seen += [item["job_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await world.submit()
    assert seen == made[::-1]


async def test_a_page_that_is_exactly_full_is_the_last(
    world: World, client: httpx2.AsyncClient
) -> None:
    for _ in range(3):
        await world.submit()
    assert (await client.get("/jobs?limit=3")).json()["next_cursor"] is None
    assert (await client.get("/jobs?limit=2")).json()["next_cursor"] is not None


async def test_a_page_can_begin_at_a_time(world: World, client: httpx2.AsyncClient) -> None:
    before = (await world.submit())["job_id"]
    world.clock.advance(1)
    middle = await world.submit()
    page = (await client.get("/jobs", params={"cursor": middle["created_at"]})).json()
    assert [item["job_id"] for item in page["items"]] == [before]
