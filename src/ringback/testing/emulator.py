"""A real emulator in a thread of this process, for the tests of programs that use Ringback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from ringback.http.server import Server
from ringback.lab.script import Script
from ringback.log import configure
from ringback.server.app import DEV_WORKSPACE, App
from ringback.server.run import Address, serve
from ringback.settings import Settings
from ringback.testing.server import environment_of
from ringback.testing.threads import LoopThread

T = TypeVar("T")

_CALL_S = 600  # a three-day schedule takes a second; many dead receivers take longer
_GRACE_S = 0.05  # no test needs the jobs that still run at its end


class Emulator:
    """Runs the whole server of ``ringback dev`` in this process, on a free port, as a context.

    Sockets and database are real. ``url`` is the server's address, any ``api_key`` opens a
    workspace of its name, and ``secret`` signs the webhooks of the workspace ``dev``. Keyword
    arguments are settings.
    """

    def __init__(self, data: Path, **settings: Any) -> None:
        chosen = {"port": 0, "grace_s": _GRACE_S, **settings}
        self._settings = Settings(profile="dev", data=data, **chosen)
        self._thread: LoopThread | None = None
        self._serving: Future[None] | None = None
        self._stop: Callable[[], object] | None = None
        self._app: App | None = None
        self.api_key = DEV_WORKSPACE
        self.url = ""
        self.secret = ""

    def __enter__(self) -> Emulator:
        if not structlog.is_configured():
            # pytest replaces sys.stderr during a test and closes the replacement afterwards.
            configure(level="warning", as_json=False, file=sys.__stderr__, for_good=False)
        self._thread = LoopThread("ringback-emulator")
        ready: Future[tuple[App, Address]] = Future()
        self._serving = self._thread.begin(
            serve(
                self._settings,
                on_ready=lambda app, address: ready.set_result((app, address)),
                stopping=self._stopping,
                warm=False,
            )
        )
        self._serving.add_done_callback(lambda ended: _pass_on_failure(ready, ended))
        try:
            self._app, address = ready.result(30)
        except BaseException:
            self._thread.close()
            raise
        assert address.url is not None
        self.url = address.url
        assert address.dev_secret is not None
        self.secret = address.dev_secret
        return self

    def __exit__(self, *_exc: object) -> None:
        assert self._thread is not None
        assert self._serving is not None
        if self._stop is not None:
            self._stop()
        try:
            self._serving.result(30)
        finally:
            self._thread.close()

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that configure clients and receivers for this server."""
        return environment_of(self)

    def advance(self, seconds: float) -> int:
        """Advance the server's clock, run everything due on the way, and return the attempts."""
        stepping = self._running.stepping
        assert stepping is not None
        return self._call(stepping.advance(seconds)).attempts_count

    def reset(self) -> None:
        """Empty the workspace of ``api_key``."""
        self._call(self._running.workspace_reset.reset(self.api_key))

    def use_script(self, script: Script) -> None:
        """Apply a fault script to the jobs from now on; it numbers them from 1."""
        faults = self._running.faults
        assert faults is not None

        async def use() -> None:
            faults.use(script)

        self._call(use())

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        assert self._thread is not None
        return self._thread.call(coroutine, timeout_s=_CALL_S)

    @property
    def _running(self) -> App:
        if self._app is None:
            raise RuntimeError("The emulator does not run; use it as a context: with Emulator(…).")
        return self._app

    @contextmanager
    def _stopping(self, server: Server, drain: Callable[[], None]) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            server.should_exit = True
            drain()

        self._stop = partial(loop.call_soon_threadsafe, stop)
        yield
        self._stop = None


def _pass_on_failure(ready: Future[tuple[App, Address]], ended: Future[None]) -> None:
    """Fail the future with the server's error if the server ended before it was ready."""
    if not ready.done():
        ready.set_exception(ended.exception() or RuntimeError("The emulator ended at once."))
