"""Opens the store that the settings name; apart from the rest, as a command needs no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ringback.clock import SystemClock
from ringback.desks import ids_of
from ringback.doorbell import Bells
from ringback.errors import SetupError
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.storage.sqlite import Mint, SqliteStore


@asynccontextmanager
async def open_store(
    settings: Settings, *, exclusive: bool, bells: Bells | None = None
) -> AsyncIterator[Store]:
    """Open the settings' store for the time of the context, or raise ``SetupError``.

    ``bells`` are rung for what other processes write, where the store is shared with others.
    """
    mint = Mint(new_id=ids_of(SystemClock()).uuid7, operator_url=settings.operator_webhook_url)
    store: Store
    if settings.database is None:
        store = await SqliteStore.open(settings.data, exclusive=exclusive, mint=mint)
    else:
        store = await _shared_store(settings.database, settings.database_direct, bells, mint)
    try:
        yield store
    finally:
        await store.close()


async def _shared_store(
    database: str, direct: str | None, bells: Bells | None, mint: Mint
) -> Store:
    try:
        from ringback.storage.postgres import PostgresStore
    except ModuleNotFoundError as exc:
        raise SetupError(
            "The setting database needs PostgreSQL's driver; add it with: "
            "pip install 'ringback[postgres]'."
        ) from exc
    return await PostgresStore.open(database, direct=direct, bells=bells, mint=mint)
