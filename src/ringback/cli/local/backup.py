"""Copies a data directory beside a running server: database, artifacts and the master key."""

from __future__ import annotations

import os
import shutil
from fnmatch import fnmatch
from pathlib import Path

from msgspec import Struct

from ringback.errors import SetupError
from ringback.files.private_folders import DATA_NAMES, make_private_folder
from ringback.settings import Settings
from ringback.signing.master_key import FILE, VARIABLE
from ringback.storage.sqlite.backup import copy_database
from ringback.storage.sqlite.database_files import DATABASE
from ringback.wire.texts import variable_text

_ARTIFACTS = "artifacts"


class Backup(Struct, frozen=True, kw_only=True):
    """The contents of a backup, with the files that were copied now and those in all."""

    directory: str
    database_bytes: int
    artifacts_copied: int
    artifacts_count: int
    has_master_key: bool


def back_up(settings: Settings, target: Path, *, with_key: bool) -> Backup:
    """Copy the data directory into ``target``, or bring an earlier copy there up to date.

    The database is copied before the artifacts, which are written before the rows that name them:
    so no row of the copy lacks its file. Raises ``SetupError`` for a target that cannot be used.
    """
    if settings.database is not None:
        raise SetupError(
            "With PostgreSQL the database's own backup is the backup: pg_dump, or continuous "
            "archiving; copy the artifacts and the master key afterwards."
        )
    data = settings.data
    if target.resolve() == data.resolve() or data.resolve() in target.resolve().parents:
        raise SetupError(f"The backup cannot be in the data directory {data}; name another.")
    try:
        _check_target(target)
        make_private_folder(target, names=DATA_NAMES)
        database_bytes = copy_database(data, target)
        copied, count = _copy_artifacts(data / _ARTIFACTS, target / _ARTIFACTS)
        has_key = with_key and _copy_key(data / FILE, target / FILE)
    except OSError as exc:
        raise SetupError(f"The backup cannot be written to {target} ({exc.strerror}).") from exc
    return Backup(
        directory=str(target),
        database_bytes=database_bytes,
        artifacts_copied=copied,
        artifacts_count=count,
        has_master_key=has_key,
    )


def _check_target(target: Path) -> None:
    """Raise ``SetupError`` for a folder of other files that holds no earlier backup."""
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    others = {name for name in names if not any(fnmatch(name, known) for known in DATA_NAMES)}
    if others and DATABASE not in names:
        raise SetupError(
            f"{target} has other files, like {min(others)}; name a new or empty directory, or "
            "that of an earlier backup."
        )


def advice_on_key(settings: Settings, backup: Backup) -> str:
    """Return the sentence that says where the master key of this backup is."""
    if backup.has_master_key:
        return "The copy has the master key in it: whoever reads the copy can sign your webhooks."
    if variable_text(os.environ, VARIABLE):
        return f"The copy works only with the key in {VARIABLE}: keep that elsewhere, too."
    if (settings.data / FILE).exists():
        return f"The copy works only with {settings.data / FILE}: keep that elsewhere, too."
    return "There is no master key yet: the server has sealed nothing."


def _copy_artifacts(source: Path, target: Path) -> tuple[int, int]:
    """Copy the files that the target lacks; return how many, and how many there are."""
    copied = count = 0
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        copy = target / path.relative_to(source)
        try:
            if path.is_symlink() or not path.is_file():
                continue
            count += 1
            # A file never changes under its name.
            if copy.exists() and copy.stat().st_size == path.stat().st_size:
                continue
            make_private_folder(copy.parent)
            _copy(path, copy)
        except FileNotFoundError:
            count -= 1  # it was pruned meanwhile
        else:
            copied += 1
    return copied, count


def _copy_key(source: Path, target: Path) -> bool:
    if not source.is_file():
        return False
    _copy(source, target)
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a file, readable by its owner alone; the target is whole or as it was."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
