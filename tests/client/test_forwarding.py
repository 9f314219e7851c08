"""Forwarding: a real server, a real local program, and the forwarder between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook

from ringback import AsyncRingback, NotFoundError
from ringback.client.errors import ClientError
from ringback.client.forwarding import Forwarder
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.receiver import Receiver
from ringback.testing import (
    FakeReceiver,
    ReceivedRequest,
    endless,
    hang,
    redirect,
    reset,
    respond,
)
from ringback.testing.emulator import Emulator

NULL = "ringback/null"
TIMEOUT_S = 1.0
SOON_S = 15.0


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that tries again at once; each test has a workspace of its own."""
    with Emulator(
        tmp_path_factory.mktemp("emulator"),
        webhook_timeout_s=TIMEOUT_S,
        webhook_schedule_s=(0.0, 0.05, 0.05, 0.05),
        breaker_pause_s=0.2,
    ) as running:
        yield running


@pytest.fixture
async def client(
    emulator: Emulator, request: pytest.FixtureRequest
) -> AsyncIterator[AsyncRingback]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:60]
    async with AsyncRingback(name, emulator.url) as made:
        yield made


class Seen:
    """An observer that records its calls."""

    def __init__(self) -> None:
        self.secret = ""
        self.endpoint_id = ""
        self.outcomes: list[tuple[HandedDelivery, LocalAnswer, Delivery | ClientError]] = []
        self._changed = asyncio.Event()

    def opened(self, listener: Endpoint) -> None:
        self.secret = listener.secret or ""
        self.endpoint_id = listener.endpoint_id

    def connected(self, *, again: bool) -> None:
        self._changed.set()

    def lost(self, error: ClientError) -> None:
        raise error

    def forwarded(
        self, delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
    ) -> None:
        self.outcomes.append((delivery, answer, after))
        self._changed.set()

    async def until(self, count: int) -> None:
        """Return once so many deliveries were forwarded."""
        async with asyncio.timeout(SOON_S):
            while len(self.outcomes) < count:
                self._changed.clear()
                await self._changed.wait()

    async def connect(self) -> None:
        async with asyncio.timeout(SOON_S):
            await self._changed.wait()


@asynccontextmanager
async def forwarding(client: AsyncRingback, url: str, **more: Any) -> AsyncIterator[Seen]:
    """Forward for the time of the context, once connected."""
    seen = Seen()
    forwarder = Forwarder(client, url, **{"name": "ed", "observer": seen, **more})
    task = asyncio.create_task(forwarder.run())
    connected = asyncio.create_task(seen.connect())
    await asyncio.wait([task, connected], return_when=asyncio.FIRST_COMPLETED)
    try:
        assert not task.done(), task.exception()
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])


async def submit(client: AsyncRingback, **more: Any) -> str:
    return (await client.image(NULL, prompt="a fox", **more)).job_id


async def log_of(client: AsyncRingback, job_id: str) -> Delivery:
    (found,) = (await client.deliveries.list(job_id=job_id)).items
    return await client.deliveries.get(found.delivery_id)


async def test_a_forwarded_webhook_is_genuine_and_its_answer_is_in_the_log(
    client: AsyncRingback,
) -> None:
    answer = respond(200, headers=[("server", "local"), ("set-cookie", "a=1")], body=b"thanks")
    async with FakeReceiver(then=answer) as local, forwarding(client, local.url) as seen:
        job_id = await submit(client)
        await seen.until(1)
        (request,) = local.requests
    headers = dict(request.headers)
    assert Webhook(seen.secret).verify(request.body.decode(), headers)["job_id"] == job_id
    event = Receiver(seen.secret).verify(headers, request.body)
    assert event.job is not None
    assert event.job.job_id == job_id
    assert headers["ringback-event"] == "job.completed"
    assert headers["user-agent"].startswith("Ringback/")
    delivery = await log_of(client, job_id)
    assert (delivery.status, delivery.url) == ("delivered", "listener:ed")
    assert delivery.delivery_id == headers["webhook-id"]
    (attempt,) = delivery.attempts
    assert (attempt["status_code"], attempt["response"]) == (200, "thanks")
    assert ["set-cookie", "(redacted)"] in attempt["response_headers"]
    assert ["webhook-signature", headers["webhook-signature"]] in attempt["request_headers"]
    assert 0 < attempt["timings"]["first_byte_ms"] <= 1_000 * TIMEOUT_S


async def test_a_local_program_gets_the_servers_headers_and_none_of_this_ends(
    client: AsyncRingback,
) -> None:
    answer = respond(200, headers=[("set-cookie", "id=7; Path=/")])
    async with FakeReceiver(then=answer) as local, forwarding(client, local.url) as seen:
        for count in (1, 2):
            await submit(client)
            await seen.until(count)
    for request, (delivery, _, _) in zip(local.requests, seen.outcomes, strict=True):
        assert request.header("accept-encoding") == "identity"
        of_http = {"host", "content-length", "accept-encoding"}
        assert {name for name, _ in request.headers} - of_http == {
            name for name, _ in delivery.headers
        }


async def test_a_local_program_that_fails_is_tried_again_by_the_schedule(
    client: AsyncRingback,
) -> None:
    async with FakeReceiver([500, reset(), 204]) as local, forwarding(client, local.url) as seen:
        job_id = await submit(client)
        await seen.until(3)
        ids = {request.header("webhook-id") for request in local.requests}
        numbers = [request.header("ringback-attempt") for request in local.requests]
    assert (len(ids), numbers) == (1, ["1", "2", "3"])
    delivery = await log_of(client, job_id)
    answers = [(one["status_code"], one["reason"]) for one in delivery.attempts]
    assert answers == [(500, "status"), (None, "protocol"), (204, None)]


async def test_a_local_program_that_was_down_gets_the_webhook_later(client: AsyncRingback) -> None:
    local = FakeReceiver()
    async with local:
        pass  # its port is known, and nobody answers there
    async with forwarding(client, local.url) as seen:
        job_id = await submit(client)
        await seen.until(1)
        async with local:
            await local.wait_for(1, SOON_S)
            await seen.until(2)
    delivery = await log_of(client, job_id)
    assert delivery.status == "delivered"
    assert delivery.attempts[0]["reason"] == "connect"


async def test_a_local_program_that_hangs_has_one_deadline(client: AsyncRingback) -> None:
    async with FakeReceiver([hang()]) as local, forwarding(client, local.url) as seen:
        job_id = await submit(client)
        await seen.until(2)
    first, second = (await log_of(client, job_id)).attempts
    assert (first["reason"], first["status_code"]) == ("timeout", None)
    assert 1_000 * TIMEOUT_S <= first["duration_ms"] < 5_000 * TIMEOUT_S
    assert second["reason"] is None


async def test_a_local_programs_answer_is_capped_and_its_redirect_not_followed(
    client: AsyncRingback,
) -> None:
    long = endless(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"x" * 4096)
    escapes = [("x-evil", "\x1b[2J"), ("x-much", "y" * 8_000), ("x-more", "z" * 8_000)]
    odd = respond(200, headers=escapes, body=b"\xff\x00\x1b")
    answers = [long, redirect("http://127.0.0.1:1/"), odd]
    async with FakeReceiver(answers) as local, forwarding(client, local.url) as seen:
        first, second = await submit(client), ""
        await seen.until(1)
        second = await submit(client)
        await seen.until(3)
        assert local.requests_count == 3
    (attempt,) = (await log_of(client, first)).attempts
    assert (attempt["reason"], attempt["response_truncated"]) == (None, True)
    assert len(attempt["response"]) == 16_384
    moved, answered = (await log_of(client, second)).attempts
    assert (moved["reason"], moved["status_code"]) == ("redirect", 302)
    assert (answered["reason"], answered["response_encoding"]) == (None, "base64")
    assert dict(answered["response_headers"])["x-evil"] == "?[2J"


async def test_two_programs_share_one_listeners_deliveries(client: AsyncRingback) -> None:
    async with FakeReceiver() as one, FakeReceiver() as two:
        async with (
            forwarding(client, one.url, at_once=1) as first,
            forwarding(client, two.url, at_once=1) as second,
        ):
            jobs = {await submit(client) for _ in range(20)}
            async with asyncio.timeout(SOON_S):
                while len(first.outcomes) + len(second.outcomes) < 20:
                    await asyncio.wait(
                        [
                            asyncio.ensure_future(seen.until(len(seen.outcomes) + 1))
                            for seen in (first, second)
                        ],
                        return_when=asyncio.FIRST_COMPLETED,
                    )
        brought = [json.loads(r.body)["job_id"] for r in (*one.requests, *two.requests)]
        assert sorted(brought) == sorted(jobs)


async def test_a_leaving_programs_deliveries_are_the_next_programs_at_once(
    client: AsyncRingback,
) -> None:
    async with FakeReceiver([hang()]) as local:
        async with forwarding(client, local.url):
            job_id = await submit(client)
            await local.wait_for(1, SOON_S)
        async with forwarding(client, local.url) as seen:
            await seen.until(1)
        first, second = local.requests
    assert first.header("webhook-id") == second.header("webhook-id")
    assert second.header("ringback-attempt") == "1"
    assert len((await log_of(client, job_id)).attempts) == 1


async def test_only_selected_events_are_forwarded_and_a_jobs_own_url_is_the_jobs(
    client: AsyncRingback,
) -> None:
    async with FakeReceiver() as local, FakeReceiver() as own:
        async with forwarding(client, local.url, events=["job.completed"], models=[NULL]) as seen:
            failed = await submit(client, headers={"x-ringback-lab": "job=fail"})
            await client.jobs.wait(failed, check=False)
            job_id = await submit(client, webhook_url=own.url)
            await seen.until(1)
            await own.wait_for(1, SOON_S)
        assert [json.loads(r.body)["job_id"] for r in local.requests] == [job_id]
        assert own.requests[0].header("webhook-id") != local.requests[0].header("webhook-id")


async def test_deliveries_wait_while_no_program_listens(
    client: AsyncRingback,
) -> None:
    async with FakeReceiver() as local:
        async with forwarding(client, local.url):
            pass
        jobs = [await submit(client) for _ in range(5)]
        for job_id in jobs:
            await client.jobs.wait(job_id)
        async with forwarding(client, local.url) as seen:
            await seen.until(5)
            assert not seen.secret
        assert {json.loads(r.body)["job_id"] for r in local.requests} == set(jobs)


async def test_the_labs_faults_apply_to_a_listeners_deliveries(client: AsyncRingback) -> None:
    faults = {"x-ringback-lab": "deliver=twice"}
    async with FakeReceiver() as local, forwarding(client, local.url) as seen:
        await submit(client, headers=faults)
        await seen.until(1)
        assert local.requests_count == 2
        first, second = local.requests
        assert first.header("webhook-id") == second.header("webhook-id")


def hang_unless_ended(request: ReceivedRequest, transport: asyncio.Transport) -> None:
    """Answer to the end of a job alone."""
    if request.header("ringback-event") == "job.completed":
        transport.write(respond(204))


async def test_interim_posts_of_a_job_are_cancelled_at_its_end(client: AsyncRingback) -> None:
    events = ["job.started", "job.completed"]
    async with (
        FakeReceiver(then=hang_unless_ended) as local,
        forwarding(client, local.url, events=events) as seen,
    ):
        await client.image("bfl/flux-1-dev", prompt="a fox", width=512, height=512)
        async with asyncio.timeout(SOON_S):
            while not any(one[0].event == "job.completed" for one in seen.outcomes):
                await seen.until(len(seen.outcomes) + 1)
        posted = [one.header("ringback-event") for one in local.requests]
    # Whether the start was sent in time depends on when the listener was noticed.
    assert posted[-1] == "job.completed"
    assert [delivery.event for delivery, _, _ in seen.outcomes][-1] == "job.completed"


async def test_a_forgotten_listener_ends_its_programs(client: AsyncRingback) -> None:
    await client.webhooks.listeners.open("ed")
    await client.webhooks.listeners.forget("ed")
    assert await client.webhooks.endpoints.list() == ()
    with pytest.raises(NotFoundError):
        async for _ in client.webhooks.listeners.deliveries("ed"):
            pass
