"""``/webhooks``: the endpoints that a workspace keeps, and the keys that sign for it."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from ringback.api.answers import Answer, encode, ok
from ringback.api.bodies import read_object, read_optional_object
from ringback.api.deps import ApiDeps
from ringback.api.endpoint_bodies import (
    REDACTED,
    read_kind,
    read_overlap_s,
    read_since_ms,
    read_wish,
    since_is_required,
)
from ringback.api.headers import headers_of
from ringback.api.targets import judge_target
from ringback.errors import EndpointNotFound
from ringback.service.endpoints import EndpointDesk, EndpointWish, Rotated
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.rotation import SigningKey
from ringback.wire.document import iso_time

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LIKE = '{"url": "https://shop.example/webhooks"}'
_ROTATION_LIKE = '{"overlap_s": 3600}'
_KEY_LIKE = '{"kind": "v1a"}'
_RECOVERY_LIKE = '{"since": "2027-01-15T08:00:00Z"}'


class EndpointRoutes:
    """The routes of endpoints and of signing keys."""

    def __init__(self, deps: ApiDeps) -> None:
        self._desk = deps.endpoints
        self._policy = deps.policy
        self._models = deps.catalogue.ids
        self._body_bytes_max = deps.settings.body_bytes_max

    async def create(self, request: Request, workspace_id: str) -> Answer:
        """Keep a new endpoint; the answer shows its secret, this once."""
        wish = await self._wish(request, is_new=True)
        endpoint, secret = await self._desk.create(workspace_id, wish)
        document = {**await endpoint_document(endpoint, self._desk), "secret": secret}
        location = f"/webhooks/endpoints/{endpoint.endpoint_id}".encode()
        return Answer(201, encode(document), [(b"location", location)])

    async def list_endpoints(self, request: Request, workspace_id: str) -> Answer:
        """Answer with every endpoint of the workspace, oldest first."""
        endpoints = await self._desk.list_endpoints(workspace_id)
        return ok(
            {"items": [await endpoint_document(endpoint, self._desk) for endpoint in endpoints]}
        )

    async def get(self, request: Request, workspace_id: str) -> Answer:
        """Answer with one endpoint."""
        endpoint = await self._desk.get(_endpoint_id(request), workspace_id=workspace_id)
        return ok(await endpoint_document(endpoint, self._desk))

    async def change(self, request: Request, workspace_id: str) -> Answer:
        """Change what was sent of an endpoint, and answer with it."""
        endpoint_id = _endpoint_id(request)
        await self._desk.get(endpoint_id, workspace_id=workspace_id)
        wish = await self._wish(request, is_new=False)
        endpoint = await self._desk.change(endpoint_id, wish, workspace_id=workspace_id)
        return ok(await endpoint_document(endpoint, self._desk))

    async def delete(self, request: Request, workspace_id: str) -> Answer:
        """Forget an endpoint."""
        await self._desk.delete(_endpoint_id(request), workspace_id=workspace_id)
        return ok({})

    async def send_test(self, request: Request, workspace_id: str) -> Answer:
        """Owe the endpoint a test event."""
        await self._optional(request, "{}")
        delivery_id = await self._desk.send_test(_endpoint_id(request), workspace_id=workspace_id)
        return Answer(202, encode({"delivery_id": delivery_id, "event": "endpoint.test"}))

    async def recover(self, request: Request, workspace_id: str) -> Answer:
        """Have the endpoint sent what it missed, by a chore."""
        endpoint_id = _endpoint_id(request)
        await self._desk.get(endpoint_id, workspace_id=workspace_id)
        since_ms = read_since_ms(await self._optional(request, _RECOVERY_LIKE))
        chore = await self._desk.recover(endpoint_id, workspace_id=workspace_id, since_ms=since_ms)
        if chore is None:
            raise since_is_required()
        since_ms = chore.wanted.since_ms
        assert since_ms is not None
        document = {"chore_id": chore.chore_id, "since": iso_time(since_ms)}
        location = f"/webhooks/chores/{chore.chore_id}".encode()
        return Answer(202, encode(document), [(b"location", location)])

    async def rotate_endpoint_secret(self, request: Request, workspace_id: str) -> Answer:
        """Give the endpoint a new secret; the answer shows it, this once."""
        endpoint_id = _endpoint_id(request)
        await self._desk.get(endpoint_id, workspace_id=workspace_id)
        overlap_s = read_overlap_s(await self._optional(request, _ROTATION_LIKE))
        rotated = await self._desk.rotate_endpoint_secret(
            endpoint_id, workspace_id=workspace_id, overlap_s=overlap_s
        )
        return ok(_rotated(rotated))

    async def rotate_workspace_secret(self, request: Request, workspace_id: str) -> Answer:
        """Give the workspace a new secret for the URLs of its jobs; shown this once."""
        overlap_s = read_overlap_s(await self._optional(request, _ROTATION_LIKE))
        rotated = await self._desk.rotate_workspace_secret(workspace_id, overlap_s=overlap_s)
        return ok(_rotated(rotated))

    async def list_keys(self, request: Request, workspace_id: str) -> Answer:
        """Answer with the public keys of the endpoint, or of the workspace itself."""
        owner = await self._owner(request, workspace_id)
        return ok({"items": [_key(key) for key in await self._desk.public_keys(owner)]})

    async def add_key(self, request: Request, workspace_id: str) -> Answer:
        """Sign with a new Ed25519 key too, and answer with its public half."""
        owner = await self._owner(request, workspace_id)
        body = await read_object(
            headers_of(request.scope), request.receive, self._body_bytes_max, like=_KEY_LIKE
        )
        read_kind(body)
        overlap_s = read_overlap_s({k: v for k, v in body.items() if k == "overlap_s"})
        key = await self._desk.add_public_key(owner, overlap_s=overlap_s)
        return Answer(201, encode(_key(key)))

    async def drop_keys(self, request: Request, workspace_id: str) -> Answer:
        """Sign with no Ed25519 key any more."""
        await self._desk.drop_public_keys(await self._owner(request, workspace_id))
        return ok({})

    async def _owner(self, request: Request, workspace_id: str) -> str:
        named = "endpoint_id" in request.path_params
        endpoint_id = _endpoint_id(request) if named else None
        return await self._desk.owner_of(endpoint_id, workspace_id=workspace_id)

    async def _wish(self, request: Request, *, is_new: bool) -> EndpointWish:
        body = await read_object(
            headers_of(request.scope), request.receive, self._body_bytes_max, like=_LIKE
        )
        return read_wish(
            body,
            is_new=is_new,
            models=self._models,
            judge_url=lambda url: judge_target(self._policy, url, path="/url"),
        )

    async def _optional(self, request: Request, like: str) -> dict[str, Any]:
        headers = headers_of(request.scope)
        return await read_optional_object(headers, request.receive, self._body_bytes_max, like=like)


async def endpoint_document(endpoint: Endpoint, desk: EndpointDesk) -> dict[str, Any]:
    """Return an endpoint as the API shows it, without its secrets."""
    owner = await desk.owner_of(endpoint.endpoint_id, workspace_id=endpoint.workspace_id)
    keys = await desk.public_keys(owner)
    return {**_document(endpoint), "public_keys": [key.public for key in keys]}


def _document(endpoint: Endpoint) -> dict[str, Any]:
    missed_ms = endpoint.missed_since_ms
    return {
        "id": endpoint.endpoint_id,
        "url": endpoint.url,
        "listener": endpoint.listener,
        "heard_at": _time(endpoint.heard_at_ms),
        "description": endpoint.description,
        "events": endpoint.events,
        "models": endpoint.models,
        "headers": dict.fromkeys(endpoint.header_names, REDACTED),
        "schedule_s": endpoint.schedule_s,
        "created_at": iso_time(endpoint.created_at_ms),
        "disabled": endpoint.disabled_at_ms is not None,
        "disabled_at": _time(endpoint.disabled_at_ms),
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": _time(endpoint.failing_since_ms),
        "missed": None
        if missed_ms is None
        else {
            "since": iso_time(missed_ms),
            "recover": f"POST /webhooks/endpoints/{endpoint.endpoint_id}/recover",
        },
    }


def _rotated(rotated: Rotated) -> dict[str, Any]:
    return {"secret": rotated.secret, "others_sign_until": iso_time(rotated.others_until_ms)}


def _key(key: SigningKey) -> dict[str, Any]:
    return {
        "kind": key.kind,
        "public_key": key.public,
        "created_at": iso_time(key.created_at_ms),
        "signs_until": _time(key.retires_at_ms),
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_time(at_ms)


def _endpoint_id(request: Request) -> str:
    endpoint_id: str = request.path_params["endpoint_id"].lower()
    if not _ID.fullmatch(endpoint_id):
        raise EndpointNotFound
    return endpoint_id
