"""``GET /usage``: the workspace's spending by day, model and token, and its budgets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from starlette.requests import Request

from ringback.api.documents.usage import UsageDocument, usage_document
from ringback.api.operations import OperationTable, Parameter
from ringback.http.pagination import invalid_parameter
from ringback.http.responses import JsonResponse, ok
from ringback.service.usage import GROUPS, UsageService

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY = {"type": "string", "format": "date"}

OPERATIONS = OperationTable("Usage")


class UsageRoutes:
    """The route of usage."""

    def __init__(self, service: UsageService) -> None:
        self._service = service

    @OPERATIONS(
        "GET /usage",
        "Get usage and budgets",
        UsageDocument,
        answer="Sums, and the budgets as they stand.",
        description="This month so far, by day, unless the query says otherwise.",
        query=[
            Parameter(name="from", description="The first day, in UTC.", schema=_DAY),
            Parameter(name="to", description="The last day, at most 366 days on.", schema=_DAY),
            Parameter(
                name="group",
                description="The members that split the sums: some of `day`, `model`, `token`, "
                "with commas between.",
                schema={"type": "string", "default": "day"},
            ),
        ],
    )
    async def get_usage(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return the workspace's usage and budgets."""
        query = request.query_params
        statement = await self._service.statement(
            workspace_id,
            first=day_in(query, "from"),
            last=day_in(query, "to"),
            group=groups_in(query),
        )
        return ok(usage_document(statement))


def day_in(query: Mapping[str, str], name: str) -> date | None:
    """Return the day that a query parameter names, or raise ``InvalidRequest``."""
    text = query.get(name)
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise invalid_parameter(name, "must be a day like 2026-01-31")


def groups_in(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return the members that ``group`` names, ``day`` without it, or raise ``InvalidRequest``."""
    text = query.get("group")
    if text is None:
        return ("day",)
    named = {name.strip() for name in text.split(",")}
    if not named <= set(GROUPS):
        raise invalid_parameter(
            "group", f"must be some of {', '.join(GROUPS)}, with commas between"
        )
    return tuple(name for name in GROUPS if name in named)
