"""An upstream engine created from a config table, in front of a scripted server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import msgspec

from ringback.clock import SystemClock
from ringback.egress.http_client import HttpClient
from ringback.egress.policy import TargetPolicy
from ringback.engines.upstream.factory import AdapterContext, Upstream, create_upstream
from ringback.engines.upstream.registry import TYPES
from ringback.testing import FakeReceiver, ReceivedRequest, respond
from ringback.wakeups import Subscriptions

KEY = "sk-test-0123456789"


@contextmanager
def an_engine(
    kind: str,
    base_url: str,
    *,
    wakes: Subscriptions | None = None,
    public_url: str | None = None,
    **table: Any,
) -> Iterator[Upstream]:
    """Yield an engine named ``studio`` with short delays."""
    clock = SystemClock()
    http_clients = HttpClient(TargetPolicy.operator()), HttpClient(TargetPolicy.server())
    context = AdapterContext(
        provider=http_clients[0],
        public=http_clients[1],
        clock=clock,
        rng=Random(3),
        wakes=wakes or Subscriptions(),
        public_url=public_url,
        environment={"STUDIO_KEY": KEY},
    )
    chosen = {"retries": 0, "patience_s": 0, "poll_s": 0.01, "poll_s_max": 0.01, **table}
    try:
        yield create_upstream(
            "studio",
            {"type": kind, "base_url": base_url, "api_key_env": "STUDIO_KEY", **chosen},
            TYPES,
            context,
        )
    finally:
        for http_client in http_clients:
            http_client.close()


def answer(document: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a response with a JSON body."""
    body = msgspec.json.encode(document)
    return respond(status, headers=[("content-type", "application/json"), *headers], body=body)


def json_of(request: ReceivedRequest) -> Any:
    """Return the JSON body of a request."""
    return msgspec.json.decode(request.body)


def requests_of(receiver: FakeReceiver) -> list[tuple[str, str]]:
    """Return the method and the path of every request received."""
    return [(request.method, request.path) for request in receiver.requests]
