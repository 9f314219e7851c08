"""Runs the server, in one process or several, from its start to its drained end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from functools import partial
from socket import socket

import uvloop

from ringback.files.private_folders import UMASK
from ringback.http.probes import Probes
from ringback.http.server import (
    Headless,
    Server,
    Stopping,
    http_server,
    listen,
    listen_everywhere,
    stopping_by_signals,
)
from ringback.log import configure, is_terminal
from ringback.log.libraries import log_libraries
from ringback.server.app import DEV_WORKSPACE, App
from ringback.server.interpreter import tune_interpreter
from ringback.server.open_store import open_store
from ringback.server.prefork import Processes
from ringback.server.services import check_master_key
from ringback.server.settings_checks import check_addresses, check_scale
from ringback.server.shutdown import REQUESTS_SHARE, Shutdown, cut_after_grace
from ringback.settings import Settings
from ringback.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The URLs of a process that is ready."""

    url: str | None  # None without an API
    dev_secret: str | None = None  # signs the webhooks of the workspace "dev", in dev alone
    probes_url: str | None = None
    inbox_url: str | None = None  # the inbox of the workspace "dev", in dev alone


def run(
    settings: Settings,
    *,
    on_ready: Callable[[Address], None],
    origins: Mapping[str, str] | None = None,
    beside: Callable[[], None] = lambda: None,
    shows_activity: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; raise ``SetupError`` if it cannot start.

    ``shows_activity`` has a log for people show each job and each attempt of a webhook.

    ``beside`` is called in the event loop of one process once it is ready. The parent of several
    processes has no event loop, and must always handle signals.
    """
    is_for_people = settings.log_format == "auto" and is_terminal(sys.stderr)
    as_json = settings.log_format != "text" and not is_for_people
    configure(level=settings.log_level, as_json=as_json, shows_activity=shows_activity)
    log_libraries()
    os.umask(UMASK)
    check_addresses(settings)
    check_scale(settings)
    if settings.processes > 1:
        sys.exit(_run_many(settings, on_ready, origins, beside))

    def ready(address: Address) -> None:
        on_ready(address)
        beside()

    _run_one(settings, on_ready=ready, origins=origins)


def _run_many(
    settings: Settings,
    on_ready: Callable[[Address], None],
    origins: Mapping[str, str] | None,
    beside: Callable[[], None],
) -> int:
    def run_one(listener: socket | None, lifeline: int, report_ready: Callable[[], None]) -> None:
        def ready(_address: Address) -> None:
            report_ready()
            if listener is processes.listener:
                beside()

        _run_one(
            settings,
            on_ready=ready,
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
    grace_s = settings.grace_s
    shutdown = Shutdown(grace_s, on_begin=lambda: cut_after_grace(shutdown, grace_s))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve(
                settings,
                on_ready=lambda _app, address: on_ready(address),
                listener=listener,
                stopping=partial(stopping_by_signals, lifeline=lifeline),
                origins=origins,
                shutdown=shutdown,
            )
        )
        shutdown.leave()


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[App, Address], None],
    stopping: Stopping = stopping_by_signals,
    warm: bool = True,
    listener: socket | None = None,
    origins: Mapping[str, str] | None = None,
    shutdown: Shutdown | None = None,
) -> None:
    """Serve in this event loop until ``stopping`` ends it, then drain.

    ``warm`` starts the drawing process before the first job needs it. Raises ``SetupError`` when
    the process cannot start.
    """
    shutdown = shutdown or Shutdown(settings.grace_s)
    with _listening(settings, listener) as listeners:
        listener = listeners[0] if listeners else None
        async with _open_app(settings, listeners, origins, shutdown) as app:
            dev_secret = await app.open_dev_workspace() if settings.is_dev else None
            async with _probed(app) as probes_url:

                def ready() -> None:
                    address = Address(
                        url=_url_of(settings, listener),
                        dev_secret=dev_secret,
                        probes_url=probes_url,
                        inbox_url=_inbox_url(app, listener),
                    )
                    on_ready(app, address)
                    if warm:
                        app.warm_up()

                server = _server(app, listener, on_ready=ready)
                async with app.working(), _inbox(app, listener):
                    with stopping(server, partial(_begin_to_stop, app)):
                        await server.serve(sockets=listeners)


def _begin_to_stop(app: App) -> None:
    app.shutdown.begin()
    app.service.drain()


@contextmanager
def _listening(settings: Settings, listener: socket | None) -> Iterator[list[socket]]:
    if listener is not None or "api" not in settings.roles:
        yield [] if listener is None else [listener]
        return
    with ExitStack() as opened:
        yield [*map(opened.enter_context, listen_everywhere(settings.host, settings.port))]


def _own_address(listeners: list[socket]) -> tuple[str, int] | None:
    """Return where the server is reached; several addresses count as all of this machine's."""
    if not listeners:
        return None
    host, port = listeners[0].getsockname()[:2]
    return (host if len(listeners) == 1 else "::", port)


@asynccontextmanager
async def _open_app(
    settings: Settings,
    listeners: list[socket],
    origins: Mapping[str, str] | None,
    shutdown: Shutdown,
) -> AsyncIterator[App]:
    wakeups = Wakeups()
    async with open_store(
        settings, exclusive=True, wakeups=wakeups, left_s=lambda: shutdown.left_s
    ) as store:
        await check_master_key(settings, store)
        app = App(
            settings,
            store,
            listening=_own_address(listeners),
            wakeups=wakeups,
            origins=origins,
            shutdown=shutdown,
        )
        if settings.artifacts_url is not None:
            await app.resources.artifacts.check()
        yield app
        shutdown.step_name = "store"


def _inbox(app: App, listener: socket | None) -> AbstractAsyncContextManager[None]:
    """Return a context in which the emulator's inbox listens, one port above the server."""
    if app.inbox is None or listener is None:
        return nullcontext()
    # A fixed port keeps the inbox's URL across restarts.
    return app.inbox.listening(port=listener.getsockname()[1] + 1)


@asynccontextmanager
async def _probed(app: App) -> AsyncIterator[str | None]:
    """Answer probes inside the context, with or without an API."""
    settings = app.settings
    if settings.probe_port is None:
        yield None
        return
    shared = settings.processes > 1  # any of them may answer
    with listen(settings.host, settings.probe_port, shared=shared) as listener:
        probes = Probes(
            is_draining=lambda: app.service.is_draining,
            broken=app.loops.broken,
            unavailable=app.resources.away,
        )
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
            await app.shutdown.step("probes", _ended(serving))


async def _ended(serving: asyncio.Task[None]) -> None:
    await serving


def _inbox_url(app: App, listener: socket | None) -> str | None:
    if app.inbox is None or listener is None:
        return None
    return app.inbox.url_of(DEV_WORKSPACE)


def _server(app: App, listener: socket | None, *, on_ready: Callable[[], None]) -> Server:
    if app.api is None:
        return Headless(on_ready=on_ready)
    assert listener is not None
    grace_s = app.settings.grace_s * REQUESTS_SHARE
    return http_server(
        app.api, on_ready=on_ready, grace_s=grace_s, keep_alive_s=app.settings.keep_alive_s
    )


def _url_of(settings: Settings, listener: socket | None) -> str | None:
    return None if listener is None else settings.public_url or _shown(listener)


def _shown(listener: socket) -> str:
    host, port = listener.getsockname()[:2]
    # One that listens on all addresses is called by a name that it answers to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
