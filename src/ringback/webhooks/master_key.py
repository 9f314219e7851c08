"""Where the master keys come from: the operator, or a file of the data directory made once."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from binascii import a2b_base64
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from ringback.errors import SetupError
from ringback.ids import new_key

VARIABLE = "RINGBACK_MASTER_KEY"
FILE = "master.key"
_KEY_BYTES = 32
_FILE_BYTES_MAX = 4096
_HOW = "make one with: openssl rand -base64 32"


def load_master_keys(
    text: str | None, *, directory: Path, may_make: bool = True
) -> tuple[bytes, ...]:
    """Return the master keys; the first seals, all unseal.

    They are those that the operator gave as text, else those of ``master.key`` in the directory,
    which is made if there is none and it may be. Raises ``SetupError`` for anything that is not as
    it should be.
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
            # Not what is wrong in it: the text may be a key but for one letter.
            raise SetupError(
                f"{source} is wrong: key {number} is not the base64 of {_KEY_BYTES} bytes; {_HOW}."
            )
        keys.append(key)
    return tuple(keys)


def _read(path: Path) -> str | None:
    """Return what the file holds, None when there is none; it must be its owner's alone."""
    try:
        # Without waiting, so that a pipe in the file's place cannot keep the server from starting.
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
    # A byte that is not ASCII is no base64 either, and is refused as such.
    return content.decode("ascii", "replace")


def _check(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise SetupError(f"{path} must be a file; remove what stands in its place.")
    if mode & 0o077:
        raise SetupError(
            f"The file {path} is open to others (mode {stat.S_IMODE(mode):04o}); "
            f"close it with: chmod 600 {path}."
        )


def _make(path: Path) -> None:
    """Make the file with a new key, durably and whole, unless another process was faster."""
    try:
        descriptor, made = mkstemp(prefix=f"{FILE}.", dir=path.parent)  # open to its owner alone
        try:
            with open(descriptor, "wb") as file:
                file.write(b64encode(new_key()) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, a link never takes the place of what is there.
            with suppress(FileExistsError):
                os.link(made, path)
        finally:
            os.unlink(made)
        _sync_folder(path.parent)
    except OSError as exc:
        raise SetupError(
            f"The file {path} cannot be made ({exc.strerror}); "
            f"make its directory writable, or give a key in {VARIABLE} ({_HOW})."
        ) from exc


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
