"""Connections to the server: opened as they are needed, thrown away when they break.

A pooler between (pgbouncer in its transaction mode) gives every transaction another server
process. Then a prepared statement is not there the next time, and a setting that was made before
is another's; so none is prepared by name, and settings are made within each transaction. Whether
there is one shows by itself: the process id that the connection was greeted with is not the one
that the server's process knows of itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import asyncpg

from ringback.clock import SystemClock
from ringback.concurrency.deadline import Deadline
from ringback.errors import SetupError
from ringback.log import get_logger
from ringback.storage.dsn import shown
from ringback.storage.postgres.dsn_parameters import for_driver
from ringback.storage.postgres.errors import Failure, meaning_of

log = get_logger(__name__)

Connection: TypeAlias = Any  # asyncpg's, which has no types

CONNECT_S = 10.0
WAIT_S = 5.0  # a start that waits longer is better left to the supervisor
_RECOVERY_S = 60.0  # a server that says that it is starting will be there
_AGAIN_S = 0.25
_COMMAND_S = 60.0  # of statements without an operation's deadline: migrations, partitions
_CHECK_S = 5.0
_CLOSE_S = 2.0

# A peer that is gone without a word (a failover, a firewall that forgot) is noticed by the system:
# sent bytes may stay unacknowledged for ten seconds, and an idle peer is probed after ten.
_DEAD_AFTER_MS = 10_000
_ALIVE_OPTIONS = {"TCP_USER_TIMEOUT": _DEAD_AFTER_MS, "TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5}

# PostgreSQL's words for a parameter in the URL that is no setting of it, and pgbouncer's.
_UNKNOWN_PARAMETER = ("unrecognized configuration parameter", "unsupported startup parameter")

# The statements of a transaction are few, and each has its index. The plans are made while tables
# are small or empty, and shall still be right when they are not.
PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class Server:
    """A PostgreSQL server, direct or behind a pooler."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._for_driver, self._verify, ignored = for_driver(dsn)
        if ignored:
            log.warning("database_parameters_ignored", names=ignored)
        self._clock = SystemClock()
        self.is_pooled = False

    async def detect_pooler(self, *, wait_s: float = WAIT_S) -> None:
        """Find out whether a pooler stands between; raises ``SetupError`` without a server."""

        async def nothing_more(_connection: Connection) -> None:
            pass

        await self.once_there(nothing_more, wait_s=wait_s)

    async def once_there(
        self, work: Callable[[Connection], Awaitable[None]], *, wait_s: float = WAIT_S
    ) -> None:
        """Do the work of a start on a connection of its own, or raise ``SetupError``.

        A server that is away is waited for so long, and one that says that it is starting itself
        for a minute: a recovery ends by itself. Work under which it goes away is begun again.
        """
        deadline = Deadline(wait_s, self._clock.monotonic)
        recovery = Deadline(max(wait_s, _RECOVERY_S), self._clock.monotonic)
        is_told = False
        while (exc := await self._tried(work, max(deadline.left_s, _CHECK_S))) is not None:
            is_starting = isinstance(exc, asyncpg.CannotConnectNowError)
            if not (recovery if is_starting else deadline).left_s:
                raise self._unreached(exc) from exc
            if not is_told:
                log.warning("database_away", detail=_sentence(exc), waiting_s=wait_s)
                is_told = True
            await self._clock.sleep(_AGAIN_S)

    async def _tried(
        self, work: Callable[[Connection], Awaitable[None]], connect_s: float
    ) -> Exception | None:
        """Return why the work could not be done now, or None; ``SetupError`` if it never can be."""
        connection: Connection | None = None
        try:
            connection = await self._connect(statement_cache_size=0, timeout_s=connect_s)
            await self._check_for_pooler(connection)
            await work(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as exc:
            is_closed = connection is not None and connection.is_closed()
            if meaning_of(exc, is_closed=is_closed) is not Failure.REFUSED:
                return exc
            if connection is None:
                raise self._unreached(exc) from exc
            raise SetupError(
                f"The database {shown(self.dsn)} cannot be used ({_sentence(exc)}); check that "
                "this user may create tables in it."
            ) from exc
        finally:
            if connection is not None:
                await close(connection)
        return None

    async def _check_for_pooler(self, connection: Connection) -> None:
        """Find out whether a pooler stands between this process and the database."""
        async with connection.transaction():
            pid = await connection.fetchval("select pg_backend_pid()", timeout=_CHECK_S)
        self.is_pooled = pid != connection.get_server_pid()

    def _unreached(self, exc: Exception) -> SetupError:
        advice = "check the setting database, and that the server runs and lets this user in"
        if any(words in str(exc) for words in _UNKNOWN_PARAMETER):
            advice = "leave that parameter out of the URL in the setting database"
        return SetupError(
            f"The database {shown(self.dsn)} cannot be reached ({_sentence(exc)}); {advice}."
        )

    async def connect(self, *, plans: bool = False, timeout_s: float = CONNECT_S) -> Connection:
        """Return a new connection; ``plans`` for the statements of transactions."""
        connection = await self._connect(
            statement_cache_size=0 if self.is_pooled else 512, timeout_s=timeout_s
        )
        try:
            if plans and not self.is_pooled:
                settings = "; ".join(f"set {k} = {v}" for k, v in PLANS.items())
                await connection.execute(settings, timeout=timeout_s)
        except BaseException:
            await close(connection)
            raise
        return connection

    @property
    def begin(self) -> str:
        """The statement that begins a transaction of writes."""
        if not self.is_pooled:
            return "begin"
        return "; ".join(["begin", *(f"set local {k} = {v}" for k, v in PLANS.items())])

    async def _connect(self, *, statement_cache_size: int, timeout_s: float) -> Connection:
        connection = await asyncpg.connect(
            self._for_driver,
            ssl=self._verify,
            timeout=min(timeout_s, CONNECT_S),
            command_timeout=_COMMAND_S,
            statement_cache_size=statement_cache_size,
            max_cached_statement_lifetime=0,
        )
        _notice_dead_peers(connection)
        return connection


async def close(connection: Connection) -> None:
    """Close a connection, in good order if the server still listens."""
    try:
        await connection.close(timeout=_CLOSE_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


@contextmanager
def cut_at(deadline: Deadline, connection: Connection) -> Iterator[None]:
    """Break the connection off at the deadline: statements under way then fail as lost."""
    timer = asyncio.get_running_loop().call_later(deadline.left_s, connection.terminate)
    try:
        yield
    finally:
        timer.cancel()


def _notice_dead_peers(connection: Connection) -> None:
    # The library has no setting for it, and keeps the transport to itself.
    sock = connection._transport.get_extra_info("socket")
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:  # not every system has them
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _sentence(exc: BaseException) -> str:
    return str(exc).strip().rstrip(".") or type(exc).__name__
