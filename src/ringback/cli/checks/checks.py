"""The checks of ``ringback doctor``; each returns a finding and, if needed, a remedy."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import shutil
import socket
import stat
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from ringback.cli.checks.finding import Finding
from ringback.cli.checks.shared import artifacts_place, shared_database
from ringback.cli.checks.upstream import upstream_engines
from ringback.clock import SystemClock, moment
from ringback.errors import SetupError
from ringback.server.settings_checks import check_authorities
from ringback.settings import Settings
from ringback.signing.master_key import FILE, VARIABLE, keeps_modes, load_master_keys
from ringback.wire.texts import variable_text

_PYTHON_MIN = (3, 11)
_MODULES = (
    "apsw",
    "dns.message",
    "httptools",
    "jsonschema_rs",
    "msgspec",
    "numpy",
    "PIL.Image",
    "starlette",
    "uvicorn",
    "uvloop",
)
_REINSTALL = "Install Ringback anew with its dependencies: make, or pip install 'ringback[server]'."
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_SKEW_MS_MAX = 5_000
_MIB = 1 << 20


def examine(settings: Settings) -> list[Finding]:
    """Return every check's finding, in the order in which to solve the problems."""
    return [
        _python(),
        *_modules(),
        _sqlite(),
        _write_access(settings.data),
        *_master_key(settings),
        _disk(settings),
        _clock(settings.data),
        *_state(settings),
        *_authorities(),
        *upstream_engines(settings),
        *_models(settings),
        _port(settings),
    ]


def _state(settings: Settings) -> Iterator[Finding]:
    if settings.database is None:
        yield _file_system(settings.data)
        yield _database(settings.data)
        yield _lock(settings.data)
    else:
        yield shared_database(settings)
    if settings.database is not None or settings.artifacts_url is not None:
        yield artifacts_place(settings)


def _python() -> Finding:
    found = f"Python {platform.python_version()}"
    if sys.version_info >= _PYTHON_MIN:
        return Finding(name="python", found=found)
    return Finding(name="python", found=found, todo="Ringback needs Python 3.11 or later.")


def _modules() -> Iterator[Finding]:
    broken = []
    for name in _MODULES:
        try:
            import_module(name)
        except ImportError as exc:
            broken.append(f"{name} ({exc})")
    if broken:
        found = f"cannot be imported: {', '.join(broken)}"
        yield Finding(name="packages", found=found, todo=_REINSTALL)
    else:
        yield Finding(name="packages", found="uvloop, Pillow, numpy and the others are there")


def _sqlite() -> Finding:
    try:
        import apsw

        from ringback.storage.sqlite.database_files import check_library
    except ImportError as exc:
        return Finding(name="sqlite", found=str(exc), todo=_REINSTALL)
    found = f"SQLite {apsw.sqlite_lib_version()}"
    try:
        check_library()
    except SetupError as exc:
        return Finding(name="sqlite", found=found, todo=str(exc))
    return Finding(name="sqlite", found=found)


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        from ringback.server.factories import sentence_on_drawings
    except ImportError:
        return  # the packages' finding says so
    try:
        drawn = sentence_on_drawings(settings)
    except SetupError as exc:
        yield Finding(name="models", found="cannot be offered", todo=str(exc))
    else:
        yield Finding(name="models", found=drawn or "each is served by an engine of a provider")


def _write_access(data: Path) -> Finding:
    directory = _nearest(data)
    todo = "Give this user write access to it, or name another directory with --data."
    if os.path.exists(data) and not os.path.isdir(data):
        return Finding(name="data", found=f"{data} is not a directory", todo=todo)
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"ringback")
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        found = f"{directory} cannot be written ({exc.strerror})"
        return Finding(name="data", found=found, todo=todo)
    if not os.path.isdir(data):
        return Finding(name="data", found=f"{data} does not exist yet and can be made")
    if not keeps_modes(data):
        found = f"{data} can be written; its file system keeps no rights, so others may read it"
        return Finding(name="data", found=found)
    for folder in (data, data / "artifacts", data / "uploads"):
        if os.path.isdir(folder) and folder.stat().st_mode & stat.S_IRWXO:
            mode = stat.S_IMODE(folder.stat().st_mode)
            return Finding(
                name="data",
                found=f"{folder} is open to every user of this machine (mode {mode:04o})",
                todo=f"Close it with: chmod 700 {folder}.",
            )
    return Finding(name="data", found=f"{data} can be written, and is closed to others")


def _master_key(settings: Settings) -> Iterator[Finding]:
    """Check the master key, if there is one yet, as a start does."""
    text = variable_text(os.environ, VARIABLE)
    if text is None and not os.path.lexists(settings.data / FILE):
        return
    try:
        load_master_keys(text, directory=settings.data, may_make=False)
    except SetupError as exc:
        todo = "Bring the right key back: secrets that it sealed open with no other."
        yield Finding(name="key", found=str(exc), todo=todo)
    else:
        yield Finding(name="key", found="the master key can be read")


def _file_system(data: Path) -> Finding:
    """Check that the directory's file system has the locks and shared memory of a start."""
    directory = _nearest(data)
    try:
        from ringback.storage.sqlite.database_files import try_file_system

        try_file_system(directory)
    except ImportError as exc:
        return Finding(name="files", found=str(exc), todo=_REINSTALL)
    except SetupError as exc:
        return Finding(name="files", found=str(exc), todo="A server does not start on it.")
    return Finding(name="files", found=f"a database can be made in {directory}")


def _authorities() -> Iterator[Finding]:
    try:
        check_authorities(os.environ)
    except (SetupError, ImportError) as exc:
        todo = "Name the system's, or unset the variable: no https receiver is trusted by it."
        yield Finding(name="trust", found=str(exc), todo=todo)


def _disk(settings: Settings) -> Finding:
    free_bytes = shutil.disk_usage(_nearest(settings.data)).free
    found = f"{free_bytes // _MIB} MiB free"
    if free_bytes >= settings.disk_reserve_bytes:
        return Finding(name="disk", found=found)
    reserve = f"the reserve is {settings.disk_reserve_bytes // _MIB} MiB"
    todo = "Free some space: until then new jobs are refused with 507."
    return Finding(name="disk", found=f"{found}, {reserve}", todo=todo)


def _clock(data: Path) -> Finding:
    clock = SystemClock()
    before = clock.monotonic()
    now_ms = clock.now_ms()
    found = f"{moment(now_ms):%Y-%m-%d %H:%M:%S} UTC"
    todo = "Set the machine's clock, best by NTP: receivers refuse webhooks with a wrong time."
    if not _EARLIEST <= moment(now_ms) < _LATEST:
        return Finding(name="clock", found=found, todo=todo)
    # No time server is reachable offline, but a network file system has a clock of its own.
    skew_ms = abs(_file_time_ms(data, default=now_ms) - now_ms)
    if skew_ms > _SKEW_MS_MAX:
        found = f"{found}, {skew_ms // 1000} s away from the file system's"
        return Finding(name="clock", found=found, todo=todo)
    if clock.monotonic() < before:
        found = "the monotonic clock ran backwards"
        return Finding(name="clock", found=found, todo="Restart the machine.")
    return Finding(name="clock", found=found)


def _file_time_ms(data: Path, *, default: int) -> int:
    try:
        with tempfile.TemporaryFile(dir=_nearest(data)) as file:
            file.write(b"ringback")
            file.flush()
            return os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    except OSError:
        return default  # the check of write access reports this


def _database(data: Path) -> Finding:
    try:
        import apsw

        from ringback.storage.sqlite.database_files import DATABASE, connect
        from ringback.storage.sqlite.faults import database_fault
    except ImportError as exc:
        return Finding(name="database", found=str(exc), todo=_REINSTALL)
    path = data / DATABASE
    if not os.path.lexists(path):
        return Finding(name="database", found="none yet; the first start makes it")
    try:
        connection = connect(path, read_only=True)
        try:
            faults = [str(row[0]) for row in connection.execute("pragma quick_check(3)")]
        finally:
            connection.close()
    except SetupError as exc:
        return Finding(name="database", found=str(exc), todo="A server does not start on it.")
    except (apsw.CorruptError, apsw.NotADBError) as exc:
        faults = [str(exc)]
    except apsw.Error as exc:
        found = str(database_fault(path, exc))
        return Finding(name="database", found=found, todo="A server does not start on it.")
    closed = [file for file in data.glob("ringback.*") if not os.access(file, os.R_OK | os.W_OK)]
    if faults == ["ok"] and closed:
        found = f"{closed[0]} cannot be written by this user"
        todo = "Give this user, or a group of this user, read and write access to all files there."
        return Finding(name="database", found=found, todo=todo)
    if faults == ["ok"]:
        size = f"{path.stat().st_size // 1024} KiB"
        return Finding(name="database", found=f"{path} is whole ({size})")
    todo = f"Stop the server, put {path} and the files beside it aside, and restore a backup."
    return Finding(name="database", found=f"{path}: {'; '.join(faults)}", todo=todo)


def _lock(data: Path) -> Finding:
    holder = _lock_holder(data / "ringback.lock")
    if holder is None:
        return Finding(name="lock", found="no server runs on these data")
    return Finding(name="lock", found=f"a server runs on these data (process {holder})")


def _lock_holder(path: Path) -> int | None:
    try:
        holder = int(path.read_text("ascii"))
        if not _is_alive(holder):
            return None
        # The lock is tried last, because holding it for a moment blocks a starting server.
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return holder
    except (OSError, ValueError):
        return None
    return None


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)  # sends no signal, only checks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's process
    return True


def _port(settings: Settings) -> Finding:
    address = f"{settings.host}:{settings.port}"
    if settings.port == 0:
        return Finding(name="port", found="a free one will be picked")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE and (version := _ringback_at(settings)):
            return Finding(name="port", found=f"{address} is answered by Ringback {version}")
        todo = "Stop the program that uses it, or choose another address with --host and --port."
        found = f"{address} cannot be listened on ({exc.strerror})"
        return Finding(name="port", found=found, todo=todo)
    return Finding(name="port", found=f"{address} is free")


def _ringback_at(settings: Settings) -> str | None:
    """Return the version of the Ringback that answers there, or None for anything else."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{settings.port}/", timeout=3) as answer:
            about = json.loads(answer.read(_MIB))
            return str(about["version"]) if about["name"] == "Ringback" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _nearest(directory: Path) -> Path:
    """Return the directory, or the nearest one above it that exists."""
    directory = directory.absolute()
    return next(path for path in (directory, *directory.parents) if os.path.isdir(path))
