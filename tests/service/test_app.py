"""What the composition root adds: secrets that rotate, readiness, a guarded disk."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from ringback.app import App, DiskGuard, SecretCache
from ringback.errors import StorageFull
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle


async def test_the_server_is_not_ready_while_a_loop_of_its_own_breaks(
    store: SqliteStore, tmp_path: Path
) -> None:
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    transport = httpx2.ASGITransport(app=app.api)

    async def breaks() -> None:
        raise OSError("the disk caught fire")

    async with (
        app.working(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:7464") as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        app.loops.start("worker", breaks)
        await settle()
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert "worker" not in answer.text


async def test_a_rotated_secret_signs_after_a_second(store: SqliteStore) -> None:
    clock = FakeClock()
    secrets = SecretCache(store, clock)
    assert await secrets.get("studio") == "whsec_AAAA"
    await store.rotate_secret("studio", "whsec_BBBB")
    clock.advance(1.1)
    assert await secrets.get("studio") == "whsec_BBBB"


def test_a_disk_below_its_reserve_takes_no_new_work(tmp_path: Path) -> None:
    clock = FakeClock()
    DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=0), clock).check()
    with pytest.raises(StorageFull, match="nearly full"):
        DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=1 << 62), clock).check()
