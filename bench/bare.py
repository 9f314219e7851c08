"""The yardstick: a bare ASGI application that reads a body and answers, on the same uvicorn."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import Receive, Scope, Send

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer {} to everything."""
    while (await receive()).get("more_body"):
        continue
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


def main() -> None:
    """Serve on a free port of loopback and print its number."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(bare, log_config=None, access_log=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
