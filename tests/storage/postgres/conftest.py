from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ringback.storage.postgres import PostgresStore
from tests.postgres import Databases


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    """A database with the workspaces studio and rival."""
    with databases.fresh() as made:
        yield made


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    """A store on that database."""
    opened = await PostgresStore.open(dsn)
    yield opened
    await opened.close()
