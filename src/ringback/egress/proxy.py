"""Connections through an operator's HTTP proxy, by CONNECT, for https and http alike.

The proxy resolves the name and chooses the address, so it also has to check the addresses. URL
grammar, names, ports and literal addresses are still checked here.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote_to_bytes

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.dial import (
    ADDRESSES_DIALLED_MAX,
    DialError,
    Dialler,
    DialSettings,
)
from ringback.egress.new_connection import NewConnection
from ringback.egress.policy import TargetPolicy
from ringback.egress.resolver import Resolver
from ringback.egress.url import Target

_HEAD_BYTES_MAX = 8_192
_HEAD_END = b"\r\n\r\n"
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_URL = re.compile(
    r"http://(?:(?P<user>[^:@/?#\[\]\s]*):(?P<password>[^:@/?#\[\]\s]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})/?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressProxy:
    """The proxy's address and credentials."""

    host: str
    port: int
    authorization: bytes | None = field(default=None, repr=False)


def parse_proxy(text: str) -> EgressProxy:
    """Return the proxy of a URL like ``http://proxy:3128``, or raise ``ValueError``."""
    split = _URL.fullmatch(text)
    if split is None or not 1 <= int(split["port"]) <= 65_535 or not _is_host(split["host"]):
        # Without the text: it may carry a password.
        raise ValueError("the proxy must be http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
    authorization = None
    if split["user"] is not None:
        pair = b":".join(unquote_to_bytes(split[part]) for part in ("user", "password"))
        authorization = b"Basic " + b64encode(pair)
    return EgressProxy(
        host=split["host"].strip("[]"), port=int(split["port"]), authorization=authorization
    )


def _is_host(text: str) -> bool:
    """Say whether a name in brackets is an IPv6 address; names without them are the resolver's."""
    try:
        return not text.startswith("[") or bool(IPv6Address(text[1:-1]))
    except AddressValueError:
        return False


class ProxyDialler(Dialler):
    """Opens connections through the proxy; it looks up and checks no target's addresses."""

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
            replace(policy, resolves_names=False),
            resolver=resolver,
            ssl_context=ssl_context,
            clock=clock,
            settings=settings,
        )
        self._proxy = proxy

    def looks_up(self, target: Target) -> bool:
        """Say that no name is: the proxy does."""
        return False

    async def _look_up(self, target: Target, workspace_id: str) -> Sequence[str | None]:
        return (None,)

    async def _connect(
        self, target: Target, addresses: Sequence[str | None]
    ) -> tuple[NewConnection, str | None]:
        # The proxy does the target's look-up and connecting, so it has the time of both.
        timeout_s = self._settings.dns_timeout_s + self._settings.connect_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                opened = await self._reach_proxy()
                try:
                    await self._tunnel(target, opened)
                except BaseException:
                    opened.close()
                    raise
        except TimeoutError as exc:
            detail = f"the proxy opened no way to {target.origin} within {timeout_s} s"
            raise DialError(Reason.CONNECT, detail) from exc
        except (OSError, UnicodeError) as exc:
            raise DialError(Reason.CONNECT, f"the proxy was not reached: {exc}") from exc
        return opened, None

    async def _reach_proxy(self) -> NewConnection:
        failed: OSError = OSError("it has no address")
        found = await self._resolver.resolve(self._proxy.host, self._proxy.port)
        for address in found[:ADDRESSES_DIALLED_MAX]:
            try:
                return await NewConnection.open(address, self._proxy.port)
            except OSError as exc:
                failed = exc
        raise failed

    async def _tunnel(self, target: Target, opened: NewConnection) -> None:
        request = _connect_request(target, self._proxy)
        head = await opened.exchange(request, end=_HEAD_END, bytes_max=_HEAD_BYTES_MAX)
        if _HEAD_END not in head or len(head) > _HEAD_BYTES_MAX:
            raise DialError(Reason.CONNECT, "the proxy's answer is not a whole HTTP head")
        status = _STATUS_LINE.match(head)
        if status is None:
            raise DialError(Reason.CONNECT, "the proxy's answer is not HTTP")
        if status[1] == b"403":
            # It checked the address in our place: the reason is the same.
            raise DialError(Reason.BLOCKED_TARGET, f"the proxy refuses {target.origin}: 403")
        if not status[1].startswith(b"2"):
            detail = f"the proxy did not reach {target.origin}: {status[1].decode()}"
            raise DialError(Reason.CONNECT, detail)
        if head.find(_HEAD_END) + len(_HEAD_END) != len(head):
            # No request has gone to the server behind it yet.
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
    """Return the dialler, which goes through the proxy if there is one."""
    make: Callable[..., Dialler] = Dialler if proxy is None else partial(ProxyDialler, proxy=proxy)
    return make(policy, resolver=resolver, ssl_context=ssl_context, clock=clock, settings=settings)
