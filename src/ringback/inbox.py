"""The emulator's inbox: a receiver of its own, so that a newcomer needs no second program.

It listens on a loopback port of its own. The server's own addresses stay closed to webhooks:
whoever may name a webhook URL must not have the server call itself. At the inbox there is nothing
to call but the inbox, which takes what comes, keeps the latest and answers.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ringback.clock import Clock
from ringback.errors import SetupError
from ringback.http_server import http_server, listen
from ringback.receiver.errors import WebhookVerificationError
from ringback.receiver.verification import HmacKey, verify
from ringback.service.endpoints import EndpointDesk
from ringback.service.secrets import KeyDesk
from ringback.webhooks.rotation import endpoint_owner, workspace_owner
from ringback.wire.signature import TOLERANCE_S

KEPT_MAX = 100
"""Webhooks that the inbox keeps of one workspace."""
BODY_BYTES_MAX = 1_048_576
_WORKSPACES_MAX = 50
_NAME = re.compile(r"/([a-z0-9-]{1,40})")
_HEADERS_MAX = 60


class KeptWebhook(Struct, frozen=True, kw_only=True):
    """One request as it arrived, and what the inbox made of it."""

    received_at_ms: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    problem: str | None  # None: it is genuine
    answered: int

    def header(self, name: str) -> str:
        """Return a header's value, empty when it did not come."""
        return next((value for known, value in self.headers if known == name), "")


class Inbox:
    """Takes webhooks for workspaces, keeps the latest of each, and answers as it was told."""

    def __init__(self, keys: KeyDesk, endpoints: EndpointDesk, clock: Clock) -> None:
        self._keys = keys
        self._endpoints = endpoints
        self._clock = clock  # the machine's: webhooks are signed by it, whatever the lab's says
        self._kept: OrderedDict[str, deque[KeptWebhook]] = OrderedDict()
        self._answers: dict[str, int] = {}
        self.port: int | None = None

    def url_of(self, workspace_id: str) -> str:
        """Return the webhook URL under which a workspace's webhooks come here."""
        return f"http://127.0.0.1:{self.port}/{workspace_id}"

    def kept(self, workspace_id: str) -> list[KeptWebhook]:
        """Return what came for a workspace, newest first."""
        return list(reversed(self._kept.get(workspace_id, ())))

    def answer_of(self, workspace_id: str) -> int:
        """Return the status with which a workspace's webhooks are answered."""
        return self._answers.get(workspace_id, 204)

    def answer_with(self, workspace_id: str, status: int) -> None:
        """Answer a workspace's webhooks with that status from now on."""
        if len(self._answers) >= _WORKSPACES_MAX:
            self._answers.clear()
        self._answers[workspace_id] = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a webhook; whatever else comes is refused."""
        match = _NAME.fullmatch(scope["path"])
        if scope["type"] != "http" or scope["method"] != "POST" or match is None:
            await _answer(send, 404)
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413)
            return
        status = self.answer_of(match[1])
        await self._keep(match[1], scope["headers"], body, status)
        await _answer(send, status)

    async def _keep(
        self, workspace_id: str, raw: list[tuple[bytes, bytes]], body: bytes, status: int
    ) -> None:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in raw[:_HEADERS_MAX]
        )
        webhook = KeptWebhook(
            received_at_ms=self._clock.now_ms(),
            headers=headers,
            body=body,
            problem=await self._problem(workspace_id, headers, body),
            answered=status,
        )
        self._kept.setdefault(workspace_id, deque(maxlen=KEPT_MAX)).append(webhook)
        self._kept.move_to_end(workspace_id)
        while len(self._kept) > _WORKSPACES_MAX:
            self._kept.popitem(last=False)

    async def _problem(
        self, workspace_id: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> str | None:
        """Return why a request is not believed, as the receiver kit says it."""
        owners = [workspace_owner(workspace_id)]
        owners += [
            endpoint_owner(endpoint.endpoint_id)
            for endpoint in await self._endpoints.list_endpoints(workspace_id)
            if endpoint.url == self.url_of(workspace_id)
        ]
        secrets = [secret for owner in owners for secret in await self._keys.secrets_of(owner)]
        keys = [HmacKey(secret) for secret in secrets]
        try:
            now_s = self._clock.now_ms() / 1000
            verify(keys, headers, body, now_s=now_s, tolerance_s=TOLERANCE_S)
        except WebhookVerificationError as exc:
            return str(exc)
        return None

    @asynccontextmanager
    async def listening(self, *, port: int) -> AsyncIterator[None]:
        """Listen on that loopback port, or on a free one, for the time of the context."""
        with _listener(port) as sock:
            self.port = sock.getsockname()[1]
            ready = asyncio.Event()
            server = http_server(self, on_ready=ready.set, grace_s=1)
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            await ready.wait()
            try:
                yield
            finally:
                server.should_exit = True
                server.force_exit = True
                with suppress(asyncio.CancelledError):
                    await serving


@contextmanager
def _listener(port: int) -> Iterator[socket.socket]:
    try:
        sock = listen("127.0.0.1", port)
    except SetupError:
        sock = listen("127.0.0.1", 0)  # somebody else has it: the page tells the URL anyway
    with sock:
        yield sock


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None when it is larger than is kept."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_BYTES_MAX:
            return None
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _answer(send: Send, status: int) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})
