"""Opening the data directory: its lock, its database, the migrations."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import apsw

from ringback.errors import SetupError
from ringback.storage.sqlite.statements import migrations

SQLITE_MIN = (3, 51, 3)  # earlier ones can lose commits in WAL mode when two connections write
DATABASE = "ringback.db"
_BUSY_S = 5
_HELD = "; stop it, or give this one its own directory with --data"


class DirectoryLock:
    """Keeps a second server off a data directory for as long as this process lives."""

    def __init__(self, directory: Path, *, held: str = _HELD) -> None:
        try:
            self._file = os.open(directory / "ringback.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise SetupError(
                f"The data directory {directory} cannot be written ({exc.strerror}); "
                "check its owner and permissions, or name another with --data."
            ) from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise SetupError(
                f"Another Ringback server (process {holder}) runs on {directory}{held}."
            ) from exc
        # In this order it needs no new room, which a full disk would not have.
        os.ftruncate(self._file, os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0))

    def release(self) -> None:
        """Let another server in."""
        os.close(self._file)


def make_directory(directory: Path) -> None:
    """Make the data directory, readable by its owner alone, or raise ``SetupError``."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as exc:
        raise SetupError(
            f"The data directory {directory!s} cannot be made ({getattr(exc, 'strerror', exc)}); "
            "name another with --data."
        ) from exc


def check_library() -> None:
    """Raise ``SetupError`` unless the bundled SQLite is one that keeps what it committed."""
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_MIN:
        raise SetupError(
            f"SQLite {apsw.sqlite_lib_version()} can lose commits; Ringback needs "
            f"{'.'.join(map(str, SQLITE_MIN))} or later: pip install --upgrade apsw."
        )


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """Open the database durably: WAL, synced at every commit, five seconds' patience for locks."""
    flags = (
        apsw.SQLITE_OPEN_READONLY
        if read_only
        else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    )
    try:
        connection = apsw.Connection(str(path), flags=flags)
        connection.set_busy_timeout(_BUSY_S * 1000)
        if not read_only:
            os.chmod(path, 0o600)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma wal_autocheckpoint = 4000")
            connection.execute("pragma journal_size_limit = 67108864")
    except apsw.BusyError as exc:
        raise _busy(path) from exc
    except apsw.Error as exc:
        raise SetupError(
            f"The database {path} cannot be opened ({exc}); check that this user may read and "
            "write it and that it is Ringback's."
        ) from exc
    return connection


def migrate_unserved(connection: apsw.Connection, directory: Path) -> None:
    """Bring the schema up to date unless a server runs on it: then raise ``SetupError``."""
    version, newest = _version(connection), migrations()[-1][0]
    if version == newest:
        return
    advice = "use that server's own version of this command, or stop it first"
    held = f" with the schema {version}, and this command needs {newest}; {advice}"
    lock = DirectoryLock(directory, held=held)
    try:
        migrate(connection)
    finally:
        lock.release()


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema up to date, each numbered step in a transaction of its own."""
    version = _version(connection)
    steps = migrations()
    if version > steps[-1][0]:
        raise SetupError(
            f"The data were written by a later Ringback (schema {version}, this one knows "
            f"{steps[-1][0]}); run that version or name another directory with --data."
        )
    for number, script in steps:
        if number <= version:
            continue
        try:
            connection.execute("begin immediate")
        except apsw.BusyError as exc:
            raise _busy(Path(connection.filename)) from exc
        try:
            # Looked up again within the transaction: another process may have been faster.
            if _version(connection) < number:
                connection.execute(script)
                connection.pragma("user_version", number)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise


def _version(connection: apsw.Connection) -> int:
    version = connection.pragma("user_version")
    assert isinstance(version, int)
    return version


def _busy(path: Path) -> SetupError:
    return SetupError(
        f"The database {path} is busy: another program has held it for {_BUSY_S} s; "
        "end that program or wait for it, and try again."
    )
