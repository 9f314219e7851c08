# Generated from ../aio/client.py by tools/unasync.py: change that, and run make fmt.
"""``Ringback`` submits jobs, follows them and gets their results."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ringback.client import requests
from ringback.client.clock import Clock, SystemClock
from ringback.client.config import configured
from ringback.client.idempotency import new_key
from ringback.client.models import Usage
from ringback.client.requests import model_path, submission
from ringback.client.retrying import Retrying
from ringback.client.sync.job import Job, bound
from ringback.client.sync.jobs import Jobs
from ringback.client.sync.resources import (
    Assets,
    Deliveries,
    Events,
    Models,
    NodeApps,
    Styles,
    Webhooks,
)
from ringback.client.sync.transport import Transport
from ringback.wire.names import EventName

if TYPE_CHECKING:
    import httpx2


class Ringback:
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
        clock: Clock | None = None,
        rng: Random | None = None,
        http_transport: httpx2.BaseTransport | None = None,
        ca_file: str | Path | None = None,
    ) -> None:
        config = configured(api_key, base_url, environment=os.environ)
        transport = self._transport = Transport(
            config,
            timeout_s=timeout,
            retrying=Retrying(max_retries, rng or Random()),
            clock=clock or SystemClock(),
            http_transport=http_transport,
            ca_file=ca_file,
        )
        self.base_url = config.base_url
        self.jobs = Jobs(transport)
        self.assets = Assets(transport)
        self.styles = Styles(transport)
        self.node_apps = NodeApps(transport)
        self.models = Models(transport)
        self.deliveries = Deliveries(transport)
        self.webhooks = Webhooks(transport)
        self.events = Events(transport)

    def __repr__(self) -> str:
        return f"Ringback(base_url={self.base_url!r})"

    def __enter__(self) -> Ringback:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def usage(
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
        return self._transport.call(requests.get("/usage", query), Usage)

    def image(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Job:
        """Submit an image job; its input is a mapping, keyword arguments, or both."""
        return self._submit(
            model_path(model, "image"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    def video(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Job:
        """Submit a video job; its input is a mapping, keyword arguments, or both."""
        return self._submit(
            model_path(model, "video"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    def enhance(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Job:
        """Submit an enhancement job; its input is a mapping, keyword arguments, or both."""
        return self._submit(
            model_path(model, "enhance"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    def audio(
        self,
        model: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[EventName] | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Job:
        """Submit an audio job; its input is a mapping, keyword arguments, or both."""
        return self._submit(
            model_path(model, "audio"),
            requests.merged(input, params),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            idempotency_key=idempotency_key,
            headers=headers,
        )

    def subscribe(
        self,
        path: str,
        input: Mapping[str, Any] | None = None,
        *,
        on_update: Callable[[Job], object] | None = None,
        timeout: float | None = None,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> Job:
        """Submit a job, like ``image/bfl/flux-1-dev``, and return it once it has completed.

        ``on_update`` is called with the job whenever it has changed. Raises ``JobFailed``,
        ``JobCancelled``, or ``WaitTimeout`` after that many seconds.
        """
        job = self._submit(
            model_path(path),
            requests.merged(input, params),
            webhook_url=webhook_url,
            idempotency_key=idempotency_key,
        )
        return self.jobs.wait(job.job_id, timeout=timeout, progress=False, on_update=on_update)

    def _submit(
        self,
        path: str,
        input: Mapping[str, Any],
        *,
        webhook_url: str | None,
        idempotency_key: str | None,
        webhook_events: Sequence[EventName] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Job:
        request = submission(
            path,
            input,
            idempotency_key=idempotency_key or new_key(),
            webhook_url=webhook_url,
            webhook_events=webhook_events,
            headers=headers,
        )
        return bound(self._transport.call(request, Job), self.jobs)
