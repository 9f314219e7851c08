"""``AsyncRingback`` submits jobs, follows them and gets their results."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ringback.client import requests
from ringback.client.aio.job import AsyncJob, bound
from ringback.client.aio.jobs import AsyncJobs
from ringback.client.aio.resources import (
    AsyncAssets,
    AsyncDeliveries,
    AsyncEvents,
    AsyncModels,
    AsyncNodeApps,
    AsyncStyles,
    AsyncWebhooks,
)
from ringback.client.aio.transport import AsyncTransport
from ringback.client.clock import AsyncClock, AsyncSystemClock
from ringback.client.config import configured
from ringback.client.idempotency import new_key
from ringback.client.models import Usage
from ringback.client.requests import model_path, submission
from ringback.client.retrying import Retrying
from ringback.wire.names import EventName

if TYPE_CHECKING:
    import httpx2


class AsyncRingback:
    """A client of a Ringback server, or of another server with the same API.

    Key and URL may come from the environment: ``RINGBACK_API_KEY`` and ``RINGBACK_BASE_URL``, or
    the ``KREA_`` names. The default is the emulator on this machine. ``timeout`` is in seconds for
    each step of a request; a request is retried up to ``max_retries`` times where that is safe.
    ``http_transport`` replaces the network. ``ca_file`` is a PEM file of authorities that are
    trusted beside the system's, by default that of ``RINGBACK_CA_FILE``. Raises
    ``ConfigurationError`` for an invalid key, URL, file or proxy.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 4,
        clock: AsyncClock | None = None,
        rng: Random | None = None,
        http_transport: httpx2.AsyncBaseTransport | None = None,
        ca_file: str | Path | None = None,
    ) -> None:
        config = configured(api_key, base_url, environment=os.environ)
        transport = self._transport = AsyncTransport(
            config,
            timeout_s=timeout,
            retrying=Retrying(max_retries, rng or Random()),
            clock=clock or AsyncSystemClock(),
            http_transport=http_transport,
            ca_file=ca_file,
        )
        self.base_url = config.base_url
        self.jobs = AsyncJobs(transport)
        self.assets = AsyncAssets(transport)
        self.styles = AsyncStyles(transport)
        self.node_apps = AsyncNodeApps(transport)
        self.models = AsyncModels(transport)
        self.deliveries = AsyncDeliveries(transport)
        self.webhooks = AsyncWebhooks(transport)
        self.events = AsyncEvents(transport)

    def __repr__(self) -> str:
        return f"AsyncRingback(base_url={self.base_url!r})"

    async def __aenter__(self) -> AsyncRingback:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def usage(
        self,
        *,
        first: str | None = None,
        last: str | None = None,
        group: Sequence[str] = ("day",),
    ) -> Usage:
        """Return the usage between two days (``2026-01-31``), by default of this month.

        ``group`` names the columns to group by: some of ``day``, ``model``, ``token``.
        """
        query = {"from": first, "to": last, "group": ",".join(group)}
        return await self._transport.call(requests.get("/usage", query), Usage)

    async def image(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Submit an image job; its input is a mapping, keyword arguments, or both."""
        return await self._submit(
            model_path(model, "image"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    async def video(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Submit a video job; its input is a mapping, keyword arguments, or both."""
        return await self._submit(
            model_path(model, "video"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    async def enhance(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Submit an enhancement job; its input is a mapping, keyword arguments, or both."""
        return await self._submit(
            model_path(model, "enhance"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    async def audio(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Submit an audio job; its input is a mapping, keyword arguments, or both."""
        return await self._submit(
            model_path(model, "audio"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    async def subscribe(
        self,
        path: str,
        input: Mapping[str, Any] | None = None,
        *,
        on_update: Callable[[AsyncJob], object] | None = None,
        timeout: float | None = None,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Submit a job, like ``image/bfl/flux-1-dev``, and return it once it has completed.

        ``on_update`` is called with the job whenever it has changed. Raises ``JobFailed``,
        ``JobCancelled``, or ``WaitTimeout`` after that many seconds.
        """
        job = await self._submit(
            model_path(path),
            requests.merged(input, params),
            webhook_url=webhook_url,
            idempotency_key=idempotency_key,
        )
        return await self.jobs.wait(
            job.job_id, timeout=timeout, progress=False, on_update=on_update
        )

    async def _submit(
        self,
        path: str,
        input: Mapping[str, Any],
        *,
        webhook_url: str | None,
        idempotency_key: str | None,
        webhook_events: Sequence[EventName] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncJob:
        request = submission(
            path,
            input,
            idempotency_key=idempotency_key or new_key(),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            headers=headers,
        )
        return bound(await self._transport.call(request, AsyncJob), self.jobs)
