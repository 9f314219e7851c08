# Made of ../aio/resources.py by tools/unasync.py: change that, and run make fmt.
"""The lesser verbs: assets, styles, node apps, models, deliveries, endpoints and the feed."""

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

    def _pages(self, path: str, kind: type[Page[T]], params: Mapping[str, object]) -> Iterator[T]:
        cursor = None
        while True:
            page = self._transport.call(requests.get(path, {**params, "cursor": cursor}), kind)
            for item in page.items:
                yield item
            if page.next_cursor is None or page.next_cursor == cursor:
                return
            cursor = page.next_cursor


class Assets(_Resource):
    """Files for jobs to use."""

    def upload(
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
        return self._transport.call(request, Asset)

    def upload_from(self, url: str, *, description: str | None = None) -> Asset:
        """Have the server fetch a file by its URL and return the asset that it became.

        Not every server can: it is an addition of Ringback's.
        """
        body = {"url": url} if description is None else {"url": url, "description": description}
        key = {"idempotency-key": new_key()}
        request = requests.send("POST", "/assets", body, headers=key, repeatable=True)
        return self._transport.call(request, Asset)

    def get(self, asset_id: str) -> Asset:
        """Return an asset, or raise ``NotFoundError``."""
        return self._transport.call(requests.get(f"/assets/{part(asset_id)}"), Asset)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Asset]:
        """Return a page of assets."""
        return self._transport.call(
            requests.get("/assets", {"limit": limit, "cursor": cursor}), Page[Asset]
        )

    def iter(self, *, page_size: int = 100) -> Iterator[Asset]:
        """Yield every asset, newest first."""
        for asset in self._pages("/assets", Page[Asset], {"limit": page_size}):
            yield asset

    def delete(self, asset_id: str) -> None:
        """Delete an asset and its file."""
        self._transport.send(requests.send("DELETE", f"/assets/{part(asset_id)}"))


class Styles(_Resource):
    """Styles: trained, shared and looked at."""

    def train(
        self,
        input: Mapping[str, Any] | None = None,
        *,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        **params: Any,
    ) -> Job:
        """Begin a training and return its job, whose ``style_id`` is there when it is done."""
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
        return self._transport.call(requests.get(f"/styles/{part(style_id)}"), Style)

    def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Style]:
        """Return a page of styles; the filters are the API's: ids, liked, user, model, filter."""
        request = requests.get("/styles", {**filters, "limit": limit, "cursor": cursor})
        return self._transport.call(request, Page[Style])

    def update(self, style_id: str, **changes: Any) -> Style:
        """Change a style's title, urls, cover_url or whether it is public."""
        request = requests.send("PATCH", f"/styles/{part(style_id)}", changes)
        return self._transport.call(request, Style)

    def iter(self, *, page_size: int = 100, **filters: object) -> Iterator[Style]:
        """Yield every style that the filters find, newest first."""
        params = {**filters, "limit": page_size}
        for style in self._pages("/styles", Page[Style], params):
            yield style

    def delete(self, style_id: str) -> None:
        """Delete a style and its files."""
        self._transport.send(requests.send("DELETE", f"/styles/{part(style_id)}"))

    def like(self, style_id: str, *, liked: bool = True) -> Style:
        """Like a style, or no longer, and return it."""
        method = "PUT" if liked else "DELETE"
        request = requests.send(method, f"/styles/{part(style_id)}/like")
        return self._transport.call(request, Style)

    def close_link(self, style_id: str) -> None:
        """Let the link to a style lead nowhere."""
        self._transport.send(requests.send("DELETE", f"/styles/{part(style_id)}/share/link"))

    def share_link(self, style_id: str) -> ShareLink:
        """Return the link by which a style is shared."""
        path = f"/styles/{part(style_id)}/share/link"
        return self._transport.call(requests.get(path), ShareLink)

    def share_with_workspace(self, style_id: str) -> None:
        """Let the whole workspace use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        self._transport.send(requests.send("POST", path, repeatable=True))

    def unshare_with_workspace(self, style_id: str) -> None:
        """Let only its owner use a style."""
        path = f"/styles/{part(style_id)}/share/workspace"
        self._transport.send(requests.send("DELETE", path))


_Jobs = list[Job]


class NodeApps(_Resource):
    """Node apps: pushing them, what they take, and running them."""

    def push(self, definition: Mapping[str, Any]) -> NodeApp:
        """Push a definition as the next version of its app; the same one again changes nothing.

        Not every server can: it is an addition of Ringback's.
        """
        request = requests.send("POST", "/node-apps", definition, repeatable=True)
        return self._transport.call(request, NodeApp)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[NodeApp]:
        """Return a page of the workspace's apps; not every server can."""
        return self._transport.call(
            requests.get("/node-apps", {"limit": limit, "cursor": cursor}), Page[NodeApp]
        )

    def get(self, version_id: str) -> NodeApp:
        """Return a version of a node app, or raise ``NotFoundError``."""
        return self._transport.call(requests.get(f"/node-apps/{part(version_id)}"), NodeApp)

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
    """The models that a server offers."""

    def list(self, *, kind: str | None = None) -> list[Model]:
        """Return every model, or those of a kind: image, video or enhance."""
        try:
            found = (self._transport.call(requests.get("/models"), dict[str, list[Model]]))[
                "models"
            ]
        except (NotFoundError, KeyError):
            # Not every server lists them; all describe their routes.
            described = self._transport.call(requests.get("/openapi.json"), dict[str, Any])
            found = models_in_description(described)
        return [model for model in found if kind in (None, model.kind)]

    def get(self, model_id: str) -> Model:
        """Return a model by its id, with or without its kind; raises ``NotFoundError``."""
        wanted = model_id.strip("/").removeprefix("generate/")
        for model in self.list():
            if wanted in (model.id, f"{model.kind}/{model.id}"):
                return model
        raise NotFoundError(f"The server offers no model {model_id!r}.", status=404)


class Deliveries(_Resource):
    """The log of webhooks, and doing it again."""

    def list(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: object
    ) -> Page[Delivery]:
        """Return a page of deliveries, newest first.

        The filters are the API's: job_id, endpoint_id, destination, status, reason, event, since
        and before.
        """
        request = requests.get("/deliveries", {**filters, "limit": limit, "cursor": cursor})
        return self._transport.call(request, Page[Delivery])

    def iter(self, *, page_size: int = 100, **filters: object) -> Iterator[Delivery]:
        """Yield every delivery that the filters find, newest first."""
        params = {**filters, "limit": page_size}
        for delivery in self._pages("/deliveries", Page[Delivery], params):
            yield delivery

    def get(self, delivery_id: str) -> Delivery:
        """Return a delivery with every attempt, or raise ``NotFoundError``."""
        return self._transport.call(requests.get(f"/deliveries/{part(delivery_id)}"), Delivery)

    def explain(self, delivery_id: str) -> Explanation:
        """Return why a delivery is where it is, and when it will move."""
        path = f"/deliveries/{part(delivery_id)}/explain"
        return self._transport.call(requests.get(path), Explanation)

    def redeliver(self, delivery_id: str) -> Delivery:
        """Have a delivery sent again: the same id and bytes, a new signature."""
        path = f"/deliveries/{part(delivery_id)}/redeliver"
        return self._transport.call(requests.send("POST", path), Delivery)

    def redeliver_all(self, *, rate: int | None = None, **filters: str) -> Chore:
        """Have all that the filters find sent again; return the chore that sees to it."""
        wanted = {**filters, **({} if rate is None else {"rate": rate})}
        request = requests.send("POST", "/deliveries/redeliver", wanted)
        return self._transport.call(request, Chore)

    def chore(self, chore_id: str) -> Chore:
        """Return how far a chore is, or raise ``NotFoundError``."""
        return self._transport.call(requests.get(f"/webhooks/chores/{part(chore_id)}"), Chore)

    def cancel(self, delivery_id: str) -> Delivery:
        """Stop a delivery that waits."""
        path = f"/deliveries/{part(delivery_id)}/cancel"
        return self._transport.call(requests.send("POST", path), Delivery)


class Endpoints(_Resource):
    """URLs that are told of every job of the workspace."""

    _PATH = "/webhooks/endpoints"

    def create(self, url: str, **more: Any) -> Endpoint:
        """Make an endpoint; its ``secret`` is in this answer and in no later one."""
        request = requests.send("POST", self._PATH, {"url": url, **more})
        return self._transport.call(request, Endpoint)

    def list(self) -> Sequence[Endpoint]:
        """Return every endpoint."""
        return (self._transport.call(requests.get(self._PATH), Page[Endpoint])).items

    def get(self, endpoint_id: str) -> Endpoint:
        """Return an endpoint, or raise ``NotFoundError``."""
        return self._transport.call(requests.get(self._one(endpoint_id)), Endpoint)

    def update(self, endpoint_id: str, **changes: Any) -> Endpoint:
        """Change an endpoint: its url, description, events, models, headers, schedule, disabled."""
        request = requests.send("PATCH", self._one(endpoint_id), changes)
        return self._transport.call(request, Endpoint)

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; what was owed to it is discarded."""
        self._transport.send(requests.send("DELETE", self._one(endpoint_id)))

    def test(self, endpoint_id: str) -> dict[str, Any]:
        """Have a test event sent, and return what the server says of it."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/test")
        return self._transport.call(request, dict[str, Any])

    def recover(self, endpoint_id: str, **since: str) -> dict[str, Any]:
        """Have all sent that an endpoint missed."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/recover", since or None)
        return self._transport.call(request, dict[str, Any])

    def rotate_secret(self, endpoint_id: str, **overlap: float) -> str:
        """Give an endpoint a new secret and return it; the old one signs beside it for a while."""
        request = requests.send("POST", f"{self._one(endpoint_id)}/secret/rotate", overlap or None)
        answered = self._transport.call(request, dict[str, Any])
        return str(answered["secret"])

    def _one(self, endpoint_id: str) -> str:
        return f"{self._PATH}/{part(endpoint_id)}"


class Webhooks:
    """What a workspace is told by webhook."""

    def __init__(self, transport: Transport) -> None:
        self.endpoints = Endpoints(transport)
        self.listeners = Listeners(transport)


class Events(_Resource):
    """The feed of everything that happened."""

    def list(
        self, *, after: str | None = None, limit: int | None = None, wait: int | None = None
    ) -> Page[Event]:
        """Return the events after a cursor, at once or when there are some."""
        timeout_s = None if wait is None else wait + _FEED_SLACK_S
        params = {"after": after, "limit": limit, "wait": wait}
        request = requests.get("/events", params, timeout_s=timeout_s)
        return self._transport.call(request, Page[Event])

    def iter(self, *, after: str | None = None) -> Iterator[Event]:
        """Yield events after a cursor as they come, without end; ``latest`` begins now."""
        while True:
            page = self.list(after=after, wait=_FEED_WAIT_S)
            for event in page.items:
                yield event
            after = page.next_cursor or after
