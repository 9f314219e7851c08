"""Posts per second of the sender on one core: 600-byte signed bodies, keep-alive, 128 in flight.

The receiver is a second process on another core, so that the figure is the sender's own. A bare
sketch of a sender takes turns with it on the same load: what the machine does meanwhile touches
both alike, so their ratio says more about the sender than either figure.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Sequence
from itertools import count
from typing import Protocol

import uvloop

from bench.bare_sender import BareSender
from bench.machine import LOAD_CORE, SERVER_CORE, describe, median, pin, say
from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.url import parse_target
from ringback.egress.webhook_sender import WebhookSender
from ringback.wire.signature import Signer, webhook_headers

RUNS = 3
RUN_S = 3.0
IN_FLIGHT = 128
BODY = b'{"job_id": "%b"}' % (b"x" * 584)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class _Poster(Protocol):
    def post(
        self, url: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, /
    ) -> Awaitable[object]: ...

    async def close(self) -> None: ...


class _Receiver(asyncio.Protocol):
    """Answers 204 to every request of the sender's shape; parses no more than that takes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            end += 4 + len(BODY)
            if len(self._held) < end:
                return
            self._held = self._held[end:]
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[attr-defined]


async def _receive() -> None:
    server = await asyncio.get_running_loop().create_server(_Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def posts_per_s(origin: str, *, bare: bool, run_s: float) -> float:
    """Return how many signed posts a second end well."""
    sender: _Poster = (
        BareSender(parse_target(origin).port) if bare else WebhookSender(TargetPolicy.dev())
    )
    clock = SystemClock()
    signer = Signer(SECRET)
    url = f"{origin}/hook"
    numbers = count()
    ends_at = clock.monotonic() + run_s

    async def post_until_the_end() -> int:
        posted = 0
        while clock.monotonic() < ends_at:
            webhook_id = f"019358f0-0000-7000-8000-{next(numbers):012d}"
            headers = webhook_headers(
                [signer], webhook_id=webhook_id, timestamp_s=clock.now_ms() // 1000, body=BODY
            )
            headers.append((b"content-type", b"application/json"))
            headers.append((b"user-agent", b"Ringback/bench"))
            answer = await sender.post(url, headers, BODY)
            assert getattr(answer, "status_code", answer) == 204, answer
            posted += 1
        return posted

    posted = await asyncio.gather(*(post_until_the_end() for _ in range(IN_FLIGHT)))
    await sender.close()
    return sum(posted) / run_s


def measure() -> tuple[float, float, float]:
    """Return the median posts per second of the sender and of the sketch, and their ratio."""
    command = [sys.executable, "-m", "bench.sender", "--receiver"]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    found: dict[bool, list[float]] = {False: [], True: []}
    try:
        assert receiver.stdout is not None
        origin = f"http://127.0.0.1:{int(receiver.stdout.readline())}"
        pin(SERVER_CORE)
        for run in range(RUNS + 1):
            for bare in (True, False):
                run_s = RUN_S if run else 0.5  # the first warms up
                made = uvloop.run(posts_per_s(origin, bare=bare, run_s=run_s))
                if run:
                    found[bare].append(made)
    finally:
        receiver.kill()
        receiver.wait()
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
    ratios = [sent / sketched for sent, sketched in zip(found[False], found[True], strict=True)]
    return median(found[False]), median(found[True]), median(ratios)


def main() -> None:
    """Measure and print."""
    if "--receiver" in sys.argv:
        pin(LOAD_CORE)
        uvloop.run(_receive())
        return
    print(describe())
    sender, sketch, ratio = measure()
    say(f"signed posts, {IN_FLIGHT} in flight, keep-alive", f"{sender:,.0f} /s", ">= 40,000")
    say("  a bare sketch on the same load", f"{sketch:,.0f} /s")
    say("  the sender's part of it", f"{ratio:.0%}")


if __name__ == "__main__":
    main()
