"""The composition root adds rotated secrets, readiness and the guard of the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import httpx2
import pytest
from structlog.testing import capture_logs

from ringback.clock import SystemClock
from ringback.egress.answer import Reason
from ringback.egress.host_lookup import DnsLookup
from ringback.egress.name_servers import NameServer
from ringback.egress.proxy import EgressProxy
from ringback.errors import SetupError, StorageFull, StorageUnavailable
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.temporary import TemporaryFiles
from ringback.ids import Ids
from ringback.lab.stepping import keep_ahead_ms, kept_ahead_ms
from ringback.server.app import App
from ringback.server.disk_guard import DiskGuard
from ringback.server.factories import dispatching_for
from ringback.server.services import bulk_operation_service, delivery_service, key_service
from ringback.service.secrets import SigningKeyService
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock, settle
from ringback.wakeups import Wakeups
from ringback.webhooks.delivery.dispatcher import DispatchSettings
from ringback.webhooks.delivery.signers import SignerCache
from ringback.webhooks.store import DeliveryFilter
from ringback.wire.signature import sign
from tests.builders import PlainSeals, a_delivery, a_job, an_endpoint, an_event

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


async def test_a_server_without_its_artifacts_folder_is_not_ready_and_begins_no_job(
    store: SqliteStore, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "artifacts"
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    assert app.api is not None
    transport = httpx2.ASGITransport(app=app.api)
    async with (
        app.working(),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:7464") as client,
    ):
        shutil.rmtree(folder)
        folder.touch()
        await app.resources.artifacts.probe()
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "the store of artifacts cannot be reached" in answer.json()["error"]
        assert app.worker_role is not None
        assert not app.worker_role.may_claim()
        folder.unlink()
        LocalArtifacts(folder)
        await app.resources.artifacts.probe()
        assert (await client.get("/readyz")).status_code == 200
        assert app.worker_role.may_claim()


async def test_the_settings_of_requests_to_users_reach_their_senders(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path / "data",
        webhook_timeout_s=9.0,
        webhook_connect_timeout_s=3.0,
        webhook_dns_timeout_s=1.0,
        egress_proxy="http://proxy:3128",
        dns_servers=("10.0.0.2:5353",),
    )
    app = App(settings, store, listening=("127.0.0.1", 7464))
    assert app.dispatcher_role is not None
    assert app.worker_role is not None
    sender, fetcher = app.dispatcher_role.sender._settings, app.resources.fetcher._client._settings
    assert sender.total_timeout_s == 9.0
    assert (sender.connect_timeout_s, sender.dns_timeout_s) == (3.0, 1.0)
    assert sender.egress_proxy == fetcher.egress_proxy == EgressProxy(host="proxy", port=3128)
    lookup = app.resources.resolver._lookup
    assert isinstance(lookup, DnsLookup)
    assert lookup._servers == (NameServer("10.0.0.2", 5353),)
    assert app.resources.resolver._timeout_s == 1.0
    dialling = (
        app.dispatcher_role.sender,
        app.dispatcher_role.operator_sender,
        app.resources.fetcher._client,
    )
    assert {one._transport.dialler._resolver for one in dialling} == {app.resources.resolver}
    await app.dispatcher_role.close()
    await app.worker_role.close()
    app.resources.fetcher.close()


def test_the_defaults_of_the_settings_are_those_of_the_dispatcher() -> None:
    assert dispatching_for(Settings()) == DispatchSettings()


async def test_the_operators_webhooks_do_not_come_back_to_the_server_itself(
    store: SqliteStore, tmp_path: Path
) -> None:
    app = App(Settings(data=tmp_path / "data"), store, listening=("0.0.0.0", 7464))
    assert app.dispatcher_role is not None
    answer = await app.dispatcher_role.operator_sender.post("http://127.0.0.1:7464/", [], b"{}")
    assert answer.reason is Reason.BLOCKED_TARGET
    assert app.dispatcher_role is not None
    await app.dispatcher_role.close()
    app.resources.fetcher.close()


async def test_commands_beside_an_emulator_use_its_moved_time(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path)
    keep_ahead_ms(tmp_path, 75 * HOUR_MS)
    lately_ms = SystemClock().now_ms() + 75 * HOUR_MS
    keys = await key_service(settings, store)
    await keys.rotate("workspace:studio", overlap_s=3600)
    # By the machine's time the old secret would have retired three days ago.
    (retires_at_ms,) = [
        key.retires_at_ms for key in await store.keys_of("workspace:studio") if key.retires_at_ms
    ]
    assert retires_at_ms >= lately_ms + HOUR_MS
    everything = DeliveryFilter(workspace_id="studio")
    bulk_operations = bulk_operation_service(settings, store)
    bulk_operation = await bulk_operations.redeliver(everything, workspace_id="studio", rate=1)
    assert bulk_operation.created_at_ms >= lately_ms
    await store.add_endpoint_event(an_endpoint(), an_event(a_job()), delivery_id="d")
    deliveries = delivery_service(settings, store, Wakeups())
    cancelled = await deliveries.cancel("d", workspace_id=None)
    assert cancelled.ended_at_ms is not None
    assert cancelled.ended_at_ms >= lately_ms


async def test_a_server_uses_the_machines_time_after_an_emulator_moved_it(
    store: SqliteStore, tmp_path: Path
) -> None:
    keep_ahead_ms(tmp_path, HOUR_MS)
    app = App(Settings(data=tmp_path), store, listening=("127.0.0.1", 7464))
    assert kept_ahead_ms(tmp_path) == 0
    assert app.dispatcher_role is not None
    await app.dispatcher_role.close()
    app.resources.fetcher.close()


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
    keys = SigningKeyService(store, seals, clock=clock, ids=ids)
    signers = SignerCache(store, store, unsealer=seals, clock=clock)
    delivery = a_delivery(a_job())
    (old,) = await keys.secrets_of("workspace:studio")

    async def signed_by(*secrets: str) -> bool:
        signing = await signers.of(delivery)
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


async def test_a_data_directory_that_was_removed_takes_no_new_work_and_is_not_ready(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    store = await SqliteStore.open(data)
    clock = FakeClock()
    app = App(Settings(data=data), store, listening=("127.0.0.1", 7464), clock=clock)
    app.resources.room_for_work()
    assert app.resources.away() == ()
    shutil.rmtree(data)
    clock.advance(1.1)
    with capture_logs() as records:
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="was removed while the server ran; start"):
                app.resources.room_for_work()
            clock.advance(1.1)
    assert [record["event"] for record in records] == ["data_directory_gone"]
    assert app.resources.away() == ("the database",)
    app.resources.close()
    await store.close()


async def test_folders_of_files_that_were_removed_are_made_again(tmp_path: Path) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    uploads = TemporaryFiles(tmp_path / "uploads")
    shutil.rmtree(tmp_path / "artifacts")
    shutil.rmtree(tmp_path / "uploads")
    name = await artifacts.save(b"x", media_type="image/png")
    assert await artifacts.find(name) is not None
    with uploads.new_file() as file:
        file.write_bytes(b"x")
    shutil.rmtree(tmp_path / "uploads")
    with uploads.folder() as folder:
        assert folder.is_dir()


def test_a_disk_below_its_reserve_takes_no_new_work(tmp_path: Path) -> None:
    clock = FakeClock()
    DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=0), clock).check()
    with pytest.raises(StorageFull, match="nearly full"):
        DiskGuard(Settings(data=tmp_path, disk_reserve_bytes=1 << 62), clock).check()


async def test_wrong_tokens_are_counted_by_the_client_behind_a_trusted_proxy(
    store: SqliteStore, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "data", trusted_proxies=("127.0.0.1",))
    app = App(settings, store, listening=("127.0.0.1", 7464))
    assert app.api is not None
    transport = httpx2.ASGITransport(app=app.api, client=("127.0.0.1", 1))

    wrong = {"authorization": "Bearer wrong"}

    async def status_for(client: str) -> int:
        headers = {**wrong, "x-forwarded-for": f"1.1.1.1, {client}"}
        return (await api.get("/jobs", headers=headers)).status_code

    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:7464") as api:
        mallory = [await status_for("203.0.113.9") for _ in range(11)]
        other = await status_for("203.0.113.10")
        # The proxy that names no client passes on a header that only the client wrote.
        liar = [
            (await api.get("/jobs", headers={**wrong, "forwarded": f"for=6.6.6.{n}"})).status_code
            for n in range(11)
        ]
    assert (mallory[0], mallory[-1], other) == (401, 429, 401)
    assert (liar[0], liar[-1]) == (401, 429)
    assert app.dispatcher_role is not None
    await app.dispatcher_role.close()
    app.resources.fetcher.close()
