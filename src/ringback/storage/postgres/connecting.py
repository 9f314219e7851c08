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

from ringback.errors import SetupError

Connection: TypeAlias = Any  # asyncpg's, which has no types

_CONNECT_S = 10.0
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
        self._dsn = dsn
        self.is_pooled = False

    async def look(self) -> None:
        """Find out whether a pooler stands between; raises ``SetupError`` without a server."""
        try:
            connection = await self._connect(statement_cache_size=0)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as exc:
            raise SetupError(
                f"The database {shown(self._dsn)} cannot be reached ({_sentence(exc)}); "
                "check the setting database, and that the server runs and lets this user in."
            ) from exc
        try:
            async with connection.transaction():
                pid = await connection.fetchval("select pg_backend_pid()")
            self.is_pooled = pid != connection.get_server_pid()
        finally:
            await close(connection)

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
            self._dsn,
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
