"""Cursors of the logs do not reveal the traffic of others, and nobody can forge one."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import InvalidRequest
from ringback.http.feed_cursors import FeedCursors
from ringback.signing.sealing import Sealer
from tests.api.streaming import streaming
from tests.world import WEBHOOK_URL, World, a_world

ONE, OTHER = b"1" * 64, b"2" * 64
positions = st.integers(0, 2**63 - 1)


def opened(cursors: FeedCursors, cursor: str, workspace_id: str = "studio") -> int:
    return cursors.unseal(cursor, of="events", workspace_id=workspace_id, name="after")


@given(positions)
def test_a_cursor_opens_in_its_workspace_and_list_alone(seq: int) -> None:
    cursors = FeedCursors([ONE])
    cursor = cursors.seal(seq, of="events", workspace_id="studio")
    assert opened(FeedCursors([ONE]), cursor) == seq
    assert cursor == FeedCursors([ONE]).seal(seq, of="events", workspace_id="studio")
    assert len({cursor, cursors.seal(seq, of="events", workspace_id="rival")}) == 2
    with pytest.raises(InvalidRequest, match="after must be a cursor"):
        opened(cursors, cursor, "rival")
    with pytest.raises(InvalidRequest):
        cursors.unseal(cursor, of="deliveries", workspace_id="studio", name="cursor")
    with pytest.raises(InvalidRequest):
        opened(FeedCursors([OTHER]), cursor)


def test_cursors_of_neighbouring_positions_have_nothing_in_common() -> None:
    cursors = FeedCursors([ONE])
    sealed = [cursors.seal(seq, of="events", workspace_id="studio") for seq in range(500)]
    assert sorted(sealed) != sealed
    assert len({cursor[:4] for cursor in sealed}) == len({cursor[-4:] for cursor in sealed}) == 500


def test_an_older_master_key_unseals_its_own_cursors() -> None:
    before = FeedCursors(Sealer([b"a" * 32]).keys_for("cursors"))
    after = FeedCursors(Sealer([b"b" * 32, b"a" * 32]).keys_for("cursors"))
    cursor = before.seal(7, of="events", workspace_id="studio")
    assert opened(after, cursor) == 7
    assert after.seal(7, of="events", workspace_id="studio") != cursor


def test_keys_for_another_purpose_are_others_and_not_the_master_key() -> None:
    sealer = Sealer([b"a" * 32])
    (cursors,), (sessions,) = sealer.keys_for("cursors"), sealer.keys_for("sessions")
    assert len(cursors) == len(sessions) == 64
    assert cursors != sessions
    assert b"a" * 8 not in cursors


@given(st.text(max_size=60) | st.binary(min_size=24, max_size=24).map(lambda raw: _text(raw)))
def test_a_forged_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        opened(FeedCursors([ONE]), text)


@given(positions, st.integers(0, 31))
def test_a_cursor_that_was_changed_is_refused(seq: int, index: int) -> None:
    cursors = FeedCursors([ONE])
    cursor = cursors.seal(seq, of="events", workspace_id="studio")
    changed = cursor[:index] + ("A" if cursor[index] != "A" else "B") + cursor[index + 1 :]
    with pytest.raises(InvalidRequest):
        opened(cursors, changed)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode()


async def _events(client: httpx2.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get("/events", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_workspace_cannot_count_the_events_of_others(
    world: World, client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    """The cursors of a workspace do not depend on the traffic of others."""
    for _ in range(2):
        await world.submit(headers={"X-Webhook-URL": WEBHOOK_URL})
        await world.complete()
    mine = [item["cursor"] for item in (await _events(client))["items"]]
    await world.submit(token="rival", headers={"X-Webhook-URL": WEBHOOK_URL})
    await world.complete()
    theirs = [item["cursor"] for item in (await _events(rival))["items"]]
    assert (len(mine), len(theirs)) == (2, 1)
    for cursor in mine + theirs:
        assert len(cursor) == 32
    assert (await _events(rival))["next_cursor"] not in mine


async def test_anothers_cursor_is_a_sentence_on_every_way_in(
    world: World, client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    for token in ("studio", "rival"):
        for _ in range(2):
            await world.submit(token=token, headers={"X-Webhook-URL": WEBHOOK_URL})
            await world.complete()
    event = (await _events(rival))["items"][0]["cursor"]
    page = (await rival.get("/deliveries?limit=1")).json()["next_cursor"]
    for path, name, cursor in (
        ("/events", "after", event),
        ("/events", "after", page),
        ("/deliveries", "cursor", page),
        ("/deliveries", "cursor", event),
    ):
        answer = await client.get(path, params={name: cursor})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith(f"{name} must be a cursor that this route gave")
    stream = await client.get(
        "/events", headers={"accept": "text/event-stream", "last-event-id": event}
    )
    assert stream.status_code == 400
    assert (await rival.get("/deliveries", params={"cursor": page})).status_code == 200


async def test_a_stream_goes_on_where_its_last_event_was(world: World) -> None:
    for _ in range(2):
        await world.submit()
        await world.complete()
    async with world.client() as client:
        first, second = (await _events(client))["items"]
    async with streaming(world, last_event_id=first["cursor"], query="") as (stream, _):
        await stream.until(f"id: {second['cursor']}\n")
        assert first["cursor"] not in stream.text


async def test_cursors_hold_over_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for _ in range(2):
            await world.submit()
            await world.complete()
        async with world.client() as client:
            first, second = (await _events(client))["items"]
    async with a_world(tmp_path) as again, again.client() as client:
        left = await _events(client, after=first["cursor"])
        assert [item["cursor"] for item in left["items"]] == [second["cursor"]]
