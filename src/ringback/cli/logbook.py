"""What ``ringback deliveries`` does with the store; all of it may be done beside a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from msgspec import to_builtins

from ringback.api.chores import chore_document
from ringback.api.deliveries import delivery_filter
from ringback.api.delivery_documents import (
    delivery_document,
    explanation_document,
    whole_delivery_document,
)
from ringback.cli.keyring import check_holds_data, with_store
from ringback.desks import chore_desk, delivery_desk
from ringback.doorbell import Bells
from ringback.errors import DeliveryNotFound, SetupError
from ringback.service.deliveries import DeliveryDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.webhooks.model import Delivery

Result = TypeVar("Result")

_PAGES_MAX = 400  # of so many each: some seconds, however long the log is


def list_deliveries(
    settings: Settings, *, workspace: str | None, query: Mapping[str, str], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return the newest deliveries that are wanted, and whether the whole log was looked at."""
    wanted = delivery_filter(query, workspace_id=workspace)

    async def act(desk: DeliveryDesk) -> tuple[list[dict[str, Any]], bool]:
        found: list[Delivery] = []
        before_seq = None
        for _ in range(_PAGES_MAX):
            page = await desk.list_deliveries(
                wanted, limit=limit - len(found), before_seq=before_seq
            )
            found += page.items
            before_seq = page.next_seq
            if before_seq is None or len(found) == limit:
                return [_listed(delivery) for delivery in found], True
        return [_listed(delivery) for delivery in found], False

    return _with_desk(settings, act)


def show_delivery(settings: Settings, delivery_id: str, *, workspace: str | None) -> dict[str, Any]:
    """Return a delivery with every attempt."""

    async def act(desk: DeliveryDesk) -> dict[str, Any]:
        delivery = await desk.get(delivery_id, workspace_id=workspace)
        document = whole_delivery_document(delivery, await desk.attempts_of(delivery))
        return {"workspace": delivery.workspace_id, **document}

    return _with_desk(settings, act)


def redeliver(settings: Settings, delivery_id: str, *, workspace: str | None) -> dict[str, Any]:
    """Begin the schedule of a delivery anew."""

    async def act(desk: DeliveryDesk) -> dict[str, Any]:
        return _listed(await desk.redeliver(delivery_id, workspace_id=workspace))

    return _with_desk(settings, act)


def cancel(settings: Settings, delivery_id: str, *, workspace: str | None) -> dict[str, Any]:
    """End a waiting delivery."""

    async def act(desk: DeliveryDesk) -> dict[str, Any]:
        return _listed(await desk.cancel(delivery_id, workspace_id=workspace))

    return _with_desk(settings, act)


def explain(settings: Settings, delivery_id: str, *, workspace: str | None) -> dict[str, Any]:
    """Say why a delivery is where it is, and when it will move."""

    async def act(desk: DeliveryDesk) -> dict[str, Any]:
        explanation = await desk.explain(delivery_id, workspace_id=workspace)
        return explanation_document(delivery_id, explanation)

    return _with_desk(settings, act)


def redeliver_all(
    settings: Settings, *, workspace: str, query: Mapping[str, str], rate: int
) -> dict[str, Any]:
    """Ask for every delivery again that is wanted; return the chore, which a server works off."""
    wanted = delivery_filter({"status": "exhausted", **query}, workspace_id=workspace)

    async def act(store: Store) -> dict[str, Any]:
        if await store.get_workspace(workspace) is None:
            raise SetupError(f"There is no workspace {workspace!r}; ringback keys list shows them.")
        desk = chore_desk(settings, store)
        chore = await desk.redeliver(wanted, workspace_id=workspace, rate=rate)
        return chore_document(chore)

    return _with_store(settings, act)


def list_chores(settings: Settings, *, workspace: str) -> list[dict[str, Any]]:
    """Return the workspace's latest chores, newest first, and how far each is."""

    async def act(store: Store) -> list[dict[str, Any]]:
        chores = await chore_desk(settings, store).list_chores(workspace)
        return [chore_document(chore) for chore in chores]

    return _with_store(settings, act)


def _listed(delivery: Delivery) -> dict[str, Any]:
    return {"workspace": delivery.workspace_id, **delivery_document(delivery)}


def _with_desk(settings: Settings, act: Callable[[DeliveryDesk], Awaitable[Result]]) -> Result:
    async def with_desk(store: Store) -> Result:
        return await act(delivery_desk(settings, store, Bells()))

    try:
        return _with_store(settings, with_desk)
    except DeliveryNotFound as exc:
        raise SetupError(
            "There is no delivery with that id; ringback deliveries list shows them."
        ) from exc


def _with_store(settings: Settings, act: Callable[[Store], Awaitable[Result]]) -> Result:
    check_holds_data(settings)
    found: Result = to_builtins(with_store(settings, act))
    return found
