"""``GET /usage``: what the workspace has spent, by day, model and token, and its budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request

from ringback.api.answers import Answer, ok
from ringback.api.queries import invalid
from ringback.jobs.budget import Budget, Usage
from ringback.service.usage import GROUPS, Statement, UsageDesk, date_of

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS = 3  # of compute units; sums of floats have noise behind


class UsageRoutes:
    """The route of usage."""

    def __init__(self, desk: UsageDesk) -> None:
        self._desk = desk

    async def get_usage(self, request: Request, workspace_id: str) -> Answer:
        """Answer with what was spent and what may be."""
        query = request.query_params
        statement = await self._desk.statement(
            workspace_id,
            first=_day(query, "from"),
            last=_day(query, "to"),
            group=_group(query),
        )
        return ok(usage_document(statement))


def usage_document(statement: Statement) -> dict[str, Any]:
    """Return usage as the API shows it."""
    return {
        "from": statement.first.isoformat(),
        "to": statement.last.isoformat(),
        "group": list(statement.group),
        "items": [_item(one, statement.group) for one in statement.items],
        "total": {
            "jobs": statement.jobs_count,
            "compute_units": round(statement.compute_units, _DIGITS),
        },
        "budgets": [_budget(one, statement.now_ms) for one in statement.budgets],
    }


def _item(usage: Usage, group: tuple[str, ...]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if "day" in group and usage.day is not None:
        item["day"] = date_of(usage.day).isoformat()
    if "model" in group:
        item["model"] = usage.model
    if "token" in group:
        item["token_id"] = usage.token_id or None
    return {
        **item,
        "jobs": usage.jobs_count,
        "compute_units": round(usage.compute_units, _DIGITS),
    }


def _budget(budget: Budget, now_ms: int) -> dict[str, Any]:
    spent = budget.spent_at(now_ms)
    return {
        "token_id": budget.token_id or None,
        "period": budget.period.value,
        "compute_units": budget.compute_units,
        "spent": round(spent, _DIGITS),
        "left": round(max(0.0, budget.compute_units - spent), _DIGITS),
    }


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise invalid(name, "must be a day like 2026-01-31")


def _group(query: Mapping[str, str]) -> tuple[str, ...]:
    text = query.get("group")
    if text is None:
        return ("day",)
    named = {name.strip() for name in text.split(",")}
    if not named <= set(GROUPS):
        raise invalid("group", f"must be some of {', '.join(GROUPS)}, with commas between")
    return tuple(name for name in GROUPS if name in named)
