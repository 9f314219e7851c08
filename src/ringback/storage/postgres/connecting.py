"""Connections to the server: opened as they are needed, thrown away when they break.

A pooler between (pgbouncer in its transaction mode) gives every transaction another server
process. Then a prepared statement is not there the next time, and a setting that was made before
is another's; so none is prepared by name, and settings are made within each transaction. Whether
there is one shows by itself: the process id that the connection was greeted with is not the one
that the server's process knows of itself.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.log import get_logger
from ringback.storage.postgres.errors import Failure, meaning_of

log = get_logger(__name__)

Connection: TypeAlias = Any  # asyncpg's, which has no types

_CONNECT_S = 10.0
WAIT_S = 5.0  # who waits longer is better begun again by whatever supervises it
_AGAIN_S = 0.25
_COMMAND_S = 60.0  # a server that takes longer for one of our statements is not there

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
        self._clock = SystemClock()
        self.is_pooled = False

    async def look(self, *, wait_s: float = WAIT_S) -> None:
        """Find out whether a pooler stands between; raises ``SetupError`` without a server.

        One that is away, or is starting itself, is waited for so long.
        """
        connection = await self._reach(wait_s)
        try:
            async with connection.transaction():
                pid = await connection.fetchval("select pg_backend_pid()")
            self.is_pooled = pid != connection.get_server_pid()
        finally:
            await close(connection)

    async def _reach(self, wait_s: float) -> Connection:
        deadline = self._clock.monotonic() + wait_s
        is_told = False
        while True:
            try:
                return await self._connect(statement_cache_size=0)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as exc:
                is_lost = meaning_of(exc, is_closed=False) is Failure.LOST
                if not is_lost or self._clock.monotonic() >= deadline:
                    raise self._unreached(exc) from exc
                if not is_told:
                    log.warning("database_away", detail=_sentence(exc), waiting_s=wait_s)
                    is_told = True
            await self._clock.sleep(_AGAIN_S)

    def _unreached(self, exc: Exception) -> SetupError:
        return SetupError(
            f"The database {shown(self.dsn)} cannot be reached ({_sentence(exc)}); "
            "check the setting database, and that the server runs and lets this user in."
        )

    async def connect(self, *, plans: bool = False) -> Connection:
        """Return a new connection; ``plans`` for the statements of transactions."""
        connection = await self._connect(statement_cache_size=0 if self.is_pooled else 512)
        try:
            if plans and not self.is_pooled:
                await connection.execute("; ".join(f"set {k} = {v}" for k, v in PLANS.items()))
        except BaseException:
            await close(connection)
            raise
        return connection

    @property
    def begin(self) -> str:
        """What begins a transaction of writes."""
        if not self.is_pooled:
            return "begin"
        return "; ".join(["begin", *(f"set local {k} = {v}" for k, v in PLANS.items())])

    async def _connect(self, *, statement_cache_size: int) -> Connection:
        return await asyncpg.connect(
            self.dsn,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            statement_cache_size=statement_cache_size,
            max_cached_statement_lifetime=0,
        )


async def close(connection: Connection) -> None:
    """Close a connection, in good order if the server still listens."""
    try:
        await connection.close(timeout=2)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def shown(dsn: str) -> str:
    """Return where a DSN leads, without its password."""
    parts = urlsplit(dsn)
    return f"{parts.hostname or 'of this machine'}{parts.path}"


def _sentence(exc: BaseException) -> str:
    return str(exc).strip().rstrip(".") or type(exc).__name__
