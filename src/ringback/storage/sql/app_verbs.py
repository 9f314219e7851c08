"""The writes of node apps, each a function of a transaction and all the items that wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict, replace

from ringback.apps.model import AppVersion
from ringback.errors import TooManyApps
from ringback.storage.sql.load import load_of
from ringback.storage.sql.rows import app_from
from ringback.storage.sql.work import Work, first

Pushed = AppVersion | TooManyApps


def push_apps(items: Sequence[tuple[AppVersion, int]]) -> Work[list[Pushed]]:
    """Keep the next versions of apps, unless they are as the latest is."""
    results = []
    for pushed, versions_max in items:
        results.append((yield from _push(pushed, versions_max)))
    return results


def _push(pushed: AppVersion, versions_max: int) -> Work[Pushed]:
    yield from load_of([pushed.workspace_id])  # nobody pushes another meanwhile
    asked = {"workspace_id": pushed.workspace_id, "slug": pushed.slug}
    row = first((yield "apps.latest_app", asked))
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
