"""Opens the store that the settings name, for the server and for commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ringback.clock import SystemClock
from ringback.errors import SetupError
from ringback.server.services import ids_of
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.storage.sqlite import IdFactory, SqliteStore
from ringback.wakeups import Wakeups

_CLOSE_S = 60.0


@asynccontextmanager
async def open_store(
    settings: Settings,
    *,
    exclusive: bool,
    wakeups: Wakeups | None = None,
    left_s: Callable[[], float] = lambda: _CLOSE_S,
) -> AsyncIterator[Store]:
    """Open the settings' store inside the context, or raise ``SetupError``.

    A shared store passes the wakeups of other processes on to ``wakeups``. ``left_s`` returns, at
    the end, how long closing may take.
    """
    id_factory = IdFactory(
        new_id=ids_of(SystemClock()).uuid7, operator_url=settings.operator_webhook_url
    )
    store: Store
    if settings.database is None:
        store = await SqliteStore.open(settings.data, exclusive=exclusive, id_factory=id_factory)
    else:
        store = await _shared_store(
            settings.database, settings.database_direct, wakeups, id_factory
        )
    try:
        yield store
    finally:
        await store.close(within_s=left_s())


async def _shared_store(
    database: str, direct: str | None, wakeups: Wakeups | None, id_factory: IdFactory
) -> Store:
    try:
        from ringback.storage.postgres import PostgresStore
    except ModuleNotFoundError as exc:
        raise SetupError(
            "The setting database needs PostgreSQL's driver; add it with: "
            "pip install 'ringback[postgres]'."
        ) from exc
    return await PostgresStore.open(database, direct=direct, wakeups=wakeups, id_factory=id_factory)
