"""The writes of endpoints, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from ringback.storage.sqlite.health import add_chore
from ringback.storage.sqlite.load import Load
from ringback.storage.sqlite.owing import Mint, write_owed
from ringback.storage.sqlite.rows import endpoint_from, endpoint_row
from ringback.storage.sqlite.statements import ENDPOINTS, SECRETS
from ringback.storage.sqlite.workspace_verbs import add_key
from ringback.webhooks.desk import ChoreKind
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.fanout import delivery_for
from ringback.webhooks.rotation import SigningKey, endpoint_owner


def add_endpoints(
    tx: apsw.Connection, items: Sequence[tuple[Endpoint, SigningKey, int]]
) -> list[bool]:
    """Keep new endpoints, each workspace up to its limit."""
    return [_add(tx, endpoint, key, limit) for endpoint, key, limit in items]


def open_listeners(
    tx: apsw.Connection, items: Sequence[tuple[Endpoint, SigningKey, int]]
) -> list[Endpoint | None]:
    """Return listeners by their names; those that there are not yet are made."""
    results: list[Endpoint | None] = []
    for endpoint, key, limit in items:
        asked = {"workspace_id": endpoint.workspace_id, "listener": endpoint.listener}
        row = tx.execute(ENDPOINTS.listener_named, asked).fetchone()
        if row is not None:
            results.append(endpoint_from(row))
        else:
            results.append(endpoint if _add(tx, endpoint, key, limit) else None)
    return results


def _add(tx: apsw.Connection, endpoint: Endpoint, key: SigningKey, limit: int) -> bool:
    asked = {"workspace_id": endpoint.workspace_id}
    ((count,),) = tx.execute(ENDPOINTS.endpoints_count, asked).fetchall()
    assert isinstance(count, int)
    if count >= limit:
        return False
    tx.execute(ENDPOINTS.add_endpoint, endpoint_row(endpoint))
    tx.execute(ENDPOINTS.count_endpoint, {**asked, "by": 1})
    add_key(tx, endpoint_owner(endpoint.endpoint_id), key)
    return True


def change_endpoints(
    tx: apsw.Connection, items: Sequence[tuple[Endpoint, Endpoint, int]], *, mint: Mint
) -> list[bool]:
    """Write endpoints that are still as they were, and let what waits for them follow."""
    results = []
    for endpoint, before, now_ms in items:
        # An attempt may have disabled it since it was read: that must not be undone unseen.
        results.append(_endpoint(tx, endpoint.endpoint_id) == before)
        if not results[-1]:
            continue
        tx.execute(ENDPOINTS.change_endpoint, endpoint_row(endpoint))
        if endpoint.disabled_at_ms is not None and before.disabled_at_ms is None:
            add_chore(tx, ChoreKind.DISCARD, endpoint, mint, now_ms=now_ms)
        elif endpoint.url != before.url:
            add_chore(tx, ChoreKind.MOVE, endpoint, mint, now_ms=now_ms)
    return results


def delete_endpoints(
    tx: apsw.Connection, items: Sequence[tuple[str, int]], *, mint: Mint
) -> list[bool]:
    """Forget endpoints and their keys, and have what waits for them discarded."""
    results = []
    for endpoint_id, now_ms in items:
        endpoint = _endpoint(tx, endpoint_id)
        results.append(endpoint is not None)
        if endpoint is None:
            continue
        tx.execute(ENDPOINTS.delete_endpoint, {"endpoint_id": endpoint_id})
        tx.execute(ENDPOINTS.count_endpoint, {"workspace_id": endpoint.workspace_id, "by": -1})
        tx.execute(SECRETS.forget_keys_of, {"owner": endpoint_owner(endpoint_id)})
        add_chore(tx, ChoreKind.DISCARD, endpoint, mint, now_ms=now_ms)
    return results


def owe(tx: apsw.Connection, items: Sequence[tuple[Endpoint, Event, str]]) -> list[None]:
    """Write events that are for one endpoint alone, and their deliveries."""
    load = Load(tx, {endpoint.workspace_id for endpoint, _, _ in items})
    owed = [
        (event, [delivery_for(endpoint, event, delivery_id=delivery_id)])
        for endpoint, event, delivery_id in items
    ]
    write_owed(tx, owed, load)
    load.write()
    return [None] * len(items)


def _endpoint(tx: apsw.Connection, endpoint_id: str) -> Endpoint | None:
    row = tx.execute(ENDPOINTS.get_endpoint, {"endpoint_id": endpoint_id}).fetchone()
    return None if row is None else endpoint_from(row)
