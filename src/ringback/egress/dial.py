"""From a target to an open connection: resolve, check every address, dial a checked one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.connection import Connection
from ringback.egress.network_errors import in_turn, words_of
from ringback.egress.new_connection import NewConnection
from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.resolver import OWN, Resolver
from ringback.egress.url import Target
from ringback.errors import SetupError
from ringback.errors.reason_words import in_words

ADDRESSES_DIALLED_MAX = 4


class DialError(Exception):
    """No connection came about; ``reason`` is stable, ``detail`` is for the operator.

    ``words`` are for the person who named the URL.
    """

    def __init__(self, reason: Reason, detail: str, *, words: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.words = words or in_words(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialSettings:
    """How long the steps up to an open connection may take."""

    connect_timeout_s: float = 5.0  # per address
    dns_timeout_s: float = 2.0


class Dialler:
    """Opens connections to addresses that the policy passed, and to no others."""

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        clock: Clock,
        settings: DialSettings,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._ssl_context = ssl_context
        self._clock = clock
        self._settings = settings

    def looks_up(self, target: Target) -> bool:
        """Say whether the target's addresses come from the DNS."""
        return target.address is None

    async def checked_addresses(
        self, target: Target, *, workspace_id: str = OWN
    ) -> Sequence[str | None]:
        """Return the target's addresses, every one of which may be dialled, or ``DialError``.

        The workspace is the one that names the target; without one the server itself does.
        """
        try:
            self._policy.check_url(target)
            return await self._look_up(target, workspace_id)
        except BlockedTarget as exc:
            raise DialError(Reason.BLOCKED_TARGET, exc.detail, words=exc.words) from exc

    async def dial(
        self,
        target: Target,
        addresses: Sequence[str | None],
        make: Callable[[str | None], Connection],
    ) -> Connection:
        """Return an open connection to one of the checked addresses, or raise ``DialError``.

        ``make`` builds a connection for an address; for None, where a proxy chose it.
        """
        started = self._clock.monotonic()
        opened, address = await self._connect(target, addresses)
        with opened:
            connected = self._clock.monotonic()
            connection = make(address)
            await self._hand_over(opened, connection, target, address)
        connection.connect_ms = (connected - started) * 1000
        if target.scheme == "https":
            connection.tls_ms = (self._clock.monotonic() - connected) * 1000
        return connection

    async def open(self, target: Target, protocol: asyncio.BaseProtocol) -> None:
        """Check a target and connect the protocol to it, or raise ``DialError``."""
        opened, address = await self._connect(target, await self.checked_addresses(target))
        with opened:
            await self._hand_over(opened, protocol, target, address)

    async def _look_up(self, target: Target, workspace_id: str) -> Sequence[str | None]:
        addresses: Sequence[str] = [target.host]
        if self.looks_up(target):
            addresses = await self._resolve(target, workspace_id)
        # One bad answer refuses all: a name that points both ways is an attack, or a mistake.
        for address in addresses:
            self._policy.check_address(address, target.port, host=target.host, scheme=target.scheme)
        return addresses

    async def _resolve(self, target: Target, workspace_id: str) -> Sequence[str]:
        timeout_s = self._settings.dns_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._resolver.resolve(
                    target.host, target.port, workspace_id=workspace_id
                )
        except TimeoutError as exc:
            detail = f"{target.host} was not resolved within {timeout_s} s"
            words = f"its host name was not resolved within {timeout_s:g} s"
            raise DialError(Reason.DNS, detail, words=words) from exc
        except (OSError, UnicodeError) as exc:
            raise DialError(Reason.DNS, f"{target.host} was not resolved: {exc}") from exc
        if not addresses:
            words = "its host name has no address"
            raise DialError(Reason.DNS, f"{target.host} has no address", words=words)
        return addresses

    async def _connect(
        self, target: Target, addresses: Sequence[str | None]
    ) -> tuple[NewConnection, str | None]:
        timeout_s = self._settings.connect_timeout_s
        details, words = [], []
        for address in addresses[:ADDRESSES_DIALLED_MAX]:
            assert address is not None, "only a proxy dials without an address"
            try:
                async with asyncio.timeout(timeout_s):
                    return await NewConnection.open(address, target.port), address
            except TimeoutError:
                details.append(f"{address} did not answer within {timeout_s} s")
                words.append(f"it took no connection within {timeout_s:g} s")
            except OSError as exc:
                details.append(f"{address}: {exc}")
                words.append(words_of(exc))
        raise DialError(Reason.CONNECT, "; ".join(details), words=in_turn(words))

    async def _hand_over(
        self,
        opened: NewConnection,
        protocol: asyncio.BaseProtocol,
        target: Target,
        address: str | None,
    ) -> None:
        is_https = target.scheme == "https"
        try:
            if is_https:
                # The certificate is checked against the URL's own host, not the resolved address.
                await opened.start_tls(self._ssl_context, target.host)
            opened.hand_over(protocol)
        except (OSError, UnicodeError) as exc:
            reason = Reason.TLS if is_https else Reason.PROTOCOL
            detail = f"{target.host} at {address}: {exc}"
            raise DialError(reason, detail, words=words_of(exc)) from exc


@cache
def system_trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return the process's TLS client context, with the machine's authorities, for HTTP/1.1.

    The authorities of ``ca_file``, in PEM, are trusted beside them; raises ``SetupError`` for a
    file that has none.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        trust_file(context, ca_file, named="ca_file")
    return context


def trust_file(context: ssl.SSLContext, file: str | Path, *, named: str) -> None:
    """Trust the authorities in a PEM file too, or raise ``SetupError`` for one that has none."""
    try:
        context.load_verify_locations(cafile=file)
    except OSError as exc:
        why = "it holds no certificate in PEM" if isinstance(exc, ssl.SSLError) else exc.strerror
        raise SetupError(
            f"The {named} {file} cannot be used ({why}); name a PEM file of authorities."
        ) from exc
