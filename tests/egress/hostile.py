"""The receivers that mean harm, one of each kind; run as a program, the sender that meets them.

``python hostile.py LOOP DEADLINE_S ATTEMPTS URL…`` posts to the URLs in turn, on ``asyncio``'s or
``uvloop``'s event loop, and prints as JSON what came of it, and by how many bytes the process has
grown since it was warm.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from ssl import SSLContext

import uvloop

from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import (
    FakeReceiver,
    Script,
    drip,
    endless,
    half_close_after,
    hang,
    redirect,
    reset,
    respond,
)

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH_999 = OK + b"content-length: 999\r\n\r\n"
IN_FLIGHT = 48
WARM_UP = 240

SCRIPTS: dict[str, Script] = {
    "drips headers": drip(OK + b"x: y\r\n" * 1000),
    "drips body": drip(LENGTH_999 + b"x" * 999),
    "endless body": endless(OK + b"\r\n", b"x" * 10_000),
    "endless 103s": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "drips 103s": drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000, chunk_bytes=28),
    "gzip bomb": respond(
        200, headers=[("content-encoding", "gzip")], body=gzip.compress(b"\0" * 10_000_000)
    ),
    "huge headers": OK + b"x: " + b"y" * 80_000,
    "half-close": half_close_after(),
    "garbage": b"\x00\x01\x02\xff" * 100,
    "reset mid-answer": reset(OK + b"content-length: 9\r\n\r\n0123"),
    "never answers": hang(),
    "redirect to metadata": redirect("http://169.254.169.254/latest/meta-data/"),
}


@asynccontextmanager
async def receivers(server_tls: SSLContext) -> AsyncIterator[list[str]]:
    """Open one receiver of each kind, and one with a wrong certificate; give their URLs."""
    async with AsyncExitStack() as stack:
        made = [FakeReceiver(then=script) for script in SCRIPTS.values()]
        made.append(FakeReceiver(ssl_context=server_tls))
        yield [(await stack.enter_async_context(receiver)).url for receiver in made]


async def post_to_all(
    urls: Sequence[str], *, deadline_s: float, attempts: int
) -> dict[str, object]:
    clock = SystemClock()
    sender = WebhookSender(TargetPolicy.dev(), settings=ClientSettings(total_timeout_s=deadline_s))
    reasons: Counter[str] = Counter()
    slowest_s = 0.0

    async def post_some(numbers: range) -> None:
        nonlocal slowest_s
        for number in numbers:
            started = clock.monotonic()
            answer = await sender.post(urls[number % len(urls)], [], b"{}")
            slowest_s = max(slowest_s, clock.monotonic() - started)
            reasons[str(answer.reason)] += 1

    async def post_many(count: int) -> None:
        await asyncio.gather(*(post_some(range(n, count, IN_FLIGHT)) for n in range(IN_FLIGHT)))

    await post_many(WARM_UP)
    before_bytes = _resident_bytes()
    reasons.clear()
    await post_many(attempts)
    growth_bytes = _resident_bytes() - before_bytes
    await sender.close()
    return {"growth_bytes": growth_bytes, "slowest_s": slowest_s, "reasons": reasons}


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    loop, seconds, many, *found = sys.argv[1:]
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        report = runner.run(post_to_all(found, deadline_s=float(seconds), attempts=int(many)))
    print(json.dumps(report))
