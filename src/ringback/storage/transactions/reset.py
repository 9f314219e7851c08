"""The transaction that empties a workspace."""

from __future__ import annotations

from typing import Any

import msgspec

from ringback.storage.contract import EmptiedWorkspace
from ringback.storage.mapping.rows import files_of
from ringback.storage.transactions.work import Rows, TransactionScript, for_each
from ringback.storage.transactions.workspace_counters import lock_counters

_decode_names = msgspec.json.Decoder(list[str]).decode


@for_each
def empty_workspace(workspace_id: str) -> TransactionScript[EmptiedWorkspace]:
    """Delete all rows of a workspace but itself, its tokens, its keys and its budgets."""
    # No job ends, no job is accepted and no event is written meanwhile.
    yield from lock_counters([workspace_id])
    key = {"workspace_id": workspace_id}
    yield "reset.delete_prompts", key
    jobs = yield "reset.delete_jobs", key
    yield "retention.rewind_prompts", {}
    yield "reset.delete_keys", key
    events = yield "reset.delete_events", key
    deliveries_count = yield from _delete_deliveries(key)
    yield "reset.delete_endpoint_keys", key
    endpoints = yield "reset.delete_endpoints", key
    assets = yield "reset.delete_assets", key
    yield "reset.delete_likes", key
    styles = yield "reset.delete_styles", key
    apps = yield "reset.delete_apps", key
    yield "reset.delete_usage", key
    yield "reset.unspend_budgets", key
    yield "reset.clear_counters", key
    return EmptiedWorkspace(
        jobs_count=len(jobs),
        deliveries_count=deliveries_count,
        events_count=len(events),
        endpoints_count=len(endpoints),
        assets_count=len(assets),
        styles_count=len(styles),
        apps_count=len({app_id for (app_id,) in apps}),
        pending_job_ids=tuple(job_id for job_id, is_pending, *_ in jobs if is_pending),
        files=_files(jobs, assets, styles),
    )


def _delete_deliveries(key: dict[str, Any]) -> TransactionScript[int]:
    """Delete the deliveries, then their attempts: one that is being recorded is waited for."""
    deliveries = yield "reset.delete_deliveries", key
    ids = [delivery_id for (delivery_id,) in deliveries]
    yield "reset.delete_attempts", {"delivery_ids": ids}
    yield "retention.rewind_answers", {}
    yield "reset.delete_bulk_operations", key
    yield "reset.rewind_bulk_operations", {}
    yield "reset.delete_destinations", key
    return len(deliveries)


def _files(jobs: Rows, assets: Rows, styles: Rows) -> tuple[str, ...]:
    names = [name for _, _, *columns in jobs for name in files_of(*columns)]
    names += [artifact for (artifact,) in assets]
    for artifact, previews in styles:
        names += [artifact, *_decode_names(previews)]
    return tuple(dict.fromkeys(names))
