"""The emulator's inbox: a built-in webhook receiver, so that a newcomer needs no second program.

The inbox listens on its own loopback port, because webhooks may not be sent to the server's own
addresses: the author of a webhook URL must not make the server call itself. Nothing but the
inbox answers on that port.

Any page that the developer's browser shows can reach that port too. So the inbox refuses requests
that a browser sends and hosts that are not this machine, serves only workspaces that exist, and
limits the bytes that it keeps.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ringback.clock import Clock
from ringback.errors import SetupError
from ringback.http.headers import headers_of
from ringback.http.hosts import is_local_host
from ringback.http.server import http_server, listen
from ringback.receiver.errors import WebhookVerificationError
from ringback.receiver.verification import HmacKey, verify
from ringback.service.endpoints import EndpointService
from ringback.service.secrets import SigningKeyService
from ringback.signing.rotation import endpoint_owner, workspace_owner
from ringback.wire.signature import TOLERANCE_S

KEPT_MAX = 100
"""Webhooks that the inbox keeps of one workspace."""
KEPT_BYTES_MAX = 64 << 20
"""Bytes that the inbox keeps of all workspaces; the oldest webhook is dropped first."""
BODY_BYTES_MAX = 1_048_576
UNVERIFIED_BYTES_MAX = 16_384
"""Bytes that are kept from the beginning of a body that did not verify."""
UNFINISHED_BYTES_MAX = 32 << 20
"""Bytes of bodies that are being read at once; further requests are answered 503."""
_KEPT_COUNT_MAX = 5_000
_WEBHOOK_BYTES = 512  # a kept webhook's memory beside its body and headers
_WORKSPACES_MAX = 50
_NAME = re.compile(r"/([a-z0-9-]{1,40})")
_HEADERS_MAX = 60


class KeptWebhook(Struct, frozen=True, kw_only=True):
    """One request as it arrived, with the result of its verification and the status sent back."""

    received_at_ms: int
    headers: tuple[tuple[str, str], ...]
    body: bytes  # only the beginning where it did not verify
    body_bytes: int  # the length of the whole body
    problem: str | None  # None: it verified
    answered: int  # the status sent back

    def header(self, name: str) -> str:
        """Return a header's value; empty for a missing header."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def is_cut(self) -> bool:
        """Say whether only the beginning of the body was kept."""
        return len(self.body) < self.body_bytes

    @property
    def size_bytes(self) -> int:
        """Return about how much memory the webhook takes."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.body) + headers + _WEBHOOK_BYTES


class KeptWebhooks:
    """The latest webhooks: a limited number per workspace, a limited size for all."""

    def __init__(self, *, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._kept: deque[tuple[str, KeptWebhook]] = deque()  # oldest first
        self.size_bytes = 0

    def of(self, workspace_id: str) -> list[KeptWebhook]:
        """Return a workspace's kept webhooks, newest first."""
        return [webhook for owner, webhook in reversed(self._kept) if owner == workspace_id]

    def add(self, workspace_id: str, webhook: KeptWebhook) -> None:
        """Keep a webhook, and drop the oldest ones beyond the limits."""
        self._kept.append((workspace_id, webhook))
        self.size_bytes += webhook.size_bytes
        own = [index for index, (owner, _) in enumerate(self._kept) if owner == workspace_id]
        if len(own) > KEPT_MAX:
            self._drop(own[0])
        while self.size_bytes > self._bytes_max or len(self._kept) > _KEPT_COUNT_MAX:
            self._drop(0)

    def forget(self, workspace_id: str) -> None:
        """Drop a workspace's webhooks."""
        for index in reversed(range(len(self._kept))):
            if self._kept[index][0] == workspace_id:
                self._drop(index)

    def _drop(self, index: int) -> None:
        self.size_bytes -= self._kept[index][1].size_bytes
        del self._kept[index]


class Inbox:
    """Receives webhooks, keeps the latest of each workspace, and answers with a chosen status."""

    def __init__(self, keys: SigningKeyService, endpoints: EndpointService, clock: Clock) -> None:
        self._keys = keys
        self._endpoints = endpoints
        self._clock = clock  # the machine's, which signs webhooks even when the lab's is ahead
        self._kept = KeptWebhooks()
        self._unfinished_bytes = 0
        self._answers: dict[str, int] = {}
        self.port: int | None = None

    def url_of(self, workspace_id: str) -> str:
        """Return the webhook URL of a workspace's inbox."""
        return f"http://127.0.0.1:{self.port}/{workspace_id}"

    def now_ms(self) -> int:
        """Return the time of the clock by which webhooks are received."""
        return self._clock.now_ms()

    def kept(self, workspace_id: str) -> list[KeptWebhook]:
        """Return the webhooks received for a workspace, newest first."""
        return self._kept.of(workspace_id)

    def answer_of(self, workspace_id: str) -> int:
        """Return the status with which a workspace's webhooks are answered."""
        return self._answers.get(workspace_id, 204)

    def answer_with(self, workspace_id: str, status: int) -> None:
        """Answer a workspace's webhooks with that status from now on."""
        if len(self._answers) >= _WORKSPACES_MAX:
            self._answers.clear()
        self._answers[workspace_id] = status

    def forget(self, workspace_id: str) -> None:
        """Drop a workspace's webhooks, and answer its next ones with 204."""
        self._kept.forget(workspace_id)
        self._answers.pop(workspace_id, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a webhook, and refuse every other request."""
        match = _NAME.fullmatch(scope["path"])
        if scope["type"] != "http" or scope["method"] != "POST" or match is None:
            await _answer(send, 404)
        elif not _is_no_browser(scope):
            await _answer(send, 403)
        elif not (secrets := await self._secrets_of(match[1])):
            await _answer(send, 404)
        else:
            await self._receive(match[1], secrets, scope, receive, send)

    async def _receive(
        self, workspace_id: str, secrets: list[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = bytearray()
        try:
            refusal = await self._read(body, receive)
            if refusal is not None:
                await _answer(send, refusal)
                return
            status = self.answer_of(workspace_id)
            self._keep(workspace_id, secrets, scope["headers"], bytes(body), status)
            await _answer(send, status)
        finally:
            self._unfinished_bytes -= len(body)

    async def _read(self, body: bytearray, receive: Receive) -> int | None:
        """Read the whole body, or return the status with which the request is refusal."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk: bytes = message.get("body", b"")
            if len(body) + len(chunk) > BODY_BYTES_MAX:
                return 413
            if self._unfinished_bytes + len(chunk) > UNFINISHED_BYTES_MAX:
                return 503
            body += chunk
            self._unfinished_bytes += len(chunk)
            if not message.get("more_body", False):
                return None

    def _keep(
        self,
        workspace_id: str,
        secrets: list[str],
        raw: list[tuple[bytes, bytes]],
        body: bytes,
        status: int,
    ) -> None:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in raw[:_HEADERS_MAX]
        )
        problem = self._problem(secrets, headers, body)
        webhook = KeptWebhook(
            received_at_ms=self._clock.now_ms(),
            headers=headers,
            body=body if problem is None else body[:UNVERIFIED_BYTES_MAX],
            body_bytes=len(body),
            problem=problem,
            answered=status,
        )
        self._kept.add(workspace_id, webhook)

    async def _secrets_of(self, workspace_id: str) -> list[str]:
        """Return the secrets that sign webhooks to this inbox; empty for an unknown workspace."""
        own = await self._keys.secrets_of(workspace_owner(workspace_id))
        if not own:
            return []
        endpoints = [
            endpoint_owner(endpoint.endpoint_id)
            for endpoint in await self._endpoints.list_endpoints(workspace_id)
            if endpoint.url == self.url_of(workspace_id)
        ]
        return own + [secret for one in endpoints for secret in await self._keys.secrets_of(one)]

    def _problem(
        self, secrets: list[str], headers: tuple[tuple[str, str], ...], body: bytes
    ) -> str | None:
        """Return why a request does not verify, in the receiver kit's words."""
        keys = [HmacKey(secret) for secret in secrets]
        try:
            now_s = self._clock.now_ms() / 1000
            verify(keys, headers, body, now_s=now_s, tolerance_s=TOLERANCE_S)
        except WebhookVerificationError as exc:
            return str(exc)
        return None

    @asynccontextmanager
    async def listening(self, *, port: int) -> AsyncIterator[None]:
        """Listen on that loopback port, or on a free one, while the context is open."""
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
        sock = listen("127.0.0.1", 0)  # the port is in use; the pages show the actual URL
    with sock:
        yield sock


def _is_no_browser(scope: Scope) -> bool:
    """Say whether a request names this machine as its host and was not sent by a browser."""
    headers = headers_of(scope)
    if headers.any(b"origin") is not None or headers.any(b"sec-fetch-site") is not None:
        return False
    host = headers.any(b"host")
    return host is None or is_local_host(host)


async def _answer(send: Send, status: int) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})
