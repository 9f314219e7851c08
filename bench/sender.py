"""Posts per second of the sender on one core: 600-byte signed bodies, keep-alive, 128 in flight.

The receiver is a second process on another core, so that the figure is the sender's own.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from itertools import count

import uvloop

from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.sender import Sender
from ringback.wire.signature import Signer, webhook_headers

RUNS = 3
RUN_S = 3.0
IN_FLIGHT = 128
BODY = b'{"job_id": "%b"}' % (b"x" * 584)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


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


async def _measure(port: int, run_s: float) -> float:
    clock = SystemClock()
    signer = Signer(SECRET)
    sender = Sender(TargetPolicy.dev())
    url = f"http://127.0.0.1:{port}/hook"
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
            assert answer.status_code == 204, answer
            posted += 1
        return posted

    posted = await asyncio.gather(*(post_until_the_end() for _ in range(IN_FLIGHT)))
    await sender.close()
    return sum(posted) / run_s


def _pin(core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def measure() -> float:
    """Return the median posts per second."""
    command = [sys.executable, "-m", "bench.sender", "--receiver"]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    try:
        assert receiver.stdout is not None
        port = int(receiver.stdout.readline())
        _pin(0)
        uvloop.run(_measure(port, 0.5))  # warm
        return statistics.median(uvloop.run(_measure(port, RUN_S)) for _ in range(RUNS))
    finally:
        receiver.kill()
        receiver.wait()
        if allowed is not None:
            os.sched_setaffinity(0, allowed)


def main() -> None:
    if "--receiver" in sys.argv:
        _pin(1)
        uvloop.run(_receive())
    else:
        print(f"sender: {measure():,.0f} signed posts/s on one core, {IN_FLIGHT} in flight")


if __name__ == "__main__":
    main()
