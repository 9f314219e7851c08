"""The writes of workspaces and their keys, each a function of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from ringback.storage.contract import Workspace
from ringback.storage.sql.work import Work
from ringback.webhooks.rotation import SigningKey, workspace_owner


def open_workspaces(items: Sequence[tuple[Workspace, SigningKey]]) -> Work[list[None]]:
    """Make the workspaces that there are not yet, each with its first key."""
    for workspace, key in items:
        asked = {
            "workspace_id": workspace.workspace_id,
            "created_at_ms": workspace.created_at_ms,
        }
        if (yield "workspaces.open_workspace", asked):
            yield from add_key(workspace_owner(workspace.workspace_id), key)
    return [None] * len(items)


def add_keys(items: Sequence[tuple[str, SigningKey, int | None, int | None]]) -> Work[list[bool]]:
    """Keep new keys where there is room, and let the others of their owners and kinds retire."""
    results = []
    for owner, key, retire_others_at_ms, others_max in items:
        signing = yield from _signing_count(owner, key)
        results.append(others_max is None or signing <= others_max)
        if not results[-1]:
            continue
        yield from add_key(owner, key)
        if retire_others_at_ms is not None:
            asked = {
                "owner": owner,
                "kind": key.kind,
                "at_ms": retire_others_at_ms,
                "besides": key.key_id,
            }
            yield "secrets.retire_keys", asked
    return results


def _signing_count(owner: str, key: SigningKey) -> Work[int]:
    """Return how many of the owner's keys of that kind sign when the new one is made."""
    asked = {"owner": owner, "kind": key.kind, "now_ms": key.created_at_ms}
    ((count,),) = yield "secrets.signing_count", asked
    assert isinstance(count, int)
    return count


def add_key(owner: str, key: SigningKey) -> Work[None]:
    """Keep a key."""
    yield "secrets.add_key", {**asdict(key), "owner": owner}
