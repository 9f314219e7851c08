"""An operator's own way out: an HTTP proxy that is asked to CONNECT, for https and http alike.

The proxy resolves the name and chooses the address, so the duty of judging addresses is the
proxy's. URL grammar, names, ports and literal addresses are still judged here.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.dial import (
    ADDRESSES_DIALLED_MAX,
    DialError,
    Dialler,
    DialSettings,
    Resolver,
    open_socket,
)
from ringback.egress.policy import TargetPolicy
from ringback.egress.url import Target

_HEAD_BYTES_MAX = 8_192
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_URL = re.compile(
    r"http://(?:(?P<user>[^:@/?#\[\]\s]*):(?P<password>[^:@/?#\[\]\s]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})/?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressProxy:
    """Where the proxy is, and what opens it."""

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)


def parse_proxy(text: str) -> EgressProxy:
    """Return the proxy of a URL like ``http://proxy:3128``, or raise ``ValueError``."""
    split = _URL.fullmatch(text)
    if split is None or not 1 <= int(split["port"]) <= 65_535:
        # Without the text: it may carry a password.
        raise ValueError("the proxy must be http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
    authorization = None
    if split["user"] is not None:
        pair = b":".join(unquote_to_bytes(split[part]) for part in ("user", "password"))
        authorization = b"Basic " + b64encode(pair)
    return EgressProxy(
        host=split["host"].strip("[]"), port=int(split["port"]), authorization=authorization
    )


class ProxyDialler(Dialler):
    """Opens connections through the proxy; it looks no target's name up and judges no answer."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        proxy: EgressProxy,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        clock: Clock,
        settings: DialSettings,
    ) -> None:
        super().__init__(
            policy, resolver=resolver, ssl_context=ssl_context, clock=clock, settings=settings
        )
        self._proxy = proxy

    def looks_up(self, target: Target) -> bool:
        """Say that no name is: the proxy does."""
        return False

    async def _look_up(self, target: Target) -> Sequence[str | None]:
        return (None,)

    async def _connect(
        self, target: Target, addresses: Sequence[str | None]
    ) -> tuple[socket.socket, str | None]:
        # The proxy does the target's look-up and connecting, so it has the time of both.
        timeout_s = self._settings.dns_timeout_s + self._settings.connect_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                sock = await self._reach_proxy()
                try:
                    await self._ask_for(target, sock)
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError as exc:
            detail = f"the proxy opened no way to {target.origin} within {timeout_s} s"
            raise DialError(Reason.CONNECT, detail) from exc
        except (OSError, UnicodeError) as exc:
            raise DialError(Reason.CONNECT, f"the proxy was not reached: {exc}") from exc
        return sock, None

    async def _reach_proxy(self) -> socket.socket:
        failed: OSError = OSError("it has no address")
        found = await self._resolver.resolve(self._proxy.host, self._proxy.port)
        for address in found[:ADDRESSES_DIALLED_MAX]:
            try:
                return await open_socket(address, self._proxy.port)
            except OSError as exc:
                failed = exc
        raise failed

    async def _ask_for(self, target: Target, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, _connect_request(target, self._proxy))
        head = b""
        while b"\r\n\r\n" not in head:
            more = await loop.sock_recv(sock, _HEAD_BYTES_MAX)
            head += more
            if not more or len(head) > _HEAD_BYTES_MAX:
                raise DialError(Reason.CONNECT, "the proxy's answer is not a whole HTTP head")
        status = _STATUS_LINE.match(head)
        if status is None:
            raise DialError(Reason.CONNECT, "the proxy's answer is not HTTP")
        if status[1] == b"403":
            # It judged in our place: the same reason as when we do.
            raise DialError(Reason.BLOCKED_TARGET, f"the proxy refuses {target.origin}: 403")
        if not status[1].startswith(b"2"):
            detail = f"the proxy did not reach {target.origin}: {status[1].decode()}"
            raise DialError(Reason.CONNECT, detail)
        if head.find(b"\r\n\r\n") + 4 != len(head):
            # Nobody behind it has been asked anything yet.
            raise DialError(Reason.CONNECT, "the proxy sent more than its answer to CONNECT")


def _connect_request(target: Target, proxy: EgressProxy) -> bytes:
    authority = target.authority.encode("ascii")
    lines = [b"CONNECT %b HTTP/1.1" % authority, b"host: %b" % authority]
    if proxy.authorization is not None:
        lines.append(b"proxy-authorization: " + proxy.authorization)
    return b"\r\n".join([*lines, b"", b""])


def make_dialler(
    policy: TargetPolicy,
    *,
    proxy: EgressProxy | None,
    resolver: Resolver,
    ssl_context: ssl.SSLContext,
    clock: Clock,
    settings: DialSettings,
) -> Dialler:
    """Return what opens connections: through the proxy, if there is one."""
    if proxy is None:
        return Dialler(
            policy, resolver=resolver, ssl_context=ssl_context, clock=clock, settings=settings
        )
    return ProxyDialler(
        policy,
        proxy=proxy,
        resolver=resolver,
        ssl_context=ssl_context,
        clock=clock,
        settings=settings,
    )
