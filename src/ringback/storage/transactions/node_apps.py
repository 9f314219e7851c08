"""The writes of node apps, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from ringback.errors import TooManyApps
from ringback.node_apps.model import AppVersion
from ringback.storage.mapping.rows import app_from
from ringback.storage.transactions.work import TransactionScript, first, for_each
from ringback.storage.transactions.workspace_counters import lock_counters

Pushed = AppVersion | TooManyApps


@for_each
def push_app(pushed: AppVersion, versions_max: int) -> TransactionScript[Pushed]:
    """Keep the next version of an app, unless it is as the latest is."""
    yield from lock_counters([pushed.workspace_id])  # no other is pushed meanwhile
    bindings = {"workspace_id": pushed.workspace_id, "slug": pushed.slug}
    row = first((yield "apps.latest_app", bindings))
    latest = None if row is None else app_from(row)
    if latest is not None and latest.digest == pushed.digest:
        return latest
    ((count,),) = yield "apps.count_apps", {"workspace_id": pushed.workspace_id}
    if count >= versions_max:
        return TooManyApps(versions_max)
    if latest is not None:
        pushed = replace(
            pushed,
            app_id=latest.app_id,
            version=latest.version + 1,
            app_created_at_ms=latest.app_created_at_ms,
        )
    yield "apps.add_app", asdict(pushed)
    return pushed
