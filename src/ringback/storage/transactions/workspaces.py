"""The writes of workspaces and their keys, each a function of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from ringback.signing.rotation import SigningKey, workspace_owner
from ringback.storage.contract import Workspace
from ringback.storage.transactions.work import TransactionScript, for_each


def open_workspaces(items: Sequence[tuple[Workspace, SigningKey]]) -> TransactionScript[list[None]]:
    """Make the workspaces that there are not yet, each with its first key."""
    for workspace, key in items:
        bindings = {
            "workspace_id": workspace.workspace_id,
            "created_at_ms": workspace.created_at_ms,
        }
        if (yield "workspaces.open_workspace", bindings):
            yield from add_key(workspace_owner(workspace.workspace_id), key)
    return [None] * len(items)


@for_each
def add_key_of_kind(
    owner: str, key: SigningKey, retire_others_at_ms: int | None, others_max: int | None
) -> TransactionScript[bool]:
    """Keep a new key where there is room, and let the owner's others of its kind retire."""
    if others_max is not None and (yield from _signing_count(owner, key)) > others_max:
        return False
    yield from add_key(owner, key)
    if retire_others_at_ms is not None:
        bindings = {
            "owner": owner,
            "kind": key.kind,
            "at_ms": retire_others_at_ms,
            "besides": key.key_id,
        }
        yield "secrets.retire_keys", bindings
    return True


def _signing_count(owner: str, key: SigningKey) -> TransactionScript[int]:
    """Return how many of the owner's keys of that kind sign when the new one is made."""
    bindings = {"owner": owner, "kind": key.kind, "now_ms": key.created_at_ms}
    ((count,),) = yield "secrets.signing_count", bindings
    return int(count)


def add_key(owner: str, key: SigningKey) -> TransactionScript[None]:
    """Keep a key."""
    yield "secrets.add_key", {**asdict(key), "owner": owner}
