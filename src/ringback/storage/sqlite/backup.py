"""A consistent copy of the database, made beside a running server by SQLite's online backup."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw

from ringback.errors import SetupError
from ringback.storage.sqlite.database_files import DATABASE, connect


def copy_database(data: Path, target: Path) -> int:
    """Copy the database of a data directory into another directory; return its bytes.

    The copy is checked before it takes the name of an earlier one. Raises ``SetupError`` with a
    sentence when there is no database, or the copy is not whole.
    """
    source = data / DATABASE
    if not source.is_file():
        raise SetupError(
            f"There is no database in {data}; name the server's directory with --data."
        )
    part, path = target / f"{DATABASE}.part", target / DATABASE
    part.unlink(missing_ok=True)
    try:
        with closing(connect(source, read_only=True)) as origin, closing(_new(part)) as copy:
            with copy.backup("main", origin, "main") as backup:
                backup.step()
            # One file, without a log beside it that a later copy could leave behind.
            copy.execute("pragma journal_mode = delete")
            ((verdict,),) = copy.execute("pragma integrity_check(1)")
        if verdict != "ok":
            raise SetupError(f"The copy of {source} is not whole ({verdict}); run ringback doctor.")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except (apsw.Error, OSError) as exc:
        raise SetupError(f"The database {source} cannot be copied to {target} ({exc}).") from exc
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _new(path: Path) -> apsw.Connection:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return apsw.Connection(str(path))
