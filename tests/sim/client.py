"""The clients of the simulated servers: what they ask, and what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from ringback.errors import BacklogFull, Draining, StorageFull
from ringback.jobs.model import Job
from ringback.jobs.store import Accepted
from ringback.service import IDEMPOTENCY_KEPT_MS, GenerationRequest
from ringback.signing.rotation import endpoint_owner
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import JOB_EVENTS, TERMINAL_EVENTS, Event, EventType
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.model import Delivery, DeliveryStatus
from tests.sim.disk import WORKSPACES
from tests.sim.network import SIGNED_WITHIN_S, Known
from tests.sim.process import Process
from tests.sim.world import HOSTS, World

_EXPECTED = (BacklogFull, Draining, StorageFull)
_OVERLAP_S = 3600.0
_ENDPOINTS_MAX = 2


@dataclass(slots=True)
class Acknowledged:
    """A submission that was answered with a job."""

    request: GenerationRequest
    job_id: str
    at_s: float
    created_at_ms: int


class Clients:
    """Everybody who asks something of a server."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self.acknowledged: dict[str, Acknowledged] = {}
        self._keyed: list[GenerationRequest] = []
        self._by_key: dict[tuple[str, str], Acknowledged] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._rotating: dict[str, Process] = {}

    def _request(
        self, process: Process, work: Coroutine[Any, Any, Any], answered: Callable[[Any], None]
    ) -> None:
        """Have a process do something; a process that dies never answers."""

        def done(task: asyncio.Task[Any]) -> None:
            exc = task.exception()
            if exc is None:
                answered(task.result())
            elif not isinstance(exc, _EXPECTED):
                self._world.ledger.fail(f"a client was answered {exc!r}")

        process.start(work).add_done_callback(done)

    # jobs

    def submit(self, process: Process) -> str:
        """Submit a job; return what was asked."""
        rng = self._rng
        workspace_id = rng.choice(WORKSPACES)
        key = f"k{rng.getrandbits(32)}" if rng.random() < 0.4 else None
        request = GenerationRequest(
            workspace_id=workspace_id,
            kind="image",
            model="ringback/null",
            type="null",
            engine="null",
            input={"prompt": f"{rng.getrandbits(32)}"},
            base_url="http://ringback.example",
            webhook_url=self._url(workspace_id) if rng.random() < 0.85 else None,
            webhook_events=self._events() if rng.random() < 0.3 else (),
            idempotency_key=key,
        )
        if key is not None:
            self._keyed.append(request)
        return self._submit(process, request)

    def repeat(self, process: Process) -> str:
        """Submit again what was submitted under a key."""
        if not self._keyed:
            return "nothing to repeat"
        return self._submit(process, self._rng.choice(self._keyed[-12:]))

    def submit_to_all(self, process: Process) -> None:
        """Submit a job for every receiver."""
        for workspace_id in WORKSPACES:
            for host in HOSTS:
                if host == "shared" or host.startswith(workspace_id):
                    request = GenerationRequest(
                        workspace_id=workspace_id,
                        kind="image",
                        model="ringback/null",
                        type="null",
                        engine="null",
                        input={},
                        base_url="http://ringback.example",
                        webhook_url=f"https://{host}.example/hook",
                    )
                    self._submit(process, request)

    def _submit(self, process: Process, request: GenerationRequest) -> str:
        self._request(process, process.service.submit(request), partial(self._accepted, request))
        key = request.idempotency_key
        whose = f"{request.workspace_id}, webhook {request.webhook_url}, key {key}"
        return f"submit to {process.name} for {whose}"

    def _accepted(self, request: GenerationRequest, accepted: Accepted) -> None:
        ledger, time = self._world.ledger, self._world.time
        job = accepted.job
        if job.job_id not in ledger.jobs:
            ledger.fail(f"job {job.job_id} was acknowledged before its commit")
        ledger.seen["replayed" if accepted.replayed else "accepted"] += 1
        fact = Acknowledged(request, job.job_id, time.now_s, job.created_at_ms)
        self.acknowledged.setdefault(job.job_id, fact)
        if request.idempotency_key is None:
            return
        before = self._by_key.get((request.workspace_id, request.idempotency_key))
        self._by_key[request.workspace_id, request.idempotency_key] = fact
        if before is None or before.job_id == job.job_id:
            return
        # A key is forgotten after a day of the wall clock, and no sooner.
        shown_ms = time.latest_wall_ms(before.at_s)
        if shown_ms - before.created_at_ms <= IDEMPOTENCY_KEPT_MS:
            ledger.fail(f"one key made the jobs {before.job_id} and {job.job_id}")

    def cancel(self, process: Process) -> str:
        """Cancel a job."""
        fact = self._any_job()
        if fact is None:
            return "nothing to cancel"
        asking = process.service.cancel(fact.job_id, workspace_id=fact.request.workspace_id)
        self._request(process, asking, self._cancelled)
        return f"cancel job {fact.job_id} at {process.name}"

    def _cancelled(self, job: Job) -> None:
        if not job.status.is_terminal or self._world.ledger.jobs[job.job_id].status != job.status:
            self._world.ledger.fail(f"job {job.job_id} was said to be {job.status}, and is not")

    def tell(self, process: Process) -> str:
        """Have an interim event of a job told."""
        pending = list(self._world.ledger.pending)
        if not pending:
            return "nothing to tell"
        job_id = self._rng.choice(pending)
        self._request(process, self._tell(process, job_id), lambda _: None)
        return f"tell of the progress of job {job_id}"

    async def _tell(self, process: Process, job_id: str) -> None:
        job = await process.store.get_job(job_id)
        assert job is not None
        event = Event(
            event_id=process.ids.uuid7(),
            workspace_id=job.workspace_id,
            job_id=job.job_id,
            type=EventType.JOB_PROGRESS,
            engine=job.engine,
            model=job.model,
            created_at_ms=self._world.time.wall_ms(),
            body=b"{}",
        )
        await process.store.add_interim_event(job, event)

    # deliveries

    def redeliver(self, process: Process) -> str:
        """Ask for another round of a delivery."""
        id_ = self._any_delivery()
        if id_ is None:
            return "nothing to redeliver"
        delivery = self._world.ledger.deliveries[id_]
        delivery.rounds_asked += 1

        def answered(begun: bool) -> None:
            delivery.rounds_asked -= not begun

        asking = self._of(process, id_, self._redeliver)
        self._request(process, asking, answered)
        return f"redeliver {id_}"

    async def _redeliver(self, process: Process, delivery: Delivery) -> bool:
        return await process.store.redeliver(delivery, now_ms=self._world.time.wall_ms())

    def cancel_delivery(self, process: Process) -> str:
        """Ask for the end of a delivery."""
        id_ = self._any_delivery()
        if id_ is None:
            return "no delivery to cancel"
        delivery = self._world.ledger.deliveries[id_]
        delivery.cancels_asked += 1

        def answered(ended: bool) -> None:
            delivery.cancels_asked -= not ended

        self._request(process, self._of(process, id_, self._end), answered)
        return f"cancel delivery {id_}"

    async def _end(self, process: Process, delivery: Delivery) -> bool:
        now_ms = self._world.time.wall_ms()
        return await process.store.end_delivery(delivery, DeliveryStatus.CANCELLED, now_ms=now_ms)

    async def _of(
        self,
        process: Process,
        id_: str,
        operation: Callable[[Process, Delivery], Coroutine[Any, Any, bool]],
    ) -> bool:
        job_id = self._world.ledger.deliveries[id_].job_id
        for delivery in await process.store.deliveries_of(job_id):
            if delivery.delivery_id == id_:
                return await operation(process, delivery)
        raise AssertionError(f"delivery {id_} is not there")

    # endpoints and keys

    def change_endpoints(self, process: Process) -> str:
        """Add an endpoint, switch one off or on, or delete one."""
        rng = self._rng
        if not self._endpoints or rng.random() < 0.4:
            return self._add_endpoint(process)
        endpoint = rng.choice(list(self._endpoints.values()))
        now_ms = self._world.time.wall_ms()
        if rng.random() < 0.2:
            del self._endpoints[endpoint.endpoint_id]
            asking = process.store.delete_endpoint(endpoint.endpoint_id, now_ms=now_ms)
            self._request(process, asking, lambda _: None)
            return f"delete endpoint {endpoint.endpoint_id}"
        is_off = rng.random() < 0.5
        self._request(process, self._switch(process, endpoint, is_off=is_off), lambda _: None)
        return f"switch endpoint {endpoint.endpoint_id} {'off' if is_off else 'on'}"

    def _add_endpoint(self, process: Process) -> str:
        rng = self._rng
        workspace_id = rng.choice(WORKSPACES)
        url = self._url(workspace_id)
        endpoint = Endpoint(
            endpoint_id=process.ids.uuid7(),
            workspace_id=workspace_id,
            url=url,
            destination=origin_of(url),
            created_at_ms=self._world.time.wall_ms(),
            events=self._events() if rng.random() < 0.3 else TERMINAL_EVENTS,
        )
        owner = endpoint_owner(endpoint.endpoint_id)
        made = process.keys.make(owner)

        def answered(added: bool) -> None:
            if added:
                self._endpoints[endpoint.endpoint_id] = endpoint
                self._world.network.secrets[owner] = [Known(made.secret)]

        asking = process.store.add_endpoint(endpoint, made.key, limit=_ENDPOINTS_MAX)
        self._request(process, asking, answered)
        return f"add endpoint {endpoint.endpoint_id} of {workspace_id} to {url}"

    async def _switch(self, process: Process, endpoint: Endpoint, *, is_off: bool) -> None:
        now_ms = self._world.time.wall_ms()
        known = await process.store.get_endpoint(endpoint.endpoint_id)
        if known is not None:
            changed = replace(
                known,
                disabled_at_ms=now_ms if is_off else None,
                disabled_reason="asked" if is_off else None,
            )
            await process.store.change_endpoint(changed, before=known, now_ms=now_ms)

    def rotate(self, process: Process) -> str:
        """Give a workspace a new secret; its receivers may use the old one for a while."""
        owner = f"workspace:{self._rng.choice(WORKSPACES)}"
        under_way = self._rotating.get(owner)
        if under_way is not None and not under_way.loop.is_closed():
            return "a rotation is under way"
        self._rotating[owner] = process
        secrets, time = self._world.network.secrets, self._world.time
        now_ms = time.wall_ms()
        # The old one signs until its time, as the receiver's next look at it may be that late.
        until_ms = now_ms + int(_OVERLAP_S * 1000)
        old = [
            Known(known.secret, known.since_s, min(known.until_ms or until_ms, until_ms))
            for known in secrets[owner]
        ]
        secrets[owner] = []

        def answered(secret: str) -> None:
            del self._rotating[owner]
            secrets[owner] = [*old[-2:], Known(secret, time.now_s + SIGNED_WITHIN_S)]

        self._request(process, process.keys.rotate(owner, overlap_s=_OVERLAP_S), answered)
        return f"rotate the secret of {owner}"

    # what may be asked about

    def _any_job(self) -> Acknowledged | None:
        facts = list(self.acknowledged.values())
        return self._rng.choice(facts[-15:]) if facts else None

    def _any_delivery(self) -> str | None:
        ids = [
            id_
            for id_, delivery in self._world.ledger.deliveries.items()
            if delivery.event in TERMINAL_EVENTS
        ]
        return self._rng.choice(ids[-20:]) if ids else None

    def _url(self, workspace_id: str) -> str:
        hosts = [host for host in HOSTS if host == "shared" or host.startswith(workspace_id)]
        return f"https://{self._rng.choice(hosts)}.example/hook"

    def _events(self) -> tuple[str, ...]:
        return tuple(event for event in JOB_EVENTS if self._rng.random() < 0.6)
