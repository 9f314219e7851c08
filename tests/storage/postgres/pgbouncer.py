"""A pgbouncer in its transaction mode, before a server of the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
POOL_SIZE = 4  # fewer than the connections of two stores: they take turns

needs_pgbouncer = pytest.mark.skipif(
    PROGRAM is None, reason="pgbouncer is not installed (apt-get install pgbouncer)"
)
_SETTINGS = """
[databases]
* = host={host} port=5432 user={user}
[pgbouncer]
pool_mode = transaction
default_pool_size = {size}
auth_type = any
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_port = 5432
pidfile = {folder}/pid
logfile = {folder}/log
"""


class Bouncer:
    """The program, which can be restarted; ``dsn`` leads through it."""

    def __init__(self, folder: Path, dsn: str, *, account: str | None) -> None:
        self._folder = folder
        self._account = account
        (host,) = parse_qs(urlsplit(dsn).query)["host"]
        settings = _SETTINGS.format(
            host=host, user=urlsplit(dsn).username or "postgres", size=POOL_SIZE, folder=folder
        )
        (folder / "settings.ini").write_text(settings)
        self.dsn = urlsplit(dsn)._replace(query=f"host={quote(str(folder))}").geturl()
        self._process = self._start()

    def restart(self) -> None:
        """End it at once, cutting every connection, and start it again."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=10)

    def _start(self) -> subprocess.Popen[bytes]:
        assert PROGRAM is not None
        user = ["--user", self._account] if self._account else []
        process = subprocess.Popen(
            [PROGRAM, *user, str(self._folder / "settings.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        with process.stderr as lines:  # it outlives that nobody reads the rest
            is_up = any(b"process up" in line for line in lines)
        if not is_up:
            process.wait(timeout=10)
            raise AssertionError((self._folder / "log").read_text())
        return process


@contextmanager
def a_bouncer(dsn: str) -> Iterator[Bouncer]:
    """Run a pgbouncer before the server of that DSN."""
    (host,) = parse_qs(urlsplit(dsn).query)["host"]
    folder = Path(tempfile.mkdtemp(prefix="ringback-pgbouncer-"))
    account = None
    if os.geteuid() == 0:  # as which it does not run
        owner = pwd.getpwuid(Path(host).stat().st_uid)
        account = owner.pw_name if owner.pw_uid else "nobody"
        shutil.chown(folder, account)
    bouncer = Bouncer(folder, dsn, account=account)
    try:
        yield bouncer
    finally:
        bouncer.stop()
        shutil.rmtree(folder)
