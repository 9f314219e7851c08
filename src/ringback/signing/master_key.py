"""Loads the master keys from the environment, or from a file that the first start makes."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
from base64 import b64encode
from binascii import a2b_base64
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkstemp

from ringback.errors import SetupError
from ringback.ids import new_key
from ringback.wire.texts import without_mark

VARIABLE = "RINGBACK_MASTER_KEY"
FILE = "master.key"
_KEY_BYTES = 32
_FILE_BYTES_MAX = 4096
_GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS = stat.S_IRWXO
_HAS_NO_LINKS = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
)
_HOW = "make one with: openssl rand -base64 32"


def load_master_keys(
    text: str | None, *, directory: Path, may_make: bool = True
) -> tuple[bytes, ...]:
    """Return the master keys; the first seals, all unseal.

    They come from the operator's text, else from ``master.key`` in the directory, which is made
    if it is missing and ``may_make`` is true. Raises ``SetupError`` with the remedy otherwise.
    """
    if text is not None:
        return parse_master_keys(text, source=VARIABLE)
    path = directory / FILE
    found = _read(path)
    if found is None and not may_make:
        raise SetupError(
            f"Secrets here are sealed with a master key, and there is none in {path}; bring the "
            f"file back, or give the server's key in {VARIABLE}."
        )
    if found is None:
        _make(path)
        found = _read(path)
    if found is None:
        raise SetupError(f"{path} leads nowhere; remove what stands in the file's place.")
    return parse_master_keys(found, source=f"The file {path}")


def parse_master_keys(text: str, *, source: str) -> tuple[bytes, ...]:
    """Return the keys in a text, separated by commas or line ends, or raise ``SetupError``."""
    keys = []
    for number, encoded in enumerate(re.split(r",|\r?\n", text.strip()), start=1):
        try:
            key = a2b_base64(encoded.strip().encode("ascii"), strict_mode=True)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            # The message shows nothing of the text: it may be a key with one wrong letter.
            raise SetupError(
                f"{source} is wrong: key {number} is not the base64 of {_KEY_BYTES} bytes; {_HOW}."
            )
        keys.append(key)
    return tuple(keys)


def _read(path: Path) -> str | None:
    """Return the file's text, or None without a file; only its owner may have access to it."""
    try:
        # Opened without waiting: a pipe at this path would block the server's start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check(path, os.fstat(descriptor).st_mode)
            content = os.read(descriptor, _FILE_BYTES_MAX)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SetupError(
            f"The file {path} cannot be read ({exc.strerror}); check its owner and permissions."
        ) from exc
    # A byte that is not ASCII is not base64 either, so parsing refuses it.
    return without_mark(content).decode("ascii", "replace")


def _check(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SetupError(f"{path} must be a file; remove what stands in its place.")
    if not mode & _GROUP_AND_OTHERS:
        return
    if mode & _OTHERS and keeps_modes(path.parent):
        raise SetupError(
            f"The file {path} is open to others (mode {stat.S_IMODE(mode):04o}); "
            f"close it with: chmod 600 {path}."
        )
    # Orchestrators give all files of a volume to a group, and some file systems keep no modes.
    _warn_once(str(path), f"{stat.S_IMODE(mode):04o}")


@cache
def _warn_once(path: str, mode: str) -> None:
    from ringback.log import get_logger  # a package of the server, which `doctor --help` lacks

    log = get_logger(__name__)
    log.warning("master_key_open", path=path, mode=mode)


def keeps_modes(directory: Path) -> bool:
    """Return whether a file in the directory can be closed to others; not everywhere it can."""
    try:
        with tempfile.NamedTemporaryFile(prefix=f"{FILE}.", dir=directory) as file:
            return not os.fstat(file.fileno()).st_mode & _GROUP_AND_OTHERS
    except OSError:
        return True  # it cannot be tried, so modes are taken at their word


def _make(path: Path) -> None:
    """Write a new key to the file, synced and atomically, unless another process was faster."""
    try:
        descriptor, made = mkstemp(prefix=f"{FILE}.", dir=path.parent)  # open to its owner alone
        try:
            with open(descriptor, "wb") as file:
                file.write(b64encode(new_key()) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, a link never replaces an existing file.
            with suppress(FileExistsError):
                _link(made, path)
        finally:
            os.unlink(made)
        _sync_folder(path.parent)
    except OSError as exc:
        raise SetupError(
            f"The file {path} cannot be made ({exc.strerror}); "
            f"make its directory writable, or give a key in {VARIABLE} ({_HOW})."
        ) from exc


def _link(made: str, path: Path) -> None:
    """Give the file its name, or raise ``FileExistsError`` if there is one of that name."""
    try:
        os.link(made, path)
    except OSError as exc:
        if exc.errno not in _HAS_NO_LINKS:
            raise
        # FAT, SMB and others have no links. The name is taken atomically; a crash before the
        # write leaves an empty file, which is refused, and with which nothing was sealed.
        content = Path(made).read_bytes()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _HAS_NO_LINKS:  # nor do some of these file systems sync a folder
            raise
    finally:
        os.close(descriptor)
