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

from ringback.app.app import DEV_WORKSPACE, App
from ringback.app.serving import Address, serve
from ringback.http_server import Server
from ringback.lab.script import Script
from ringback.log import configure
from ringback.settings import Settings
from ringback.testing.threads import LoopThread

T = TypeVar("T")

_CALL_S = 600  # a three-day schedule takes a second; one of many dead receivers takes longer
_GRACE_S = 0.2  # what a test has left running is of no use to anybody


class Emulator:
    """``ringback dev`` inside this process: the whole server, on a free port, as a context.

    Everything is real, the sockets and the database included. ``url`` is where it answers, any
    ``api_key`` opens a workspace of its name, and ``secret`` signs the webhooks of ``dev``.
    Settings are those of ``ringback dev``, as keyword arguments.
    """

    api_key = DEV_WORKSPACE

    def __init__(self, data: Path, **settings: Any) -> None:
        chosen = {"port": 0, "grace_s": _GRACE_S, **settings}
        self._settings = Settings(profile="dev", data=data, **chosen)
        self._thread: LoopThread | None = None
        self._serving: Future[None] | None = None
        self._stop: Callable[[], object] | None = None
        self._app: App | None = None
        self.url = ""
        self.secret = ""

    def __enter__(self) -> Emulator:
        if not structlog.is_configured():
            # The real file: the one that stands in for it during a test is closed after it.
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
        self._serving.add_done_callback(lambda ended: _tell(ready, ended))
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
        """Return the variables by which clients and receivers find this server."""
        return {
            "RINGBACK_BASE_URL": self.url,
            "RINGBACK_API_KEY": self.api_key,
            "RINGBACK_WEBHOOK_SECRET": self.secret,
        }

    def advance(self, seconds: float) -> int:
        """Move the server's time on, doing on the way what falls due; return the attempts made."""
        stepping = self._running.stepping
        assert stepping is not None
        return self._call(stepping.advance(seconds)).attempts_count

    def use_script(self, script: Script) -> None:
        """Have the jobs from now on follow a fault script, which counts them from 1."""
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


def _tell(ready: Future[tuple[App, Address]], ended: Future[None]) -> None:
    """Pass on why a server ended that was never ready."""
    if not ready.done():
        ready.set_exception(ended.exception() or RuntimeError("The emulator ended at once."))
