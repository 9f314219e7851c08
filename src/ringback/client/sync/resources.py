# Generated from ../aio/resources.py by tools/unasync.py: change that, and run make fmt.
"""The client's other resources: assets, styles, node apps, models, deliveries, endpoints, feed."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ringback.client import requests
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
from ringback.client.sync.job import Job, bound
from ringback.client.sync.jobs import Jobs
from ringback.client.sync.listeners import Listeners
from ringback.client.sync.transport import Transport

T = TypeVar("T")

_FEED_WAIT_S = 30
_FEED_SLACK_S = 15.0


class _Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _get(self, path: str, kind: type[T], params: Mapping[str, object] | None = None) -> T:
        return self._transport.call(requests.get(path, params), kind)

    def _send(
        self,
        method: str,
        path: str,
        kind: type[T],
        document: object = None,
        *,
        repeatable: bool | None = None,
    ) -> T:
        request = requests.send(method, path, document, repeatable=repeatable)
        return self._transport.call(request, kind)

    def _delete(self, path: str) -> None:
        self._transport.send(requests.send("DELETE", path))

    def _pages(self, path: str, kind: type[Page[T]], params: Mapping[str, object]) -> Iterator[T]:
        cursor = None
        while True:
            page = self._get(path, kind, {**params, "cursor": cursor})
            for item in page.items:
                yield item
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor


class Assets(_Resource):
    """Uploads files for jobs to use, and lists and deletes them."""

    def upload(
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
        return self._transport.call(request, Asset)

    def upload_from(self, url: str, *, description: str | None = None) -> Asset:
        """Have the server fetch a file by its URL, and return the asset.

        This is an addition of Ringback; other servers may lack it.
        """
        body = {"url": url} if description is None else {"url": url, "description": description}
        key = {"idempotency-key": new_key()}
        request = requests.send("POST", "/assets", body, headers=key, repeatable=True)
        return self._transport.call(request, Asset)

    def get(self, asset_id: str) -> Asset:
        """Return an asset, or raise ``NotFoundError``."""
        return self._get(f"/assets/{part(asset_id)}", Asset)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Asset]:
        """Return a page of assets."""
        return self._get("/assets", Page[Asset], {"limit": limit, "cursor": cursor})

    def iter(self, *, page_size: int = 100) -> Iterator[Asset]:
        """Yield every asset, newest first."""
        for asset in self._pages("/assets", Page[Asset], {"limit": page_size}):
            yield asset

    def delete(self, asset_id: str) -> None:
        """Delete an asset and its file."""
        self._delete(f"/assets/{part(asset_id)}")


class Styles(_Resource):
    """Trains, reads, changes and shares styles."""

    def train(
        self,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> Job:
        """Begin a training and return its job; the completed job has the ``style_id``."""
        request = requests.submission(
            "/styles/train",
            requests.merged(input, params),
            idempotency_key=idempotency_key or new_key(),
            webhook_url=webhook_url,
            webhook_events=None,
        )
        job = self._transport.call(request, Job)
        return bound(job, Jobs(self._transport))

    def get(self, style_id: str) -> Style:
        """Return a style, or raise ``NotFoundError``."""
        return self._get(f"/styles/{part(style_id)}", Style)

    def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Style]:
        """Return a page of styles; the filters are the API's: ids, liked, user, model, filter."""
        params = {**filters, "limit": limit, "cursor": cursor}
        return self._get("/styles", Page[Style], params)

    def update(self, style_id: str, **changes: Any) -> Style:
        """Change a style's title, urls, cover_url or whether it is public."""
        return self._send("PATCH", f"/styles/{part(style_id)}", Style, changes)

    def iter(self, *, page_size: int = 100, **filters: object) -> Iterator[Style]:
        """Yield every style that matches the filters, newest first."""
        params = {**filters, "limit": page_size}
        for style in self._pages("/styles", Page[Style], params):
            yield style

    def delete(self, style_id: str) -> None:
        """Delete a style and its files."""
        self._delete(f"/styles/{part(style_id)}")

    def like(self, style_id: str, *, liked: bool = True) -> Style:
        """Like a style, or take the like back, and return the style."""
        method = "PUT" if liked else "DELETE"
        return self._send(method, f"/styles/{part(style_id)}/like", Style)

    def close_link(self, style_id: str) -> None:
        """Close the link to a style, so that it no longer works."""
        self._delete(f"/styles/{part(style_id)}/share/link")

    def share_link(self, style_id: str) -> ShareLink:
        """Return the link by which a style is shared."""
        return self._get(f"/styles/{part(style_id)}/share/link", ShareLink)

    def share_with_workspace(self, style_id: str) -> None:
        """Let the whole workspace use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        self._transport.send(requests.send("POST", path, repeatable=True))

    def unshare_with_workspace(self, style_id: str) -> None:
        """Let only its owner use a style."""
        self._delete(f"/styles/{part(style_id)}/share/workspace")


_Jobs = list[Job]


class NodeApps(_Resource):
    """Pushes, lists and runs node apps."""

    def push(self, definition: Mapping[str, Any]) -> NodeApp:
        """Push a definition as the next version of its app; an unchanged one makes no version.

        This is an addition of Ringback; other servers may lack it.
        """
        return self._send("POST", "/node-apps", NodeApp, definition, repeatable=True)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[NodeApp]:
        """Return a page of the workspace's apps; an addition of Ringback."""
        return self._get("/node-apps", Page[NodeApp], {"limit": limit, "cursor": cursor})

    def get(self, version_id: str) -> NodeApp:
        """Return a version of a node app, or raise ``NotFoundError``."""
        return self._get(f"/node-apps/{part(version_id)}", NodeApp)

    def execute(
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
        jobs = Jobs(self._transport)
        return [bound(job, jobs) for job in self._transport.call(request, list[Job])]


class Models(_Resource):
    """Lists the models that a server offers."""

    def list(self, *, kind: str | None = None) -> list[Model]:
        """Return every model, or those of a kind: image, video or enhance."""
        try:
            models = (self._get("/models", dict[str, list[Model]]))["models"]
        except (NotFoundError, KeyError):
            # Other servers have no /models, but all describe their routes.
            models = models_in_description(self._get("/openapi.json", dict[str, Any]))
        return [model for model in models if kind in (None, model.kind)]

    def get(self, model_id: str) -> Model:
        """Return a model by its id, with or without its kind; raises ``NotFoundError``."""
        name = model_id.strip("/").removeprefix("generate/")
        for model in self.list():
            if name in (model.id, f"{model.kind}/{model.id}"):
                return model
        raise NotFoundError(f"The server offers no model {model_id!r}.", status=404)


class Deliveries(_Resource):
    """Reads the delivery log, redelivers and cancels."""

    def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first.

        The filters are the API's: job_id, endpoint_id, destination, status, reason, event, since
        and before.
        """
        params = {**filters, "limit": limit, "cursor": cursor}
        return self._get("/deliveries", Page[Delivery], params)

    def iter(self, *, page_size: int = 100, **filters: object) -> Iterator[Delivery]:
        """Yield every delivery that matches the filters, newest first."""
        params = {**filters, "limit": page_size}
        for delivery in self._pages("/deliveries", Page[Delivery], params):
            yield delivery

    def get(self, delivery_id: str) -> Delivery:
        """Return a delivery with every attempt, or raise ``NotFoundError``."""
        return self._get(f"/deliveries/{part(delivery_id)}", Delivery)

    def explain(self, delivery_id: str) -> Explanation:
        """Return why a delivery has its status, and when that will change."""
        return self._get(f"/deliveries/{part(delivery_id)}/explain", Explanation)

    def redeliver(self, delivery_id: str) -> Delivery:
        """Redeliver a delivery: the same id and bytes, with a new signature."""
        return self._send("POST", f"/deliveries/{part(delivery_id)}/redeliver", Delivery)

    def redeliver_all(self, *, rate: int | None = None, **filters: str) -> BulkOperation:
        """Redeliver all deliveries that match the filters, and return the bulk operation."""
        document = {**filters, **({} if rate is None else {"rate": rate})}
        return self._send("POST", "/deliveries/redeliver", BulkOperation, document)

    def bulk_operation(self, bulk_operation_id: str) -> BulkOperation:
        """Return a bulk operation with its progress, or raise ``NotFoundError``."""
        path = f"/webhooks/bulk-operations/{part(bulk_operation_id)}"
        return self._get(path, BulkOperation)

    def cancel(self, delivery_id: str) -> Delivery:
        """Cancel a delivery that waits for its next attempt."""
        return self._send("POST", f"/deliveries/{part(delivery_id)}/cancel", Delivery)


class Endpoints(_Resource):
    """Manages the URLs that get webhooks of every job of the workspace."""

    _PATH = "/webhooks/endpoints"

    def create(self, url: str, **more: Any) -> Endpoint:
        """Create an endpoint; only this answer has its ``secret``."""
        return self._send("POST", self._PATH, Endpoint, {"url": url, **more})

    def list(self) -> Sequence[Endpoint]:
        """Return every endpoint."""
        return (self._get(self._PATH, Page[Endpoint])).items

    def get(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint, or raise ``NotFoundError``."""
        return self._get(self._path(endpoint_id), Endpoint)

    def update(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint: its url, description, events, models, headers, schedule, disabled."""
        return self._send("PATCH", self._path(endpoint_id), Endpoint, changes)

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; its open deliveries are discarded."""
        self._delete(self._path(endpoint_id))

    def test(self, endpoint_id: str) -> dict[str, Any]:
        """Send a test event, and return the server's answer."""
        return self._send("POST", f"{self._path(endpoint_id)}/test", dict[str, Any])

    def recover(self, endpoint_id: str, **since: str) -> dict[str, Any]:
        """Redeliver the events that an endpoint missed, and return the server's answer."""
        path = f"{self._path(endpoint_id)}/recover"
        return self._send("POST", path, dict[str, Any], since or None)

    def rotate_secret(self, endpoint_id: str, **overlap: float) -> str:
        """Return a new secret of an endpoint; the old one also signs until the overlap ends."""
        path = f"{self._path(endpoint_id)}/secret/rotate"
        answer = self._send("POST", path, dict[str, Any], overlap or None)
        return str(answer["secret"])

    def _path(self, endpoint_id: str) -> str:
        return f"{self._PATH}/{part(endpoint_id)}"


class Webhooks:
    """A workspace's endpoints and listeners."""

    def __init__(self, transport: Transport) -> None:
        self.endpoints = Endpoints(transport)
        self.listeners = Listeners(transport)


class Events(_Resource):
    """Reads the feed of the workspace's events."""

    def list(
        self, *, after: str | None = None, limit: int | None = None, wait: int | None = None
    ) -> Page[Event]:
        """Return the events after a cursor; ``wait`` waits so many seconds for the first."""
        timeout_s = None if wait is None else wait + _FEED_SLACK_S
        params = {"after": after, "limit": limit, "wait": wait}
        request = requests.get("/events", params, timeout_s=timeout_s)
        return self._transport.call(request, Page[Event])

    def iter(self, *, after: str | None = None) -> Iterator[Event]:
        """Yield the events after a cursor without end; ``latest`` begins with new ones."""
        while True:
            page = self.list(after=after, wait=_FEED_WAIT_S)
            for event in page.items:
                yield event
            after = page.next_cursor or after
