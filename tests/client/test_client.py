"""The client against the real emulator, on an event loop and without."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringback import (
    AsyncRingback,
    JobCancelled,
    JobFailed,
    NotFoundError,
    PaymentRequiredError,
    RateLimitError,
    Ringback,
    ValidationError,
    WaitTimeout,
)
from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from ringback.testing.lab import Lab
from tests.media_files import heic, wav

NULL = "ringback/null"
FOX = {"prompt": "a red fox in snow"}


class Both:
    """Calls a client of either kind in the same way."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def __call__(self, call: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        if inspect.iscoroutinefunction(call):
            return await call(*arguments, **more)
        return await asyncio.to_thread(call, *arguments, **more)

    async def all(self, items: Any) -> list[Any]:
        if hasattr(items, "__aiter__"):
            return [item async for item in items]
        return await asyncio.to_thread(list, items)


@pytest.fixture(params=["sync", "async"])
async def both(request: pytest.FixtureRequest, ringback_server: Emulator) -> Any:
    # The fixture's environment says where the server is.
    if request.param == "sync":
        with Ringback(max_retries=1) as client:
            yield Both(client)
    else:
        async with AsyncRingback(max_retries=1) as aclient:
            yield Both(aclient)


async def test_a_job_is_submitted_followed_and_saved(both: Both, tmp_path: Path) -> None:
    seen: list[str] = []
    job = await both(both.client.image, "bfl/flux-1-dev", FOX, width=512, height=512)
    ended = await both(
        job.wait, timeout=15, on_update=lambda job: seen.append(job.status), progress=False
    )
    assert ended.status == "completed"
    assert seen[-1] == "completed"
    assert len(set(seen)) > 1
    done: list[int] = []
    (path,) = await both(
        ended.save, tmp_path / "out", on_progress=lambda saving: done.append(saving.bytes_done)
    )
    assert path.name == f"{job.job_id}-1.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert done[-1] == path.stat().st_size
    assert [one.name for one in (tmp_path / "out").iterdir()] == [path.name]
    assert ended._repr_png_() == path.read_bytes()
    assert ended.urls[0] in ended._repr_html_()
    assert await both(job.refresh) == ended


async def test_subscribe_returns_the_completed_job(both: Both) -> None:
    job = await both(both.client.subscribe, f"image/{NULL}", FOX, timeout=10)
    assert job.is_terminal
    assert len(job.urls) == 1


async def test_jobs_are_listed_page_by_page(both: Both) -> None:
    made = [await both(both.client.image, NULL, FOX) for _ in range(5)]
    for job in made:
        await both(job.wait, progress=False)
    page = await both(both.client.jobs.list, limit=2)
    assert [job.job_id for job in page.items] == [made[4].job_id, made[3].job_id]
    every = await both.all(both.client.jobs.iter(page_size=2))
    assert [job.job_id for job in every] == [job.job_id for job in reversed(made)]
    assert await both.all(both.client.jobs.iter(status="failed")) == []


async def test_an_idempotency_key_makes_one_job(both: Both) -> None:
    first = await both(both.client.image, NULL, FOX, idempotency_key="order-7")
    second = await both(both.client.image, NULL, FOX, idempotency_key="order-7")
    assert first.job_id == second.job_id


async def test_ends_that_are_not_well_are_errors(both: Both, ringback_lab: Lab) -> None:
    ringback_lab.next_jobs("job=fail", "stuck=processing", "stuck=processing")
    failed = await both(both.client.image, NULL, FOX)
    with pytest.raises(JobFailed) as failure:
        await both(failed.wait, progress=False)
    assert failure.value.job.error
    assert (await both(failed.wait, check=False, progress=False)).status == "failed"
    stuck = await both(both.client.image, NULL, FOX)
    with pytest.raises(WaitTimeout):
        await both(stuck.wait, timeout=0.3, progress=False)
    assert (await both(stuck.cancel)).status == "cancelled"
    with pytest.raises(JobCancelled):
        await both(stuck.wait, progress=False)
    with pytest.raises(JobCancelled):
        await both((await both(stuck.refresh)).save, ".")


async def test_refusals_are_errors_of_their_kind(both: Both, ringback_lab: Lab) -> None:
    ringback_lab.next_jobs("answer=402", "answer=429", "answer=429")
    with pytest.raises(PaymentRequiredError):
        await both(both.client.image, NULL, FOX)
    clock = both.client._transport.clock
    slept: list[float] = []
    both.client._transport.clock = Impatient(clock, slept, asynchronous=_is_async(both))
    with pytest.raises(RateLimitError) as refused:
        await both(both.client.image, NULL, FOX)
    assert refused.value.retry_after == 5.0
    assert len(slept) == 1
    assert slept[0] >= 5.0
    with pytest.raises(ValidationError) as wrong:
        await both(both.client.image, "bfl/flux-1-dev", FOX, width=3)
    assert "/width" in {detail.path for detail in wrong.value.details}
    with pytest.raises(NotFoundError):
        await both(both.client.jobs.get, "no-such-job")


def _is_async(both: Both) -> bool:
    return isinstance(both.client, AsyncRingback)


class Impatient:
    """A clock whose sleeps are written down and over at once."""

    def __init__(self, clock: Any, slept: list[float], *, asynchronous: bool) -> None:
        self._clock = clock
        self._slept = slept
        self.sleep = self._asleep if asynchronous else slept.append

    def now_s(self) -> float:
        return float(self._clock.now_s())

    def monotonic(self) -> float:
        return float(self._clock.monotonic())

    async def _asleep(self, seconds: float) -> None:
        self._slept.append(seconds)


async def test_models_are_found(both: Both) -> None:
    models = await both(both.client.models.list, kind="image")
    assert {model.kind for model in models} == {"image"}
    model = await both(both.client.models.get, "image/bfl/flux-1-dev")
    assert model.id == "bfl/flux-1-dev"
    assert "prompt" in model.parameters["properties"]
    with pytest.raises(NotFoundError):
        await both(both.client.models.get, "no/such-model")


async def test_usage_has_items_total_and_budgets(both: Both) -> None:
    usage = await both(both.client.usage, group=["model", "token"])
    assert usage.total.jobs == sum(item.jobs for item in usage.items)
    assert all(item.model and item.day is None for item in usage.items)
    assert usage.budgets == ()
    none = await both(both.client.usage, first="2020-01-01", last="2020-01-31")
    assert (none.items, none.total.jobs) == ((), 0)


async def test_assets_are_uploaded_used_and_deleted(both: Both, tmp_path: Path) -> None:
    assets = both.client.assets
    (tmp_path / "füchsin.heic").write_bytes(heic(size=(300, 200)))
    photograph = await both(assets.upload, tmp_path / "füchsin.heic", description="a fox")
    assert (photograph.mime_type, photograph.width, photograph.height) == ("image/heic", 300, 200)
    assert photograph.metadata["filename"] == "füchsin.heic"
    assert await both(assets.get, photograph.id) == photograph
    sound = await both(assets.upload, wav(), filename="fox.png")
    assert (sound.mime_type, sound.metadata["duration_s"]) == ("audio/wav", 0.5)
    values = {**FOX, "image_url": photograph.image_url, "width": 512, "height": 512}
    job = await both(both.client.subscribe, "image/bfl/flux-1-dev", values, timeout=15)
    result = await both(assets.upload_from, job.urls[0])
    assert (result.mime_type, result.width) == ("image/png", 512)
    every = await both.all(assets.iter(page_size=2))
    assert every == [result, sound, photograph]
    await both(assets.delete, sound.id)
    with pytest.raises(NotFoundError):
        await both(assets.get, sound.id)
    with pytest.raises(ValidationError, match="type is not supported"):
        await both(assets.upload, b"<html>", filename="fox.png", media_type="image/png")


async def test_endpoints_and_deliveries_are_managed(
    both: Both, webhook_inbox: WebhookInbox
) -> None:
    endpoints = both.client.webhooks.endpoints
    endpoint = await both(endpoints.create, webhook_inbox.url, description="the shop")
    assert endpoint.secret.startswith("whsec_")
    assert (await both(endpoints.get, endpoint.endpoint_id)).description == "the shop"
    changed = await both(endpoints.update, endpoint.endpoint_id, events=["job.failed"])
    assert changed.events == ("job.failed",)
    assert [one.endpoint_id for one in await both(endpoints.list)] == [endpoint.endpoint_id]
    assert (await both(endpoints.rotate_secret, endpoint.endpoint_id)) != endpoint.secret
    await both(endpoints.test, endpoint.endpoint_id)
    await webhook_inbox.wait_async()
    job = await both(both.client.image, NULL, FOX, webhook_url=webhook_inbox.url)
    webhook = await webhook_inbox.wait_async(job_id=job.job_id)
    deliveries = both.client.deliveries
    delivery = await both(deliveries.get, webhook.webhook_id)
    assert delivery.job_id == job.job_id
    assert await both.all(deliveries.iter(job_id=job.job_id))
    while (await both(deliveries.get, webhook.webhook_id)).status != "delivered":
        pass
    assert (await both(deliveries.explain, webhook.webhook_id)).sentences
    await both(deliveries.redeliver, webhook.webhook_id)
    again = await webhook_inbox.wait_async(job_id=job.job_id)
    assert again.webhook_id == webhook.webhook_id
    bulk_operation = await both(deliveries.redeliver_all, status="delivered", job_id=job.job_id)
    assert (
        await both(deliveries.bulk_operation, bulk_operation.bulk_operation_id)
    ) == bulk_operation
    await both(endpoints.delete, endpoint.endpoint_id)
    assert list(await both(endpoints.list)) == []


async def test_the_feed_is_read(both: Both) -> None:
    job = await both(both.client.subscribe, f"image/{NULL}", FOX)
    page = await both(both.client.events.list)
    assert [event.job.job_id for event in page.items] == [job.job_id]
    assert page.items[0].type == "job.completed"
