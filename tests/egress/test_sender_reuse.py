"""When the sender uses a connection again, and when it must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ringback.egress.answer import Answer, Reason
from ringback.egress.pool import PoolSettings
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import (
    FakeClock,
    FakeReceiver,
    FakeResolver,
    close_after,
    hang,
    respond,
    settle,
)

MakeSender = Callable[..., WebhookSender]

HEADERS = [(b"content-type", b"application/json"), (b"webhook-id", b"d-1")]


async def post(sender: WebhookSender, url: str, body: bytes = b"{}") -> Answer:
    return await sender.post(url, HEADERS, body)


async def test_a_connection_is_used_again(make_sender: MakeSender) -> None:
    async with FakeReceiver([200, 204, 500, 410, 200]) as receiver:
        sender = make_sender()
        answers = [await post(sender, receiver.url) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 204, 500, 410, 200]
    assert [answer.reused for answer in answers] == [False, True, True, True, True]
    assert answers[1].timings.connect_ms is None
    assert receiver.connections_count == 1


async def test_a_connection_that_died_idle_is_replaced_and_the_post_not_lost(
    make_sender: MakeSender,
) -> None:
    async with FakeReceiver([200, close_after(), 200]) as receiver:
        sender = make_sender()
        await post(sender, receiver.url)
        answer = await post(sender, receiver.url)
    assert answer.status_code == 200
    assert not answer.reused
    assert receiver.requests_count == 3
    assert receiver.connections_count == 2


async def test_a_fresh_connection_that_dies_is_not_tried_twice(make_sender: MakeSender) -> None:
    async with FakeReceiver(then=close_after()) as receiver:
        answer = await post(make_sender(), receiver.url)
    assert answer.reason is Reason.PROTOCOL
    assert receiver.requests_count == 1


async def test_a_connection_that_the_receiver_closed_while_idle_is_not_used(
    make_sender: MakeSender,
) -> None:
    async with FakeReceiver() as receiver:
        sender = make_sender()
        await post(sender, receiver.url)
        receiver.drop_connections()
        await settle(100)
        answer = await post(sender, receiver.url)
    assert answer.status_code == 200
    assert receiver.requests_count == 2


@pytest.mark.parametrize("age_s", [21.0, 121.0])
async def test_an_old_connection_is_not_used(make_sender: MakeSender, age_s: float) -> None:
    clock = FakeClock()
    pool = PoolSettings(idle_age_s_max=20.0 if age_s < 100 else 1000.0)
    async with FakeReceiver() as receiver:
        sender = make_sender(clock=clock, settings=ClientSettings(pool=pool))
        await post(sender, receiver.url)
        clock.advance(age_s)
        answer = await post(sender, receiver.url)
    assert not answer.reused
    assert receiver.connections_count == 2


async def test_a_name_that_moves_takes_its_posts_along_within_half_a_minute(
    make_sender: MakeSender,
) -> None:
    clock = FakeClock()
    resolver = FakeResolver({"localhost": [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]})
    pool = PoolSettings(idle_age_s_max=1000)
    async with FakeReceiver(host="0.0.0.0") as receiver:
        sender = make_sender(clock=clock, resolver=resolver, settings=ClientSettings(pool=pool))
        answers = []
        for _ in range(4):
            answers.append(await post(sender, receiver.url_at("/", host="localhost")))
            clock.advance(16)
    assert [answer.address for answer in answers] == ["127.0.0.1"] * 2 + ["127.0.0.2"] * 2
    assert [answer.reused for answer in answers] == [False, True, False, True]
    assert len(resolver.questions) == 2


async def test_an_open_connection_is_used_on_after_its_name_was_resolved_again(
    make_sender: MakeSender,
) -> None:
    clock = FakeClock()
    resolver = FakeResolver({"localhost": ["127.0.0.1"]})
    pool = PoolSettings(idle_age_s_max=1000)
    async with FakeReceiver() as receiver:
        sender = make_sender(clock=clock, resolver=resolver, settings=ClientSettings(pool=pool))
        url = receiver.url_at("/", host="localhost")
        await post(sender, url)
        clock.advance(31)
        answer = await post(sender, url)
    assert answer.reused
    assert (answer.timings.dns_ms, answer.timings.connect_ms) == (0.0, None)
    assert len(resolver.questions) == 2


async def test_a_connection_that_dies_after_a_new_look_up_is_replaced_too(
    make_sender: MakeSender,
) -> None:
    clock = FakeClock()
    resolver = FakeResolver({"localhost": ["127.0.0.1"]})
    pool = PoolSettings(idle_age_s_max=1000)
    async with FakeReceiver([200, close_after(), 200]) as receiver:
        sender = make_sender(clock=clock, resolver=resolver, settings=ClientSettings(pool=pool))
        url = receiver.url_at("/", host="localhost")
        await post(sender, url)
        clock.advance(31)
        answer = await post(sender, url)
    assert (answer.status_code, answer.reused) == (200, False)


async def test_a_full_pool_closes_what_comes_back(make_sender: MakeSender) -> None:
    pool = PoolSettings(idle_per_origin_max=1)
    async with FakeReceiver() as receiver:
        sender = make_sender(settings=ClientSettings(pool=pool))
        await asyncio.gather(*(post(sender, receiver.url) for _ in range(3)))
        answers = await asyncio.gather(*(post(sender, receiver.url) for _ in range(3)))
    assert sum(answer.reused for answer in answers) == 1


async def test_connection_close_is_honoured(make_sender: MakeSender) -> None:
    closing = respond(200, headers=[("connection", "close")])
    async with FakeReceiver([closing]) as receiver:
        sender = make_sender()
        assert (await post(sender, receiver.url)).status_code == 200
        assert not (await post(sender, receiver.url)).reused


async def test_a_cancelled_post_gives_its_connection_up(make_sender: MakeSender) -> None:
    async with FakeReceiver([hang()]) as receiver:
        sender = make_sender()
        posting = asyncio.create_task(post(sender, receiver.url))
        await receiver.wait_for(1)
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
        answer = await post(sender, receiver.url)
    assert answer.status_code == 200
    assert not answer.reused
