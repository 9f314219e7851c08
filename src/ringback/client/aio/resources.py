"""The lesser verbs: assets, styles, node apps, models, deliveries, endpoints and the feed."""

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
    Chore,
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
from ringback.client.multipart import encode_file
from ringback.client.offered import models_in_description
from ringback.client.requests import Request, part

T = TypeVar("T")

_FEED_WAIT_S = 30
_FEED_SLACK_S = 15.0


class _Resource:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _pages(
        self, path: str, kind: type[Page[T]], params: Mapping[str, object]
    ) -> AsyncIterator[T]:
        cursor = None
        while True:
            page = await self._transport.call(
                requests.get(path, {**params, "cursor": cursor}), kind
            )
            for item in page.items:
                yield item
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor


class AsyncAssets(_Resource):
    """Files for jobs to use."""

    async def upload(
        self,
        file: str | PathLike[str] | bytes,
        *,
        filename: str | None = None,
        description: str | None = None,
        media_type: str | None = None,
    ) -> Asset:
        """Upload a file, by its path or its bytes, and return the asset that it became."""
        if isinstance(file, bytes):
            content, name = file, filename or "file"
        else:
            try:
                content, name = Path(file).read_bytes(), filename or Path(file).name
            except OSError as exc:
                raise ConfigurationError(f"{file} cannot be read: {exc.strerror}.") from exc
        kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        fields = {} if description is None else {"description": description}
        body, content_type = encode_file(name, content, kind, fields)
        request = Request(
            method="POST",
            path="/assets",
            headers={"content-type": content_type, "idempotency-key": new_key()},
            content=body,
        )
        return await self._transport.call(request, Asset)

    async def upload_from(self, url: str, *, description: str | None = None) -> Asset:
        """Have the server fetch a file by its URL and return the asset that it became.

        Not every server can: it is an addition of Ringback's.
        """
        body = {"url": url} if description is None else {"url": url, "description": description}
        key = {"idempotency-key": new_key()}
        request = requests.send("POST", "/assets", body, headers=key, repeatable=True)
        return await self._transport.call(request, Asset)

    async def get(self, asset_id: str) -> Asset:
        """Return an asset, or raise ``NotFoundError``."""
        return await self._transport.call(requests.get(f"/assets/{part(asset_id)}"), Asset)

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Asset]:
        """Return a page of assets."""
        return await self._transport.call(
            requests.get("/assets", {"limit": limit, "cursor": cursor}), Page[Asset]
        )

    async def iter(self, *, page_size: int = 100) -> AsyncIterator[Asset]:
        """Yield every asset, newest first."""
        async for asset in self._pages("/assets", Page[Asset], {"limit": page_size}):
            yield asset

    async def delete(self, asset_id: str) -> None:
        """Delete an asset and its file."""
        await self._transport.send(requests.send("DELETE", f"/assets/{part(asset_id)}"))


class AsyncStyles(_Resource):
    """Styles: trained, shared and looked at."""

    async def train(
        self,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> AsyncJob:
        """Begin a training and return its job, whose ``style_id`` is there when it is done."""
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
        return await self._transport.call(requests.get(f"/styles/{part(style_id)}"), Style)

    async def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Style]:
        """Return a page of styles; the filters are the API's: ids, liked, user, model, filter."""
        request = requests.get("/styles", {**filters, "limit": limit, "cursor": cursor})
        return await self._transport.call(request, Page[Style])

    async def update(self, style_id: str, **changes: Any) -> Style:
        """Change a style's title, urls, cover_url or whether it is public."""
        request = requests.send("PATCH", f"/styles/{part(style_id)}", changes)
        return await self._transport.call(request, Style)

    async def iter(self, *, page_size: int = 100, **filters: object) -> AsyncIterator[Style]:
        """Yield every style that the filters find, newest first."""
        params = {**filters, "limit": page_size}
        async for style in self._pages("/styles", Page[Style], params):
            yield style

    async def delete(self, style_id: str) -> None:
        """Delete a style and its files."""
        await self._transport.send(requests.send("DELETE", f"/styles/{part(style_id)}"))

    async def like(self, style_id: str, *, liked: bool = True) -> Style:
        """Like a style, or no longer, and return it."""
        method = "PUT" if liked else "DELETE"
        request = requests.send(method, f"/styles/{part(style_id)}/like")
        return await self._transport.call(request, Style)

    async def close_link(self, style_id: str) -> None:
        """Let the link to a style lead nowhere."""
        await self._transport.send(requests.send("DELETE", f"/styles/{part(style_id)}/share/link"))

    async def share_link(self, style_id: str) -> ShareLink:
        """Return the link by which a style is shared."""
        path = f"/styles/{part(style_id)}/share/link"
        return await self._transport.call(requests.get(path), ShareLink)

    async def share_with_workspace(self, style_id: str) -> None:
        """Let the whole workspace use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        await self._transport.send(requests.send("POST", path, repeatable=True))

    async def unshare_with_workspace(self, style_id: str) -> None:
        """Let only its owner use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        await self._transport.send(requests.send("DELETE", path))


_Jobs = list[AsyncJob]


class AsyncNodeApps(_Resource):
    """Node apps: pushing them, what they take, and running them."""

    async def push(self, definition: Mapping[str, Any]) -> NodeApp:
        """Push a definition as the next version of its app; the same one again changes nothing.

        Not every server can: it is an addition of Ringback's.
        """
        request = requests.send("POST", "/node-apps", definition, repeatable=True)
        return await self._transport.call(request, NodeApp)

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[NodeApp]:
        """Return a page of the workspace's apps; not every server can."""
        return await self._transport.call(
            requests.get("/node-apps", {"limit": limit, "cursor": cursor}), Page[NodeApp]
        )

    async def get(self, version_id: str) -> NodeApp:
        """Return a version of a node app, or raise ``NotFoundError``."""
        return await self._transport.call(requests.get(f"/node-apps/{part(version_id)}"), NodeApp)

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
    """The models that a server offers."""

    async def list(self, *, kind: str | None = None) -> list[Model]:
        """Return every model, or those of a kind: image, video or enhance."""
        try:
            found = (await self._transport.call(requests.get("/models"), dict[str, list[Model]]))[
                "models"
            ]
        except (NotFoundError, KeyError):
            # Not every server lists them; all describe their routes.
            described = await self._transport.call(requests.get("/openapi.json"), dict[str, Any])
            found = models_in_description(described)
        return [model for model in found if kind in (None, model.kind)]

    async def get(self, model_id: str) -> Model:
        """Return a model by its id, with or without its kind; raises ``NotFoundError``."""
        wanted = model_id.strip("/").removeprefix("generate/")
        for model in await self.list():
            if wanted in (model.id, f"{model.kind}/{model.id}"):
                return model
        raise NotFoundError(f"The server offers no model {model_id!r}.", status=404)


class AsyncDeliveries(_Resource):
    """The log of webhooks, and doing it again."""

    async def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first.

        The filters are the API's: job_id, endpoint_id, destination, status, reason, event, since
        and before.
        """
        request = requests.get("/deliveries", {**filters, "limit": limit, "cursor": cursor})
        return await self._transport.call(request, Page[Delivery])

    async def iter(self, *, page_size: int = 100, **filters: object) -> AsyncIterator[Delivery]:
        """Yield every delivery that the filters find, newest first."""
        params = {**filters, "limit": page_size}
        async for delivery in self._pages("/deliveries", Page[Delivery], params):
            yield delivery

    async def get(self, delivery_id: str) -> Delivery:
        """Return a delivery with every attempt, or raise ``NotFoundError``."""
        return await self._transport.call(
            requests.get(f"/deliveries/{part(delivery_id)}"), Delivery
        )

    async def explain(self, delivery_id: str) -> Explanation:
        """Return why a delivery is where it is, and when it will move."""
        path = f"/deliveries/{part(delivery_id)}/explain"
        return await self._transport.call(requests.get(path), Explanation)

    async def redeliver(self, delivery_id: str) -> Delivery:
        """Have a delivery sent again: the same id and bytes, a new signature."""
        path = f"/deliveries/{part(delivery_id)}/redeliver"
        return await self._transport.call(requests.send("POST", path), Delivery)

    async def redeliver_all(self, *, rate: int | None = None, **filters: str) -> Chore:
        """Have all that the filters find sent again; return the chore that sees to it."""
        wanted = {**filters, **({} if rate is None else {"rate": rate})}
        request = requests.send("POST", "/deliveries/redeliver", wanted)
        return await self._transport.call(request, Chore)

    async def chore(self, chore_id: str) -> Chore:
        """Return how far a chore is, or raise ``NotFoundError``."""
        return await self._transport.call(requests.get(f"/webhooks/chores/{part(chore_id)}"), Chore)

    async def cancel(self, delivery_id: str) -> Delivery:
        """Stop a delivery that waits."""
        path = f"/deliveries/{part(delivery_id)}/cancel"
        return await self._transport.call(requests.send("POST", path), Delivery)


class AsyncEndpoints(_Resource):
    """URLs that are told of every job of the workspace."""

    _PATH = "/webhooks/endpoints"

    async def create(self, url: str, **more: Any) -> Endpoint:
        """Make an endpoint; its ``secret`` is in this answer and in no later one."""
        request = requests.send("POST", self._PATH, {"url": url, **more})
        return await self._transport.call(request, Endpoint)

    async def list(self) -> Sequence[Endpoint]:
        """Return every endpoint."""
        return (await self._transport.call(requests.get(self._PATH), Page[Endpoint])).items

    async def get(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint, or raise ``NotFoundError``."""
        return await self._transport.call(requests.get(self._one(endpoint_id)), Endpoint)

    async def update(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint: its url, description, events, models, headers, schedule, disabled."""
        request = requests.send("PATCH", self._one(endpoint_id), changes)
        return await self._transport.call(request, Endpoint)

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; what was owed to it is discarded."""
        await self._transport.send(requests.send("DELETE", self._one(endpoint_id)))

    async def test(self, endpoint_id: str) -> dict[str, Any]:
        """Have a test event sent, and return what the server says of it."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/test")
        return await self._transport.call(request, dict[str, Any])

    async def recover(self, endpoint_id: str, **since: str) -> dict[str, Any]:
        """Have all sent that an endpoint missed."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/recover", since or None)
        return await self._transport.call(request, dict[str, Any])

    async def rotate_secret(self, endpoint_id: str, **overlap: float) -> str:
        """Give an endpoint a new secret and return it; the old one signs beside it for a while."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/secret/rotate", overlap or None)
        answered = await self._transport.call(request, dict[str, Any])
        return str(answered["secret"])

    def _one(self, endpoint_id: str) -> str:
        return f"{self._PATH}/{part(endpoint_id)}"


class AsyncWebhooks:
    """What a workspace is told by webhook."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.endpoints = AsyncEndpoints(transport)
        self.listeners = AsyncListeners(transport)


class AsyncEvents(_Resource):
    """The feed of everything that happened."""

    async def list(
        self, *, after: str | None = None, limit: int | None = None, wait: int | None = None
    ) -> Page[Event]:
        """Return the events after a cursor, at once or when there are some."""
        timeout_s = None if wait is None else wait + _FEED_SLACK_S
        params = {"after": after, "limit": limit, "wait": wait}
        request = requests.get("/events", params, timeout_s=timeout_s)
        return await self._transport.call(request, Page[Event])

    async def iter(self, *, after: str | None = None) -> AsyncIterator[Event]:
        """Yield events after a cursor as they come, without end; ``latest`` begins now."""
        while True:
            page = await self.list(after=after, wait=_FEED_WAIT_S)
            for event in page.items:
                yield event
            after = page.next_cursor or after
