"""The store operations of ``ringback keys budget``; they work beside a running server."""

from __future__ import annotations

from typing import Any

from ringback.cli.local.tokens import on_store
from ringback.clock import SystemClock
from ringback.errors import NotFound
from ringback.jobs.budget import Budget, Period
from ringback.settings import Settings
from ringback.storage.contract import Store


@on_store
async def set_budget(
    store: Store, _settings: Settings, workspace: str, *, token_id: str, units: float, period: str
) -> None:
    """Set a budget, or raise ``NotFound`` where there is no such workspace or token."""
    if token_id:
        await _check_token(store, workspace, token_id)
    budget = Budget(
        workspace_id=workspace, token_id=token_id, compute_units=units, period=Period(period)
    )
    if not await store.put_budget(budget, now_ms=SystemClock().now_ms()):
        raise NotFound(
            f"There is no workspace {workspace}; "
            f"ringback keys create --workspace {workspace} makes it."
        )


@on_store
async def remove_budget(
    store: Store, _settings: Settings, workspace: str, *, token_id: str
) -> None:
    """Remove a budget, or raise ``NotFound`` when there is none."""
    if not await store.drop_budget(workspace, token_id):
        whose = f"token {token_id}" if token_id else "whole workspace"
        raise NotFound(f"There is no budget of the {whose} in {workspace}.")


@on_store
async def budgets_of(store: Store, _settings: Settings, workspace: str) -> list[dict[str, Any]]:
    """Return a workspace's budgets, and the amount spent of each."""
    now_ms = SystemClock().now_ms()
    return [
        {
            "workspace": workspace,
            "token_id": one.token_id or None,
            "period": one.period.value,
            "compute_units": one.compute_units,
            "spent": round(one.spent_at(now_ms), 3),
        }
        for one in await store.budgets_of(workspace)
    ]


async def _check_token(store: Store, workspace: str, token_id: str) -> None:
    known = {one.token_id: one.workspace_id for one in await store.list_tokens()}
    if known.get(token_id) != workspace:
        raise NotFound(f"{workspace} has no token {token_id}; ringback keys list shows the ids.")
