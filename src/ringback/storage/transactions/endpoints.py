"""The writes of endpoints, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.signing.rotation import SigningKey, endpoint_owner
from ringback.storage.mapping.rows import endpoint_from, endpoint_row
from ringback.storage.transactions.bulk_operations import add_endpoint_operation
from ringback.storage.transactions.outbox_writes import IdFactory, write_outbox
from ringback.storage.transactions.work import TransactionScript, first, for_each
from ringback.storage.transactions.workspace_counters import lock_counters
from ringback.storage.transactions.workspaces import add_key
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.fanout import delivery_for
from ringback.webhooks.store import BulkOperationKind


@for_each
def open_listener(
    endpoint: Endpoint, key: SigningKey, limit: int
) -> TransactionScript[Endpoint | None]:
    """Return the listener of that name, made now if there was none and there is room for it."""
    # Another transaction that opens the same one waits here, and finds it.
    yield "endpoints.endpoints_count", {"workspace_id": endpoint.workspace_id}
    bindings = {"workspace_id": endpoint.workspace_id, "listener": endpoint.listener}
    row = first((yield "endpoints.listener_named", bindings))
    if row is not None:
        return endpoint_from(row)
    return endpoint if (yield from _add(endpoint, key, limit)) else None


def _add(endpoint: Endpoint, key: SigningKey, limit: int) -> TransactionScript[bool]:
    bindings = {"workspace_id": endpoint.workspace_id}
    ((count,),) = yield "endpoints.endpoints_count", bindings
    assert isinstance(count, int)
    if count >= limit:
        return False
    yield "endpoints.add_endpoint", endpoint_row(endpoint)
    yield "endpoints.count_endpoint", {**bindings, "by": 1}
    yield from add_key(endpoint_owner(endpoint.endpoint_id), key)
    return True


add_endpoint = for_each(_add)
"""Keep a new endpoint and its first key, unless its workspace has as many as it may."""


def change_endpoints(
    items: Sequence[tuple[Endpoint, Endpoint, int]], *, id_factory: IdFactory
) -> TransactionScript[list[bool]]:
    """Write endpoints that are unchanged since; waiting deliveries are moved or discarded."""
    results = []
    for endpoint, before, now_ms in items:
        yield from lock_counters([endpoint.workspace_id])
        # An attempt may have disabled it since it was read: that must not be undone unseen.
        now = yield from _endpoint(endpoint.endpoint_id)
        results.append(now == before)
        if not results[-1]:
            continue
        yield "endpoints.change_endpoint", endpoint_row(endpoint)
        if endpoint.disabled_at_ms is not None and before.disabled_at_ms is None:
            yield from add_endpoint_operation(
                BulkOperationKind.DISCARD, endpoint, id_factory, now_ms=now_ms
            )
        elif endpoint.url != before.url:
            yield from add_endpoint_operation(
                BulkOperationKind.MOVE, endpoint, id_factory, now_ms=now_ms
            )
    return results


def delete_endpoints(
    items: Sequence[tuple[str, int]], *, id_factory: IdFactory
) -> TransactionScript[list[bool]]:
    """Delete endpoints and their keys, and have their waiting deliveries discarded."""
    results = []
    for endpoint_id, now_ms in items:
        endpoint = yield from _endpoint(endpoint_id)
        results.append(endpoint is not None)
        if endpoint is None:
            continue
        yield "endpoints.delete_endpoint", {"endpoint_id": endpoint_id}
        yield "endpoints.count_endpoint", {"workspace_id": endpoint.workspace_id, "by": -1}
        yield "secrets.forget_keys_of", {"owner": endpoint_owner(endpoint_id)}
        yield from add_endpoint_operation(
            BulkOperationKind.DISCARD, endpoint, id_factory, now_ms=now_ms
        )
    return results


def add_endpoint_events(
    items: Sequence[tuple[Endpoint, Event, str]],
) -> TransactionScript[list[None]]:
    """Write events that are for one endpoint alone, and their deliveries."""
    counters = yield from lock_counters({endpoint.workspace_id for endpoint, _, _ in items})
    owed = [
        (event, [delivery_for(endpoint, event, delivery_id=delivery_id)])
        for endpoint, event, delivery_id in items
    ]
    yield from write_outbox(owed, counters)
    return [None] * len(items)


def _endpoint(endpoint_id: str) -> TransactionScript[Endpoint | None]:
    row = first((yield "endpoints.hold_endpoint", {"endpoint_id": endpoint_id}))
    return None if row is None else endpoint_from(row)
