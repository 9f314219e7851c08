"""The writes of workspaces and their keys, each a function of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
from msgspec.structs import asdict

from ringback.storage.contract import Workspace
from ringback.storage.sqlite.statements import SECRETS, WORKSPACES
from ringback.webhooks.rotation import SigningKey, workspace_owner


def open_workspaces(
    tx: apsw.Connection, items: Sequence[tuple[Workspace, SigningKey]]
) -> list[None]:
    """Make the workspaces that there are not yet, each with its first key."""
    for workspace, key in items:
        asked = {
            "workspace_id": workspace.workspace_id,
            "created_at_ms": workspace.created_at_ms,
        }
        if tx.execute(WORKSPACES.open_workspace, asked).fetchall():
            add_key(tx, workspace_owner(workspace.workspace_id), key)
    return [None] * len(items)


def add_keys(
    tx: apsw.Connection, items: Sequence[tuple[str, SigningKey, int | None, int | None]]
) -> list[bool]:
    """Keep new keys where there is room, and let the others of their owners and kinds retire."""
    results = []
    for owner, key, retire_others_at_ms, others_max in items:
        results.append(others_max is None or _signing_count(tx, owner, key) <= others_max)
        if not results[-1]:
            continue
        add_key(tx, owner, key)
        if retire_others_at_ms is not None:
            asked = {
                "owner": owner,
                "kind": key.kind,
                "at_ms": retire_others_at_ms,
                "besides": key.key_id,
            }
            tx.execute(SECRETS.retire_keys, asked)
    return results


def _signing_count(tx: apsw.Connection, owner: str, key: SigningKey) -> int:
    """Return how many of the owner's keys of that kind sign when the new one is made."""
    asked = {"owner": owner, "kind": key.kind, "now_ms": key.created_at_ms}
    ((count,),) = tx.execute(SECRETS.signing_count, asked).fetchall()
    assert isinstance(count, int)
    return count


def add_key(tx: apsw.Connection, owner: str, key: SigningKey) -> None:
    """Keep a key."""
    tx.execute(SECRETS.add_key, {**asdict(key), "owner": owner})
