"""The client's other resources: assets, styles, node apps, models, deliveries, endpoints, feed."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ringback.client import requests
from ringback.client.aio.job import AsyncJob, bound
from ringback.client.aio.jobs import AsyncJobs
from ringback.client.aio.listeners import AsyncListeners
from ringback.client.aio.transport import AsyncTransport
from ringback.client.errors import ConfigurationError, NotFoundError
from ringback.client.idempotency import new_key
from ringback.client.models import (
    Asset,
    BulkOperation,
    Delivery,
    Endpoint,
    Event,
    Explanation,
    Model,
    NodeApp,
    Page,
    ShareLink,
    Style,
)
from ringback.client.offered import models_in_description
from ringback.client.requests import part

T = TypeVar("T")

_FEED_WAIT_S = 30
_FEED_SLACK_S = 15.0


class _Resource:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _get(self, path: str, kind: type[T], params: Mapping[str, object] | None = None) -> T:
        return await self._transport.call(requests.get(path, params), kind)

    async def _send(
        self,
        method: str,
        path: str,
        kind: type[T],
        document: object = None,
        *,
        repeatable: bool | None = None,
    ) -> T:
        request = requests.send(method, path, document, repeatable=repeatable)
        return await self._transport.call(request, kind)

    async def _delete(self, path: str) -> None:
        await self._transport.send(requests.send("DELETE", path))

    async def _pages(
        self, path: str, kind: type[Page[T]], params: Mapping[str, object]
    ) -> AsyncIterator[T]:
        cursor = None
        while True:
            page = await self._get(path, kind, {**params, "cursor": cursor})
            for item in page.items:
                yield item
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor


class AsyncAssets(_Resource):
    """Uploads files for jobs to use, and lists and deletes them."""

    async def upload(
        self,
        file: str | PathLike[str] | bytes,
        *,
        filename: str | None = None,
        description: str | None = None,
        media_type: str | None = None,
    ) -> Asset:
        """Upload a file, by its path or its bytes, and return the asset."""
        if isinstance(file, bytes):
            content, name = file, filename or "file"
        else:
            try:
                content, name = Path(file).read_bytes(), filename or Path(file).name
            except OSError as exc:
                raise ConfigurationError(f"{file} cannot be read: {exc.strerror}.") from exc
        kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        fields = {} if description is None else {"description": description}
        file_part = (name, content, kind)
        request = requests.upload("/assets", file_part, fields, idempotency_key=new_key())
        return await self._transport.call(request, Asset)

    async def upload_from(self, url: str, *, description: str | None = None) -> Asset:
        """Have the server fetch a file by its URL, and return the asset.

        This is an addition of Ringback; other servers may lack it.
        """
        body = {"url": url} if description is None else {"url": url, "description": description}
        key = {"idempotency-key": new_key()}
        request = requests.send("POST", "/assets", body, headers=key, repeatable=True)
        return await self._transport.call(request, Asset)

    async def get(self, asset_id: str) -> Asset:
        """Return an asset, or raise ``NotFoundError``."""
        return await self._get(f"/assets/{part(asset_id)}", Asset)

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Asset]:
        """Return a page of assets."""
        return await self._get("/assets", Page[Asset], {"limit": limit, "cursor": cursor})

    async def iter(self, *, page_size: int = 100) -> AsyncIterator[Asset]:
        """Yield every asset, newest first."""
        async for asset in self._pages("/assets", Page[Asset], {"limit": page_size}):
            yield asset

    async def delete(self, asset_id: str) -> None:
        """Delete an asset and its file."""
        await self._delete(f"/assets/{part(asset_id)}")


class AsyncStyles(_Resource):
    """Trains, reads, changes and shares styles."""

    async def train(
        self,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Begin a training and return its job; the completed job has the ``style_id``."""
        request = requests.submission(
            "/styles/train",
            requests.merged(input, params),
            idempotency_key=idempotency_key or new_key(),
            webhook_url=webhook_url,
            webhook_events=None,
        )
        job = await self._transport.call(request, AsyncJob)
        return bound(job, AsyncJobs(self._transport))

    async def get(self, style_id: str) -> Style:
        """Return a style, or raise ``NotFoundError``."""
        return await self._get(f"/styles/{part(style_id)}", Style)

    async def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Style]:
        """Return a page of styles; the filters are the API's: ids, liked, user, model, filter."""
        params = {**filters, "limit": limit, "cursor": cursor}
        return await self._get("/styles", Page[Style], params)

    async def update(self, style_id: str, **changes: Any) -> Style:
        """Change a style's title, urls, cover_url or whether it is public."""
        return await self._send("PATCH", f"/styles/{part(style_id)}", Style, changes)

    async def iter(self, *, page_size: int = 100, **filters: object) -> AsyncIterator[Style]:
        """Yield every style that matches the filters, newest first."""
        params = {**filters, "limit": page_size}
        async for style in self._pages("/styles", Page[Style], params):
            yield style

    async def delete(self, style_id: str) -> None:
        """Delete a style and its files."""
        await self._delete(f"/styles/{part(style_id)}")

    async def like(self, style_id: str, *, liked: bool = True) -> Style:
        """Like a style, or take the like back, and return the style."""
        method = "PUT" if liked else "DELETE"
        return await self._send(method, f"/styles/{part(style_id)}/like", Style)

    async def close_link(self, style_id: str) -> None:
        """Close the link to a style, so that it no longer works."""
        await self._delete(f"/styles/{part(style_id)}/share/link")

    async def share_link(self, style_id: str) -> ShareLink:
        """Return the link by which a style is shared."""
        return await self._get(f"/styles/{part(style_id)}/share/link", ShareLink)

    async def share_with_workspace(self, style_id: str) -> None:
        """Let the whole workspace use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        await self._transport.send(requests.send("POST", path, repeatable=True))

    async def unshare_with_workspace(self, style_id: str) -> None:
        """Let only its owner use a style."""
        await self._delete(f"/styles/{part(style_id)}/share/workspace")


_Jobs = list[AsyncJob]


class AsyncNodeApps(_Resource):
    """Pushes, lists and runs node apps."""

    async def push(self, definition: Mapping[str, Any]) -> NodeApp:
        """Push a definition as the next version of its app; an unchanged one makes no version.

        This is an addition of Ringback; other servers may lack it.
        """
        return await self._send("POST", "/node-apps", NodeApp, definition, repeatable=True)

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[NodeApp]:
        """Return a page of the workspace's apps; an addition of Ringback."""
        return await self._get("/node-apps", Page[NodeApp], {"limit": limit, "cursor": cursor})

    async def get(self, version_id: str) -> NodeApp:
        """Return a version of a node app, or raise ``NotFoundError``."""
        return await self._get(f"/node-apps/{part(version_id)}", NodeApp)

    async def execute(
        self,
        version_id: str,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> _Jobs:
        """Run a node app and return its jobs."""
        request = requests.submission(
            f"/node-apps/{part(version_id)}/execute",
            requests.merged(input, params),
            idempotency_key=idempotency_key or new_key(),
            webhook_url=webhook_url,
            webhook_events=None,
        )
        jobs = AsyncJobs(self._transport)
        return [bound(job, jobs) for job in await self._transport.call(request, list[AsyncJob])]


class AsyncModels(_Resource):
    """Lists the models that a server offers."""

    async def list(self, *, kind: str | None = None) -> list[Model]:
        """Return every model, or those of a kind: image, video or enhance."""
        try:
            models = (await self._get("/models", dict[str, list[Model]]))["models"]
        except (NotFoundError, KeyError):
            # Other servers have no /models, but all describe their routes.
            models = models_in_description(await self._get("/openapi.json", dict[str, Any]))
        return [model for model in models if kind in (None, model.kind)]

    async def get(self, model_id: str) -> Model:
        """Return a model by its id, with or without its kind; raises ``NotFoundError``."""
        name = model_id.strip("/").removeprefix("generate/")
        for model in await self.list():
            if name in (model.id, f"{model.kind}/{model.id}"):
                return model
        raise NotFoundError(f"The server offers no model {model_id!r}.", status=404)


class AsyncDeliveries(_Resource):
    """Reads the delivery log, redelivers and cancels."""

    async def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first.

        The filters are the API's: job_id, endpoint_id, destination, status, reason, event, since
        and before.
        """
        params = {**filters, "limit": limit, "cursor": cursor}
        return await self._get("/deliveries", Page[Delivery], params)

    async def iter(self, *, page_size: int = 100, **filters: object) -> AsyncIterator[Delivery]:
        """Yield every delivery that matches the filters, newest first."""
        params = {**filters, "limit": page_size}
        async for delivery in self._pages("/deliveries", Page[Delivery], params):
            yield delivery

    async def get(self, delivery_id: str) -> Delivery:
        """Return a delivery with every attempt, or raise ``NotFoundError``."""
        return await self._get(f"/deliveries/{part(delivery_id)}", Delivery)

    async def explain(self, delivery_id: str) -> Explanation:
        """Return why a delivery has its status, and when that will change."""
        return await self._get(f"/deliveries/{part(delivery_id)}/explain", Explanation)

    async def redeliver(self, delivery_id: str) -> Delivery:
        """Redeliver a delivery: the same id and bytes, with a new signature."""
        return await self._send("POST", f"/deliveries/{part(delivery_id)}/redeliver", Delivery)

    async def redeliver_all(self, *, rate: int | None = None, **filters: str) -> BulkOperation:
        """Redeliver all deliveries that match the filters, and return the bulk operation."""
        document = {**filters, **({} if rate is None else {"rate": rate})}
        return await self._send("POST", "/deliveries/redeliver", BulkOperation, document)

    async def bulk_operation(self, bulk_operation_id: str) -> BulkOperation:
        """Return a bulk operation with its progress, or raise ``NotFoundError``."""
        path = f"/webhooks/bulk-operations/{part(bulk_operation_id)}"
        return await self._get(path, BulkOperation)

    async def cancel(self, delivery_id: str) -> Delivery:
        """Cancel a delivery that waits for its next attempt."""
        return await self._send("POST", f"/deliveries/{part(delivery_id)}/cancel", Delivery)


class AsyncEndpoints(_Resource):
    """Manages the URLs that get webhooks of every job of the workspace."""

    _PATH = "/webhooks/endpoints"

    async def create(self, url: str, **more: Any) -> Endpoint:
        """Create an endpoint; only this answer has its ``secret``."""
        return await self._send("POST", self._PATH, Endpoint, {"url": url, **more})

    async def list(self) -> Sequence[Endpoint]:
        """Return every endpoint."""
        return (await self._get(self._PATH, Page[Endpoint])).items

    async def get(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint, or raise ``NotFoundError``."""
        return await self._get(self._path(endpoint_id), Endpoint)

    async def update(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint: its url, description, events, models, headers, schedule, disabled."""
        return await self._send("PATCH", self._path(endpoint_id), Endpoint, changes)

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; its open deliveries are discarded."""
        await self._delete(self._path(endpoint_id))

    async def test(self, endpoint_id: str) -> dict[str, Any]:
        """Send a test event, and return the server's answer."""
        return await self._send("POST", f"{self._path(endpoint_id)}/test", dict[str, Any])

    async def recover(self, endpoint_id: str, **since: str) -> dict[str, Any]:
        """Redeliver the events that an endpoint missed, and return the server's answer."""
        path = f"{self._path(endpoint_id)}/recover"
        return await self._send("POST", path, dict[str, Any], since or None)

    async def rotate_secret(self, endpoint_id: str, **overlap: float) -> str:
        """Return a new secret of an endpoint; the old one also signs until the overlap ends."""
        path = f"{self._path(endpoint_id)}/secret/rotate"
        answer = await self._send("POST", path, dict[str, Any], overlap or None)
        return str(answer["secret"])

    def _path(self, endpoint_id: str) -> str:
        return f"{self._PATH}/{part(endpoint_id)}"


class AsyncWebhooks:
    """A workspace's endpoints and listeners."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.endpoints = AsyncEndpoints(transport)
        self.listeners = AsyncListeners(transport)


class AsyncEvents(_Resource):
    """Reads the feed of the workspace's events."""

    async def list(
        self, *, after: str | None = None, limit: int | None = None, wait: int | None = None
    ) -> Page[Event]:
        """Return the events after a cursor; ``wait`` waits so many seconds for the first."""
        timeout_s = None if wait is None else wait + _FEED_SLACK_S
        params = {"after": after, "limit": limit, "wait": wait}
        request = requests.get("/events", params, timeout_s=timeout_s)
        return await self._transport.call(request, Page[Event])

    async def iter(self, *, after: str | None = None) -> AsyncIterator[Event]:
        """Yield the events after a cursor without end; ``latest`` begins with new ones."""
        while True:
            page = await self.list(after=after, wait=_FEED_WAIT_S)
            for event in page.items:
                yield event
            after = page.next_cursor or after
