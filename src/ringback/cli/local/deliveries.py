"""The store operations of ``ringback deliveries``; they work beside a running server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec import Struct, to_builtins

from ringback.api.documents.bulk_operations import bulk_operation_document
from ringback.api.documents.deliveries import (
    delivery_document,
    explanation_document,
    whole_delivery_document,
)
from ringback.api.routes.deliveries import delivery_filter
from ringback.cli.local.tokens import on_store
from ringback.errors import DeliveryNotFound, NotFound
from ringback.server.services import bulk_operation_service, delivery_service
from ringback.service.deliveries import DeliveryService
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.model import Delivery

Result = TypeVar("Result")
P = ParamSpec("P")

_PAGES_MAX = 400  # some seconds of reading, however long the log is


Act = Callable[Concatenate[DeliveryService, P], Awaitable[Result]]


def _on_service(act: Act[P, Result]) -> Callable[Concatenate[Settings, P], Result]:
    """Turn a function of the delivery service into a call with the settings' store."""

    async def call(
        store: Store, settings: Settings, /, *arguments: P.args, **options: P.kwargs
    ) -> Result:
        try:
            found = await act(delivery_service(settings, store, Wakeups()), *arguments, **options)
        except DeliveryNotFound as exc:
            raise NotFound(
                "There is no delivery with that id; ringback deliveries list shows them."
            ) from exc
        plain: Result = to_builtins(found)
        return plain

    return on_store(call)


@_on_service
async def list_deliveries(
    service: DeliveryService, *, workspace: str | None, query: Mapping[str, str], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return the newest matching deliveries, and whether the whole log was read."""
    selected = delivery_filter(query, workspace_id=workspace)
    found: list[dict[str, Any]] = []
    before_seq = None
    for _ in range(_PAGES_MAX):
        page = await service.list_deliveries(
            selected, limit=limit - len(found), before_seq=before_seq
        )
        found += map(_listed, page.items)
        before_seq = page.next_seq
        if before_seq is None or len(found) == limit:
            return found, True
    return found, False


@_on_service
async def show_delivery(
    service: DeliveryService, delivery_id: str, *, workspace: str | None
) -> dict[str, Any]:
    """Return a delivery with every attempt."""
    delivery = await service.get(delivery_id, workspace_id=workspace)
    document = whole_delivery_document(delivery, await service.attempts_of(delivery))
    return {"workspace": delivery.workspace_id, **_members(document)}


@_on_service
async def redeliver(
    service: DeliveryService, delivery_id: str, *, workspace: str | None
) -> dict[str, Any]:
    """Redeliver a delivery: begin its schedule anew."""
    return _listed(await service.redeliver(delivery_id, workspace_id=workspace))


@_on_service
async def cancel(
    service: DeliveryService, delivery_id: str, *, workspace: str | None
) -> dict[str, Any]:
    """Cancel a waiting delivery."""
    return _listed(await service.cancel(delivery_id, workspace_id=workspace))


@_on_service
async def explain(
    service: DeliveryService, delivery_id: str, *, workspace: str | None
) -> dict[str, Any]:
    """Return why a delivery has its status, and when that will change."""
    explanation = await service.explain(delivery_id, workspace_id=workspace)
    return _members(explanation_document(delivery_id, explanation))


@on_store
async def redeliver_all(
    store: Store, settings: Settings, *, workspace: str, query: Mapping[str, str], rate: int
) -> dict[str, Any]:
    """Begin a bulk operation that redelivers every matching delivery, and return it."""
    selected = delivery_filter({"status": "exhausted", **query}, workspace_id=workspace)
    if await store.get_workspace(workspace) is None:
        raise NotFound(f"There is no workspace {workspace!r}; ringback keys list shows them.")
    service = bulk_operation_service(settings, store)
    bulk_operation = await service.redeliver(selected, workspace_id=workspace, rate=rate)
    return _members(bulk_operation_document(bulk_operation))


@on_store
async def list_bulk_operations(
    store: Store, settings: Settings, *, workspace: str
) -> list[dict[str, Any]]:
    """Return the workspace's latest bulk operations with their progress, newest first."""
    service = bulk_operation_service(settings, store)
    found = await service.list_bulk_operations(workspace)
    return [_members(bulk_operation_document(one)) for one in found]


def _listed(delivery: Delivery) -> dict[str, Any]:
    return {"workspace": delivery.workspace_id, **_members(delivery_document(delivery))}


def _members(document: Struct) -> dict[str, Any]:
    members: dict[str, Any] = to_builtins(document)
    return members
