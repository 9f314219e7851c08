"""Says why a data directory cannot hold the database: its locks, shared memory, room or access."""

from __future__ import annotations

import errno
import fcntl
import shutil
import tempfile
from pathlib import Path

import apsw

from ringback.errors import SetupError

BUSY_S = 5
_ELSEWHERE = "keep the data on a local disk (--data), or in PostgreSQL (RINGBACK_DATABASE)"
_HAS_NO_LOCKS = frozenset(
    {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
)
_OF_SHARED_MEMORY = frozenset(
    {
        apsw.SQLITE_IOERR_SHMMAP,
        apsw.SQLITE_IOERR_SHMOPEN,
        apsw.SQLITE_IOERR_SHMLOCK,
        apsw.SQLITE_IOERR_SHMSIZE,
        apsw.SQLITE_IOERR_MMAP,
    }
)
_OF_LOCKS = frozenset(
    {
        apsw.SQLITE_IOERR_LOCK,
        apsw.SQLITE_IOERR_RDLOCK,
        apsw.SQLITE_IOERR_UNLOCK,
        apsw.SQLITE_IOERR_CHECKRESERVEDLOCK,
    }
)
_FULL_BYTES = 1 << 16  # with less, not even the index of the write-ahead log has room


def database_fault(path: Path, exc: apsw.Error) -> SetupError:
    """Return the error for a database that could not be opened or migrated."""
    code = getattr(exc, "extendedresult", 0)
    if isinstance(exc, apsw.FullError) or _is_full(path.parent):
        return SetupError(
            f"The disk of {path.parent} is full ({exc}); free some space there, or name another "
            "directory with --data."
        )
    if code in _OF_LOCKS:
        return lacks(path.parent, "locks", str(exc))
    if code in _OF_SHARED_MEMORY:
        return lacks(path.parent, "shared memory", str(exc))
    if isinstance(exc, apsw.BusyError):
        return _without_locks(path.parent) or SetupError(
            f"The database {path} is busy: another program has held it for {BUSY_S} s; "
            "end that program or wait for it, and try again."
        )
    return SetupError(
        f"The database {path} cannot be opened ({exc}); check that this user may read and "
        "write it and that it is Ringback's."
    )


def lacks(directory: Path, part: str, detail: str) -> SetupError:
    """Return the error for a file system without a part that the database needs."""
    return SetupError(
        f"The file system of {directory} has no {part} ({detail}), and the database needs them; "
        f"{_ELSEWHERE}."
    )


def lock_fault(directory: Path, exc: OSError) -> SetupError | None:
    """Return the error for a lock that the system refused, or None if somebody else has it."""
    if exc.errno in _HAS_NO_LOCKS:
        return lacks(directory, "locks", str(exc.strerror))
    if isinstance(exc, BlockingIOError | PermissionError):
        return None
    return SetupError(
        f"The data directory {directory} cannot be locked ({exc.strerror}); {_ELSEWHERE}."
    )


def _without_locks(directory: Path) -> SetupError | None:
    """Return the error for a file system without locks, which SQLite takes for a busy one."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        return lock_fault(directory, exc)
    return None


def _is_full(directory: Path) -> bool:
    try:
        return shutil.disk_usage(directory).free < _FULL_BYTES
    except OSError:
        return False
