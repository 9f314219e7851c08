"""``POST /deliveries/redeliver`` and ``/webhooks/chores``: many deliveries at once, by and by."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from ringback.api.answers import Answer, encode, ok
from ringback.api.bodies import read_object
from ringback.api.deliveries import delivery_filter
from ringback.api.headers import headers_of
from ringback.errors import ChoreNotFound, FieldError, InvalidRequest
from ringback.service.chores import RATE_MAX, ChoreDesk
from ringback.webhooks.desk import Chore, DeliveryFilter
from ringback.wire.document import iso_time

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_BODY_BYTES_MAX = 8_192
RATE = 200  # deliveries a second, unless another is asked for
_LIKE = '{"status": "exhausted", "since": "2026-01-31T10:00:00Z"}'
_FILTERS = (
    "job_id",
    "endpoint_id",
    "destination",
    "status",
    "reason",
    "event",
    "since",
    "before",
)


class ChoreRoutes:
    """The routes of chores."""

    def __init__(self, desk: ChoreDesk) -> None:
        self._desk = desk

    async def redeliver(self, request: Request, workspace_id: str) -> Answer:
        """Ask for every delivery again that the body's filter finds; 202 with the chore."""
        headers = headers_of(request.scope)
        body = await read_object(headers, request.receive, _BODY_BYTES_MAX, like=_LIKE)
        rate = _rate(body)
        query = _filters(body)
        wanted = _wanted(query, workspace_id)
        chore = await self._desk.redeliver(wanted, workspace_id=workspace_id, rate=rate)
        location = f"/webhooks/chores/{chore.chore_id}".encode()
        return Answer(202, encode(chore_document(chore)), [(b"location", location)])

    async def list_chores(self, request: Request, workspace_id: str) -> Answer:
        """Answer with the workspace's latest chores, newest first."""
        chores = await self._desk.list_chores(workspace_id)
        return ok({"items": [chore_document(chore) for chore in chores]})

    async def get_chore(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a chore and how far it is."""
        chore = await self._desk.get(_chore_id(request), workspace_id=workspace_id)
        return ok(chore_document(chore))

    async def cancel_chore(self, request: Request, workspace_id: str) -> Answer:
        """End a chore where it stands."""
        chore = await self._desk.cancel(_chore_id(request), workspace_id=workspace_id)
        return ok(chore_document(chore))


def chore_document(chore: Chore) -> dict[str, Any]:
    """Return a chore as the API shows it; ``progress`` is how much of the log was looked at."""
    length = chore.last_seq - chore.first_seq
    progress = 1.0 if length <= 0 else (chore.cursor - chore.first_seq) / length
    if chore.ended_at_ms is None:
        status = "running"
    else:
        status = "cancelled" if chore.cancelled else "ended"
        progress = progress if chore.cancelled else 1.0
    return {
        "id": chore.chore_id,
        "kind": chore.kind.value,
        "status": status,
        "progress": round(progress, 4),
        "done": chore.done_count,
        "rate": chore.rate,
        "created_at": iso_time(chore.created_at_ms),
        "ended_at": None if chore.ended_at_ms is None else iso_time(chore.ended_at_ms),
    }


def _rate(body: dict[str, Any]) -> int:
    rate = body.pop("rate", RATE)
    if isinstance(rate, bool) or not isinstance(rate, int) or not 1 <= rate <= RATE_MAX:
        sentence = f"rate must be a whole number of deliveries a second, 1 to {RATE_MAX}."
        raise InvalidRequest(sentence, [FieldError("/rate", sentence)])
    return rate


def _filters(body: dict[str, Any]) -> dict[str, str]:
    """Return the body's filters, or raise ``InvalidRequest``: everything at once is a slip."""
    for name, value in body.items():
        if name not in _FILTERS:
            sentence = f"There is no filter {name!r}; use {', '.join(_FILTERS)} or rate."
            raise InvalidRequest(sentence, [FieldError(f"/{name}", sentence)])
        if not isinstance(value, str):
            sentence = f"{name} must be a text."
            raise InvalidRequest(sentence, [FieldError(f"/{name}", sentence)])
    if not body:
        sentence = 'Say which deliveries, like {"since": "2026-01-31T10:00:00Z"}.'
        raise InvalidRequest(sentence, [FieldError("/", sentence)])
    return body


def _wanted(filters: dict[str, str], workspace_id: str) -> DeliveryFilter:
    try:
        return delivery_filter({"status": "exhausted", **filters}, workspace_id=workspace_id)
    except InvalidRequest as exc:
        # The log's filters are in its query; these were in a body.
        exc.details = tuple(
            FieldError(f"/{one.path.removeprefix('query:')}", one.message) for one in exc.details
        )
        raise


def _chore_id(request: Request) -> str:
    chore_id: str = request.path_params["chore_id"].lower()
    if not _ID.fullmatch(chore_id):
        raise ChoreNotFound
    return chore_id
