"""Failures of the database, by their remedy: try again, connect again, or give up."""

from __future__ import annotations

from enum import StrEnum

import asyncpg

from ringback.errors import StorageFull, StorageUnavailable


class Failure(StrEnum):
    """The remedy of a failure."""

    AGAIN = "again"  # the transaction was in another's way; nothing of it is there
    LOST = "lost"  # the server is gone, or going; the last write may be there or not
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
    """Return the remedy of a failure on a connection, which may be closed by now."""
    if isinstance(exc, _AGAIN):
        return Failure.AGAIN
    if is_closed or isinstance(exc, _LOST):
        return Failure.LOST
    return Failure.REFUSED


def refusal(exc: Exception) -> Exception:
    """Return the error that the caller of a refused write gets."""
    if isinstance(exc, asyncpg.DiskFullError):
        return StorageFull("The database's disk is full: free some space there.")
    return exc


def unavailable() -> StorageUnavailable:
    """Return the error that callers get when the server has stayed away for too long."""
    return StorageUnavailable("The database cannot be reached; try again soon.")
