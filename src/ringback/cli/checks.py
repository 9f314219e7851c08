"""What the doctor looks at: each check returns what it found and, if need be, what to do."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from ringback.cli.checks_shared import artifacts_place, shared_database
from ringback.cli.checks_upstream import upstream_engines
from ringback.cli.finding import Finding
from ringback.clock import SystemClock, moment
from ringback.errors import SetupError
from ringback.settings import Settings

_PYTHON_MIN = (3, 11)
_MODULES = (
    "apsw",
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
    """Return what every check found, in the order in which problems are best solved."""
    return [
        _python(),
        *_modules(),
        _sqlite(),
        _write_access(settings.data),
        _disk(settings),
        _clock(settings.data),
        *_state(settings),
        *upstream_engines(settings),
        _port(settings),
    ]


def _state(settings: Settings) -> Iterator[Finding]:
    if settings.database is None:
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

        from ringback.storage.sqlite.files import check_library
    except ImportError as exc:
        return Finding(name="sqlite", found=str(exc), todo=_REINSTALL)
    found = f"SQLite {apsw.sqlite_lib_version()}"
    try:
        check_library()
    except SetupError as exc:
        return Finding(name="sqlite", found=found, todo=str(exc))
    return Finding(name="sqlite", found=found)


def _write_access(data: Path) -> Finding:
    directory = _nearest(data)
    todo = "Give this user write access to it, or name another directory with --data."
    if data.exists() and not data.is_dir():
        return Finding(name="data", found=f"{data} is not a directory", todo=todo)
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"ringback")
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        found = f"{directory} cannot be written ({exc.strerror})"
        return Finding(name="data", found=found, todo=todo)
    end = "can be written" if data.is_dir() else "does not exist yet and can be made"
    return Finding(name="data", found=f"{data} {end}")


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
    # Nobody can be asked offline; but a file system of another machine has a clock of its own.
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
        return default  # the check of write access tells about it


def _database(data: Path) -> Finding:
    try:
        import apsw

        from ringback.storage.sqlite.files import DATABASE, connect
    except ImportError as exc:
        return Finding(name="database", found=str(exc), todo=_REINSTALL)
    path = data / DATABASE
    if not path.exists():
        return Finding(name="database", found="none yet; the first start makes it")
    try:
        connection = connect(path, read_only=True)
        try:
            faults = [str(row[0]) for row in connection.execute("pragma quick_check(3)")]
        finally:
            connection.close()
    except (SetupError, apsw.Error) as exc:
        faults = [str(exc)]
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
        # Only after that is the lock tried: for an instant it keeps a starting server away.
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return holder
    except (OSError, ValueError):
        return None
    return None


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)  # sends nothing: it only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
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
        todo = "Stop what uses it, or choose another address with --host and --port."
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
    return next(path for path in (directory, *directory.parents) if path.is_dir())
