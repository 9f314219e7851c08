"""What the composition root adds: secrets that rotate, readiness, a guarded disk."""

from __future__ import annotations

from pathlib import Path
from random import Random

import httpx2
import pytest
from builders import PlainSeals, a_delivery, a_job, an_endpoint, an_event

from ringback.app.app import App
from ringback.clock import SystemClock
from ringback.desks import chore_desk, delivery_desk, key_desk
from ringback.disk import DiskGuard
from ringback.doorbell import Bells
from ringback.egress.answer import Reason
from ringback.egress.proxy import EgressProxy
from ringback.errors import SetupError, StorageFull
from ringback.ids import Ids
from ringback.lab.stepping import keep_ahead_ms, kept_ahead_ms
from ringback.service.secrets import KeyDesk
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle
from ringback.webhooks.desk import DeliveryFilter
from ringback.webhooks.signing import SigningBook
from ringback.wire.signature import sign

HOUR_MS = 3_600_000


async def test_the_server_is_not_ready_while_a_loop_of_its_own_breaks(
    store: SqliteStore, tmp_path: Path
) -> None:
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    assert app.api is not None
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


async def test_the_settings_of_requests_to_users_reach_what_makes_them(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path / "data",
        webhook_timeout_s=9.0,
        webhook_connect_timeout_s=3.0,
        webhook_dns_timeout_s=1.0,
        egress_proxy="http://proxy:3128",
    )
    app = App(settings, store, listening=("127.0.0.1", 7464))
    assert app.dispatch is not None
    assert app.work is not None
    sender, fetcher = app.dispatch.sender._settings, app.ground.fetcher._settings
    assert sender.total_timeout_s == 9.0
    assert (sender.connect_timeout_s, sender.dns_timeout_s) == (3.0, 1.0)
    assert sender.egress_proxy == fetcher.egress_proxy == EgressProxy(host="proxy", port=3128)
    await app.dispatch.close()
    await app.work.close()
    app.ground.fetcher.close()


async def test_the_operators_webhooks_do_not_come_back_to_the_server_itself(
    store: SqliteStore, tmp_path: Path
) -> None:
    app = App(Settings(data=tmp_path / "data"), store, listening=("0.0.0.0", 7464))
    assert app.dispatch is not None
    answer = await app.dispatch.operator_sender.post("http://127.0.0.1:7464/", [], b"{}")
    assert answer.reason is Reason.BLOCKED_TARGET
    assert app.dispatch is not None
    await app.dispatch.close()
    app.ground.fetcher.close()


async def test_commands_beside_an_emulator_live_in_the_time_that_it_was_moved_to(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    keep_ahead_ms(tmp_path, 75 * HOUR_MS)
    lately_ms = SystemClock().now_ms() + 75 * HOUR_MS
    keys = await key_desk(settings, store)
    await keys.rotate("workspace:studio", overlap_s=3600)
    # By the machine's time the old secret would have retired three days ago.
    (retires_at_ms,) = [
        key.retires_at_ms for key in await store.keys_of("workspace:studio") if key.retires_at_ms
    ]
    assert retires_at_ms >= lately_ms + HOUR_MS
    everything = DeliveryFilter(workspace_id="studio")
    chores = chore_desk(settings, store)
    chore = await chores.redeliver(everything, workspace_id="studio", rate=1)
    assert chore.created_at_ms >= lately_ms
    await store.owe(an_endpoint(), an_event(a_job()), delivery_id="d")
    deliveries = delivery_desk(settings, store, Bells())
    cancelled = await deliveries.cancel("d", workspace_id=None)
    assert cancelled.ended_at_ms is not None
    assert cancelled.ended_at_ms >= lately_ms


async def test_a_server_lives_in_the_machines_time_wherever_an_emulator_had_moved_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    keep_ahead_ms(tmp_path, HOUR_MS)
    app = App(Settings(data=tmp_path), store, listening=("127.0.0.1", 7464))
    assert kept_ahead_ms(tmp_path) == 0
    assert app.dispatch is not None
    await app.dispatch.close()
    app.ground.fetcher.close()


async def test_a_wrong_proxy_is_a_setup_error_that_does_not_repeat_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "data", egress_proxy="https://ops:secret@proxy:3128")
    with pytest.raises(SetupError, match=r"egress_proxy.*http://HOST:PORT") as refused:
        App(settings, store, listening=("127.0.0.1", 7464))
    assert "secret" not in str(refused.value)


async def test_a_rotated_secret_signs_after_a_second_and_the_old_one_beside_it(
    store: SqliteStore,
) -> None:
    clock = FakeClock()
    seals = PlainSeals()
    ids = Ids(clock.now_ms, Random(1).getrandbits)
    keys = KeyDesk(store, seals, clock=clock, ids=ids)
    book = SigningBook(store, store, unsealer=seals, clock=clock)
    delivery = a_delivery(a_job())
    (old,) = await keys.secrets_of("workspace:studio")

    async def signed_by(*secrets: str) -> bool:
        signing = await book.of(delivery)
        assert signing is not None
        expected = [sign(secret, webhook_id="d", timestamp_s=1, body=b"{}") for secret in secrets]
        made = [one.sign(webhook_id="d", timestamp_s=1, body=b"{}") for one in signing.signers]
        return made == expected

    assert await signed_by(old)
    new = await keys.rotate("workspace:studio", overlap_s=60)
    clock.advance(1.1)
    assert await signed_by(new, old)
    clock.advance(60)
    assert await signed_by(new)


def test_a_disk_below_its_reserve_takes_no_new_work(tmp_path: Path) -> None:
    clock = FakeClock()
    DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=0), clock).check()
    with pytest.raises(StorageFull, match="nearly full"):
        DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=1 << 62), clock).check()
