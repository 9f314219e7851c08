"""What a failure of the database means: try again, connect again, wait for room, or a bug."""

from __future__ import annotations

from enum import StrEnum

import asyncpg

from ringback.errors import StorageFull


class Failure(StrEnum):
    """What to do about a failure."""

    AGAIN = "again"  # the transaction was in another's way; nothing of it is there
    LOST = "lost"  # the server is gone, or going; what was sent last may be there or not
    REFUSED = "refused"  # it would fail again


_AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_LOST = (
    OSError,  # TimeoutError among them
    EOFError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that was not promoted yet
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def meaning_of(exc: BaseException, *, is_closed: bool) -> Failure:
    """Return what a failure on a connection, closed by now or not, asks for."""
    if isinstance(exc, _AGAIN):
        return Failure.AGAIN
    if is_closed or isinstance(exc, _LOST):
        return Failure.LOST
    return Failure.REFUSED


def refusal(exc: Exception) -> Exception:
    """Return what a caller is told whose write was refused."""
    if isinstance(exc, asyncpg.DiskFullError):
        return StorageFull("The database's disk is full: free some space there.")
    return exc
