"""Creates folders and files that only their owner may read, under any umask."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from ringback.log import get_logger

log = get_logger(__name__)

OTHERS = 0o077
"""The permission bits of everybody but the owner."""
UMASK = 0o077
"""The umask of a server's processes."""
DATA_NAMES = (
    "ringback.*",  # the database with SQLite's companions, and the lock
    "master.key*",
    "lab-clock.*",
    "artifacts",
    "uploads",
    "workers",
    ".gitignore",
    "demo",  # of ``ringback demo``, in the default directory
    "lost+found",  # in the root of a mounted file system
)
"""Patterns of the entries of a data directory, for ``narrow_folder``'s ``names``."""
_SHARED_ON_PURPOSE = stat.S_ISVTX | stat.S_ISGID


def make_private_folder(folder: Path, *, names: tuple[str, ...] = ("*",)) -> None:
    """Create a folder, and its missing parents, accessible only to its owner.

    An existing folder is closed to others where that is allowed (``narrow_folder``).
    """
    if not folder.parent.exists():
        make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        narrow_folder(folder, names=names)
    else:
        close_to_others(folder, 0o700)  # a umask may restrict the owner too


def narrow_folder(folder: Path, *, names: tuple[str, ...] = ("*",)) -> None:
    """Close a folder to others and log it; log a warning if it must stay open.

    A folder of another user, or with the sticky or set-group-id bit, was opened on purpose:
    orchestrators give volumes to a group that way. So was one behind a symbolic link. A folder
    with entries that match none of the names, such as a project or ``/srv``, is not the server's
    to close.
    """
    try:
        found = folder.stat()
    except OSError:
        return  # the next use reports the error
    if not found.st_mode & OTHERS:
        return
    mode = stat.S_IMODE(found.st_mode)
    known = {"path": str(folder), "mode": f"{mode:04o}"}
    is_ours = found.st_uid == os.geteuid() and _holds_only(folder, names)
    if is_ours and not mode & _SHARED_ON_PURPOSE and not folder.is_symlink():
        with suppress(OSError):
            folder.chmod(mode & ~OTHERS)
            if not folder.stat().st_mode & OTHERS:  # file systems without modes ignore it
                log.warning("folder_closed_to_others", **known)
                return
    log.warning("folder_open_to_others", **known)


def keep_out_of_git(folder: Path, *, names: tuple[str, ...]) -> None:
    """Write a ``.gitignore`` that leaves the whole folder out of git.

    Nothing is written where there is one, where the folder has entries that match none of the
    names, because it may be a project itself, and where the disk takes no file.
    """
    if _holds_only(folder, names):
        with suppress(OSError), (folder / ".gitignore").open("x", encoding="ascii") as file:
            file.write("*\n")


def _holds_only(folder: Path, names: tuple[str, ...]) -> bool:
    try:
        entries = os.listdir(folder) if names != ("*",) else ()
    except OSError:
        return False
    return all(any(fnmatchcase(entry, name) for name in names) for entry in entries)


def close_to_others(path: Path, mode: int) -> None:
    """Set the mode of our file or folder, ignoring file systems without modes."""
    with suppress(OSError):
        path.chmod(mode)
