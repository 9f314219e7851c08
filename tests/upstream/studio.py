"""An upstream engine as the config file sets it up, in front of a scripted server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import msgspec

from ringback.clock import SystemClock
from ringback.doorbell import Watchers
from ringback.egress.caller import Caller
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.assembling import Surroundings, Upstream, assemble
from ringback.engines.upstream.types import TYPES
from ringback.testing import FakeReceiver, ReceivedRequest, respond

KEY = "sk-test-0123456789"


@contextmanager
def a_studio(
    kind: str,
    base_url: str,
    *,
    wakes: Watchers | None = None,
    public_url: str | None = None,
    **table: Any,
) -> Iterator[Upstream]:
    """Return an engine named ``studio`` that asks there, and does not wait long between looks."""
    clock = SystemClock()
    callers = Caller(TargetPolicy.operator()), Caller(TargetPolicy.server())
    around = Surroundings(
        provider=callers[0],
        public=callers[1],
        clock=clock,
        rng=Random(3),
        wakes=wakes or Watchers(),
        public_url=public_url,
        environment={"STUDIO_KEY": KEY},
    )
    chosen = {"retries": 0, "patience_s": 0, "poll_s": 0.01, "poll_s_max": 0.01, **table}
    try:
        yield assemble(
            "studio",
            {"type": kind, "base_url": base_url, "api_key_env": "STUDIO_KEY", **chosen},
            TYPES,
            around,
        )
    finally:
        for caller in callers:
            caller.close()


def answer(document: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return an answer with a JSON body."""
    body = msgspec.json.encode(document)
    return respond(status, headers=[("content-type", "application/json"), *headers], body=body)


def document_of(request: ReceivedRequest) -> Any:
    """Return the JSON that a request carries."""
    return msgspec.json.decode(request.body)


def asked(receiver: FakeReceiver) -> list[tuple[str, str]]:
    """Return the method and the path of every request that came."""
    return [(request.method, request.path) for request in receiver.requests]
