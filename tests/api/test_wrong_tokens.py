"""Wrong tokens: limits on the look-ups, and the requests that are refused."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from ringback.errors import StorageUnavailable
from ringback.http.attempts import FAILURES_MAX, FAILURES_MAX_IN_ALL, WINDOW_S, Attempts, address_of
from ringback.storage.contract import Token
from ringback.testing import FakeClock, settle
from tests.builders import open_workspaces
from tests.world import World, a_world

RIGHT = "rb_the-right-one"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path, profile="serve") as world:
        await open_workspaces(world.store, "studio")
        await _add(world, RIGHT, "t1")
        yield world


async def _add(world: World, text: str, token_id: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()
    token = Token(
        token_id=token_id, workspace_id="studio", digest=digest, hint=text[:6], created_at_ms=1
    )
    await world.store.add_token(token)


async def _list_jobs(world: World, token: str, address: str = "192.0.2.1") -> httpx2.Response:
    transport = httpx2.ASGITransport(app=world.app, client=(address, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:7464") as client:
        return await client.get("/jobs", headers={"authorization": f"Bearer {token}"})


class _Looks:
    """Counts the queries of the store's tokens, and passes them on."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = 0
        self.lists = 0
        find, listed = world.store.find_token, world.store.list_tokens

        async def find_token(digest: str) -> Token | None:
            self.tokens += 1
            return await find(digest)

        async def list_tokens() -> list[Token]:
            self.lists += 1
            return await listed()

        monkeypatch.setattr(world.store, "find_token", find_token)
        monkeypatch.setattr(world.store, "list_tokens", list_tokens)


async def test_after_ten_wrong_tokens_of_an_address_no_more_are_checked(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = _Looks(server, monkeypatch)
    statuses = [(await _list_jobs(server, f"rb_{number}")).status_code for number in range(60)]
    assert statuses == [401] * FAILURES_MAX + [429] * (60 - FAILURES_MAX)
    assert (looks.tokens, looks.lists) == (FAILURES_MAX, 1)


async def test_many_at_once_are_no_way_around_it(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = _Looks(server, monkeypatch)
    answers = await asyncio.gather(*(_list_jobs(server, f"rb_{number}") for number in range(100)))
    assert [one.status_code for one in answers].count(401) == FAILURES_MAX
    assert (looks.tokens, looks.lists) == (FAILURES_MAX, 1)


async def test_the_refusal_says_when_to_go_on(server: World) -> None:
    for number in range(FAILURES_MAX):
        await _list_jobs(server, f"rb_{number}")
    answer = await _list_jobs(server, "rb_more")
    assert answer.json()["code"] == "too_many_attempts"
    server.clock.advance(int(answer.headers["retry-after"]))
    assert (await _list_jobs(server, "rb_more")).status_code == 401


async def test_a_right_token_is_never_refused_for_its_neighbours(server: World) -> None:
    for number in range(FAILURES_MAX + 5):
        await _list_jobs(server, f"rb_{number}")
    assert (await _list_jobs(server, RIGHT)).status_code == 200
    await _add(server, "rb_made-meanwhile", "t2")
    server.clock.advance(1)
    assert (await _list_jobs(server, "rb_made-meanwhile")).status_code == 200
    assert (await _list_jobs(server, "rb_wrong")).status_code == 429


async def test_a_revoked_token_is_a_wrong_one(server: World) -> None:
    for number in range(FAILURES_MAX):
        await _list_jobs(server, f"rb_{number}")
    assert (await _list_jobs(server, RIGHT)).status_code == 200
    await server.store.revoke_token("t1", now_ms=2)
    server.clock.advance(1)
    assert (await _list_jobs(server, RIGHT)).status_code == 429


async def test_right_tokens_are_not_counted(server: World) -> None:
    for _ in range(FAILURES_MAX * 3):
        assert (await _list_jobs(server, RIGHT)).status_code == 200
        server.clock.advance(1.5)
    assert (await _list_jobs(server, "rb_wrong")).status_code == 401


async def test_another_address_has_attempts_of_its_own_until_all_have_used_theirs(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = _Looks(server, monkeypatch)
    count = FAILURES_MAX_IN_ALL // FAILURES_MAX + 5
    for address in range(count):
        for number in range(FAILURES_MAX):
            await _list_jobs(server, f"rb_{number}", f"198.51.100.{address}")
    assert looks.tokens == FAILURES_MAX_IN_ALL
    assert (await _list_jobs(server, RIGHT, "203.0.113.9")).status_code == 200


async def test_the_tools_share_the_count(server: World) -> None:
    transport = httpx2.ASGITransport(app=server.app, client=("192.0.2.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:7464") as client:
        statuses = []
        for number in range(FAILURES_MAX + 2):
            path = "/mcp" if number % 2 else "/jobs"
            headers = {"authorization": f"Bearer rb_{number}"}
            method = "POST" if number % 2 else "GET"
            statuses.append((await client.request(method, path, headers=headers)).status_code)
    assert statuses == [401] * FAILURES_MAX + [429, 429]


async def test_a_database_that_is_away_makes_no_token_a_wrong_one(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as outage:
        outage.setattr(server.store, "find_token", away)
        for _ in range(FAILURES_MAX * 2):
            assert (await _list_jobs(server, RIGHT)).status_code == 503
    answers = [
        (await _list_jobs(server, f"rb_{number}")).status_code for number in range(FAILURES_MAX)
    ]
    assert answers == [401] * FAILURES_MAX


async def test_concurrent_requests_wait_for_one_query_of_the_tokens(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FAILURES_MAX):
        await _list_jobs(server, f"rb_{number}")
    looks, over = 0, asyncio.Event()

    async def away_for_long() -> list[Token]:
        nonlocal looks
        looks += 1
        await over.wait()
        raise StorageUnavailable("away")

    monkeypatch.setattr(server.store, "list_tokens", away_for_long)
    requests = [asyncio.ensure_future(_list_jobs(server, RIGHT)) for _ in range(20)]
    await settle()
    over.set()
    answers = await asyncio.gather(*requests)
    assert ([one.status_code for one in answers], looks) == ([503] * 20, 1)


async def test_a_client_that_leaves_does_not_cancel_the_query_for_others(
    server: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FAILURES_MAX):
        await _list_jobs(server, f"rb_{number}")
    listed, over = server.store.list_tokens, asyncio.Event()

    async def slowly() -> list[Token]:
        await over.wait()
        return await listed()

    monkeypatch.setattr(server.store, "list_tokens", slowly)
    first, second = (asyncio.ensure_future(_list_jobs(server, RIGHT)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    over.set()
    assert (await second).status_code == 200


async def test_in_dev_any_token_opens_and_none_is_counted(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for number in range(FAILURES_MAX * 3):
            assert (await _list_jobs(world, f"name-{number}")).status_code == 200


def test_the_memory_for_addresses_is_bounded() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for number in range(5_000):
        attempts.begin(f"address-{number}")
        clock.advance(WINDOW_S / 100)
    assert attempts.addresses_count <= 1_024


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("2001:db8:1:2::9", 1), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (None, ""),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    client: tuple[str, int] | None, address: str
) -> None:
    assert address_of({"type": "http", "client": client}) == address
