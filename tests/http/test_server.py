"""The server's sockets and the settings that reach its connections."""

from __future__ import annotations

import socket

import pytest
from starlette.types import Receive, Scope, Send

from ringback.http.server import KEEP_ALIVE_S, http_server, listen
from ringback.settings import Settings


async def _app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("no request is made")


def test_silent_connections_are_probed() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                idle_s = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                assert 0 < idle_s <= 60


@pytest.mark.parametrize("keep_alive_s", [0.5, 120.0])
def test_idle_connections_are_kept_for_the_time_that_is_set(keep_alive_s: float) -> None:
    server = http_server(_app, on_ready=lambda: None, grace_s=1, keep_alive_s=keep_alive_s)
    assert server.config.timeout_keep_alive == keep_alive_s


def test_idle_connections_outlive_those_of_load_balancers() -> None:
    server = http_server(_app, on_ready=lambda: None, grace_s=1)
    assert server.config.timeout_keep_alive == KEEP_ALIVE_S == Settings().keep_alive_s > 60
