"""Serving: one process from its start to its drained end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from socket import socket

import uvloop

from ringback.api.probes import Probes
from ringback.app.app import App
from ringback.app.opening import open_store
from ringback.app.processes import Processes
from ringback.app.rules import check_scale
from ringback.desks import check_master_key
from ringback.doorbell import Bells
from ringback.http_server import (
    Headless,
    Server,
    Stopping,
    http_server,
    listen,
    stopping_by_signals,
)
from ringback.interpreter import tune_interpreter
from ringback.log import configure
from ringback.settings import Settings

# A stopping process's time: first requests end, then work does.
_GRACE_FOR_REQUESTS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a process that is ready can be reached."""

    url: str | None  # None: it has no API
    dev_secret: str | None = None  # what signs the webhooks of the workspace "dev", in dev alone
    probes_url: str | None = None


def run(
    settings: Settings,
    *,
    on_ready: Callable[[Address], None],
    origins: Mapping[str, str] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; raises ``SetupError`` if it cannot start."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    configure(level=settings.log_level, as_json=as_json)
    check_scale(settings)
    if settings.processes > 1:
        sys.exit(_run_many(settings, on_ready, origins))
    _run_one(settings, on_ready=on_ready, origins=origins)


def _run_many(
    settings: Settings, on_ready: Callable[[Address], None], origins: Mapping[str, str] | None
) -> int:
    def run_one(listener: socket | None, lifeline: int, say: Callable[[], None]) -> None:
        _run_one(
            settings,
            on_ready=lambda _address: say(),
            listener=listener,
            lifeline=lifeline,
            origins=origins,
        )

    processes = Processes(settings, run_one)
    address = Address(url=_url_of(settings, processes.listener))
    return processes.run(lambda: on_ready(address))


def _run_one(
    settings: Settings,
    *,
    on_ready: Callable[[Address], None],
    listener: socket | None = None,
    lifeline: int | None = None,
    origins: Mapping[str, str] | None = None,
) -> None:
    tune_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve(
                settings,
                on_ready=lambda _app, address: on_ready(address),
                listener=listener,
                stopping=partial(stopping_by_signals, lifeline=lifeline),
                origins=origins,
            )
        )


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[App, Address], None],
    stopping: Stopping = stopping_by_signals,
    warm: bool = True,
    listener: socket | None = None,
    origins: Mapping[str, str] | None = None,
) -> None:
    """Serve in this event loop until ``stopping`` says so, then drain.

    ``warm`` starts the drawing process before the first job asks for it. Raises ``SetupError``
    when the process cannot start.
    """
    with _listening(settings, listener) as listener:
        async with _open_app(settings, listener, origins) as app:
            dev_secret = await app.open_dev_workspace() if settings.is_dev else None
            async with _probed(app) as probes_url:
                address = Address(
                    url=_url_of(settings, listener), dev_secret=dev_secret, probes_url=probes_url
                )

                def ready() -> None:
                    on_ready(app, address)
                    if warm:
                        app.warm_up()

                server = _server(app, listener, on_ready=ready)
                async with app.working(), _inbox(app, listener):
                    with stopping(server, app.service.drain):
                        await server.serve(sockets=[] if listener is None else [listener])


@contextmanager
def _listening(settings: Settings, given: socket | None) -> Iterator[socket | None]:
    if given is not None or "api" not in settings.roles:
        yield given
        return
    with listen(settings.host, settings.port) as listener:
        yield listener


@asynccontextmanager
async def _open_app(
    settings: Settings, listener: socket | None, origins: Mapping[str, str] | None
) -> AsyncIterator[App]:
    bells = Bells()
    async with open_store(settings, exclusive=True, bells=bells) as store:
        await check_master_key(settings, store)
        listening = None if listener is None else listener.getsockname()[:2]
        app = App(settings, store, listening=listening, bells=bells, origins=origins)
        if settings.artifacts_url is not None:
            await app.ground.artifacts.check()
        yield app


def _inbox(app: App, listener: socket | None) -> AbstractAsyncContextManager[None]:
    """Return what has the emulator's inbox listen, beside the server's own port."""
    if app.inbox is None or listener is None:
        return nullcontext()
    # So its URL is the same after a restart.
    return app.inbox.listening(port=listener.getsockname()[1] + 1)


@asynccontextmanager
async def _probed(app: App) -> AsyncIterator[str | None]:
    """Answer probes beside the API, or without one, for the time of the context."""
    settings = app.settings
    if settings.probe_port is None:
        yield None
        return
    shared = settings.processes > 1  # then any of them answers
    with listen(settings.host, settings.probe_port, shared=shared) as listener:
        probes = Probes(is_draining=lambda: app.service.is_draining, broken=app.loops.broken)
        begun = asyncio.Event()
        server = http_server(probes, on_ready=begun.set, grace_s=1)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait(
            [serving, waiting := asyncio.create_task(begun.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()
        try:
            yield _shown(listener)
        finally:
            server.should_exit = True
            await serving


def _server(app: App, listener: socket | None, *, on_ready: Callable[[], None]) -> Server:
    if app.api is None:
        return Headless(on_ready=on_ready)
    assert listener is not None
    grace_s = app.settings.grace_s * _GRACE_FOR_REQUESTS
    return http_server(app.api, on_ready=on_ready, grace_s=grace_s)


def _url_of(settings: Settings, listener: socket | None) -> str | None:
    return None if listener is None else settings.public_url or _shown(listener)


def _shown(listener: socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
