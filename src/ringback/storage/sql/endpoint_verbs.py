"""The writes of endpoints, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.storage.sql.health import add_chore
from ringback.storage.sql.load import load_of
from ringback.storage.sql.owing import Mint, write_owed
from ringback.storage.sql.rows import endpoint_from, endpoint_row
from ringback.storage.sql.work import Work, first
from ringback.storage.sql.workspace_verbs import add_key
from ringback.webhooks.desk import ChoreKind
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.fanout import delivery_for
from ringback.webhooks.rotation import SigningKey, endpoint_owner


def add_endpoints(items: Sequence[tuple[Endpoint, SigningKey, int]]) -> Work[list[bool]]:
    """Keep new endpoints, each workspace up to its limit."""
    results = []
    for endpoint, key, limit in items:
        results.append((yield from _add(endpoint, key, limit)))
    return results


def open_listeners(
    items: Sequence[tuple[Endpoint, SigningKey, int]],
) -> Work[list[Endpoint | None]]:
    """Return listeners by their names; those that there are not yet are made."""
    results: list[Endpoint | None] = []
    for endpoint, key, limit in items:
        # Whoever opens the same one now waits here, and finds it.
        yield "endpoints.endpoints_count", {"workspace_id": endpoint.workspace_id}
        asked = {"workspace_id": endpoint.workspace_id, "listener": endpoint.listener}
        row = first((yield "endpoints.listener_named", asked))
        if row is not None:
            results.append(endpoint_from(row))
        else:
            added = yield from _add(endpoint, key, limit)
            results.append(endpoint if added else None)
    return results


def _add(endpoint: Endpoint, key: SigningKey, limit: int) -> Work[bool]:
    asked = {"workspace_id": endpoint.workspace_id}
    ((count,),) = yield "endpoints.endpoints_count", asked
    assert isinstance(count, int)
    if count >= limit:
        return False
    yield "endpoints.add_endpoint", endpoint_row(endpoint)
    yield "endpoints.count_endpoint", {**asked, "by": 1}
    yield from add_key(endpoint_owner(endpoint.endpoint_id), key)
    return True


def change_endpoints(
    items: Sequence[tuple[Endpoint, Endpoint, int]], *, mint: Mint
) -> Work[list[bool]]:
    """Write endpoints that are still as they were, and let what waits for them follow."""
    results = []
    for endpoint, before, now_ms in items:
        yield from load_of([endpoint.workspace_id])
        # An attempt may have disabled it since it was read: that must not be undone unseen.
        now = yield from _endpoint(endpoint.endpoint_id)
        results.append(now == before)
        if not results[-1]:
            continue
        yield "endpoints.change_endpoint", endpoint_row(endpoint)
        if endpoint.disabled_at_ms is not None and before.disabled_at_ms is None:
            yield from add_chore(ChoreKind.DISCARD, endpoint, mint, now_ms=now_ms)
        elif endpoint.url != before.url:
            yield from add_chore(ChoreKind.MOVE, endpoint, mint, now_ms=now_ms)
    return results


def delete_endpoints(items: Sequence[tuple[str, int]], *, mint: Mint) -> Work[list[bool]]:
    """Forget endpoints and their keys, and have what waits for them discarded."""
    results = []
    for endpoint_id, now_ms in items:
        endpoint = yield from _endpoint(endpoint_id)
        results.append(endpoint is not None)
        if endpoint is None:
            continue
        yield "endpoints.delete_endpoint", {"endpoint_id": endpoint_id}
        yield "endpoints.count_endpoint", {"workspace_id": endpoint.workspace_id, "by": -1}
        yield "secrets.forget_keys_of", {"owner": endpoint_owner(endpoint_id)}
        yield from add_chore(ChoreKind.DISCARD, endpoint, mint, now_ms=now_ms)
    return results


def owe(items: Sequence[tuple[Endpoint, Event, str]]) -> Work[list[None]]:
    """Write events that are for one endpoint alone, and their deliveries."""
    load = yield from load_of({endpoint.workspace_id for endpoint, _, _ in items})
    owed = [
        (event, [delivery_for(endpoint, event, delivery_id=delivery_id)])
        for endpoint, event, delivery_id in items
    ]
    yield from write_owed(owed, load)
    return [None] * len(items)


def _endpoint(endpoint_id: str) -> Work[Endpoint | None]:
    row = first((yield "endpoints.hold_endpoint", {"endpoint_id": endpoint_id}))
    return None if row is None else endpoint_from(row)
