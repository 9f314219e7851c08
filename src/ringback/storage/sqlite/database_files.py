"""Opening the data directory: its lock, its database, the migrations."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import apsw

from ringback.errors import SetupError
from ringback.files.private_folders import DATA_NAMES, close_to_others, make_private_folder
from ringback.storage.sqlite.faults import BUSY_S, database_fault, lacks, lock_fault
from ringback.storage.sqlite.statements import migrations

SQLITE_MIN = (3, 51, 3)  # earlier ones can lose commits in WAL mode when two connections write
_PATH_BYTES_MAX = 480  # SQLite takes 512 with the names of its files
DATABASE = "ringback.db"
_HELD = "; stop it, or give this one its own directory with --data"


class DirectoryLock:
    """Keeps a second server off a data directory for as long as this process lives."""

    def __init__(self, directory: Path, *, held: str = _HELD) -> None:
        try:
            self._file: int | None = os.open(
                directory / "ringback.lock", os.O_RDWR | os.O_CREAT, 0o600
            )
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
            raise lock_fault(directory, exc) or SetupError(
                f"Another Ringback server (process {holder}) runs on {directory}{held}."
            ) from exc
        # In this order it needs no new space, which a full disk would not have. The number is for
        # people: the lock holds without it.
        with suppress(OSError):
            os.ftruncate(self._file, os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0))

    def release(self) -> None:
        """Let another server in; a second time it does nothing."""
        file, self._file = self._file, None  # the number may be another's from now on
        if file is not None:
            os.close(file)


def make_directory(directory: Path) -> None:
    """Make the data directory, readable by its owner alone, or raise ``SetupError``."""
    try:
        path = os.fspath(directory.absolute()).encode()  # SQLite takes names in UTF-8 alone
    except UnicodeEncodeError as exc:
        raise SetupError(
            "The data directory's name is no UTF-8; name another with --data."
        ) from exc
    if len(path) > _PATH_BYTES_MAX:
        raise SetupError(
            f"The data directory's path has {len(path)} bytes, and SQLite takes at most "
            f"{_PATH_BYTES_MAX}; name a shorter one with --data."
        )
    try:
        make_private_folder(directory, names=DATA_NAMES)
    except (OSError, ValueError) as exc:
        raise SetupError(
            f"The data directory {directory!s} cannot be made ({getattr(exc, 'strerror', exc)}); "
            "name another with --data."
        ) from exc


def check_library() -> None:
    """Raise ``SetupError`` unless the bundled SQLite keeps its commits."""
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
        connection.set_busy_timeout(BUSY_S * 1000)
        if not read_only:
            close_to_others(path, 0o600)
            (mode,) = next(connection.execute("pragma journal_mode = wal"))
            if mode != "wal":
                raise lacks(path.parent, "shared memory", f"its journal is {mode}, not wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma wal_autocheckpoint = 4000")
            connection.execute("pragma journal_size_limit = 67108864")
    except apsw.Error as exc:
        raise database_fault(path, exc) from exc
    return connection


def migrate_unserved(connection: apsw.Connection, directory: Path) -> None:
    """Bring the schema up to date unless a server runs on it: then raise ``SetupError``."""
    try:
        version, newest = _version(connection), migrations()[-1][0]
    except apsw.Error as exc:
        raise database_fault(Path(connection.filename), exc) from exc
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
    try:
        _migrate(connection)
    except apsw.Error as exc:
        raise database_fault(Path(connection.filename), exc) from exc


def _migrate(connection: apsw.Connection) -> None:
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
        connection.execute("begin immediate")
        try:
            # Looked up again within the transaction: another process may have been faster.
            if _version(connection) < number:
                connection.execute(script)
                connection.pragma("user_version", number)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute("rollback")
            raise


def try_file_system(directory: Path) -> None:
    """Open a lock and a database in a new folder of the directory, as the first start does.

    The folder is deleted again. Raises ``SetupError`` if the file system lacks something.
    """
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix="ringback.try-") as folder:
            try:
                DirectoryLock(Path(folder)).release()
                connection = connect(Path(folder) / DATABASE)
                try:
                    migrate(connection)
                finally:
                    connection.close()
            except SetupError as exc:
                raise SetupError(str(exc).replace(folder, str(directory))) from exc
    except OSError as exc:
        raise SetupError(
            f"The data directory {directory} cannot be written ({exc.strerror}); "
            "check its owner and permissions, or name another with --data."
        ) from exc


def _version(connection: apsw.Connection) -> int:
    version = connection.pragma("user_version")
    assert isinstance(version, int)
    return version
