"""The demo's receiver, written with the standard library's HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue

_PATH = "/webhook"
_BODY_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Received:
    """One received webhook."""

    headers: dict[str, str]  # names in lower case
    body: bytes


class Receiver:
    """Receives webhooks on loopback, answers at once, and queues them for ``take``."""

    def __init__(self) -> None:
        self._received: SimpleQueue[Received] = SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._received))

    @property
    def url(self) -> str:
        """Return the webhook URL."""
        return f"http://127.0.0.1:{self._server.server_port}{_PATH}"

    def take(self, *, timeout_s: float) -> Received | None:
        """Return the next webhook, or None when none came in that time."""
        try:
            return self._received.get(timeout=timeout_s)
        except Empty:
            return None

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        """Receive for the time of the context."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _handler(received: SimpleQueue[Received]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if self.path != _PATH or not length.isdecimal() or int(length) > _BODY_BYTES_MAX:
                self.send_error(400)
                return
            body = self.rfile.read(int(length))
            # The answer comes before the work, so that the sender does not wait for it.
            self.send_response(204)
            self.end_headers()
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.put(Received(headers, body))

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing: the demo prints its own lines."""

    return Handler
