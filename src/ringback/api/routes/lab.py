"""``/lab``: the clock of the emulator's fault lab, and the reset of a workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request

from ringback.errors import InvalidRequest
from ringback.http.bodies import read_object
from ringback.http.headers import headers_of
from ringback.http.responses import JsonResponse, ok
from ringback.jobs.durations import about, parse_duration
from ringback.storage.contract import EmptiedWorkspace
from ringback.wire.document import iso_time

_BODY_BYTES_MAX = 4_096
_LIKE = '{"advance": "75h"}'
_LATEST_MS = 221_845_392_000_000  # 9000-01-01; no time may pass the year 9999


class Advanced(Protocol):
    """The outcome of a move of the clock."""

    @property
    def before_ms(self) -> int:
        """Return the time before."""

    @property
    def now_ms(self) -> int:
        """Return the time after."""

    @property
    def attempts_count(self) -> int:
        """Return the number of attempts that were made meanwhile."""


class Lab(Protocol):
    """The emulator's clock, which developers can move."""

    def now_ms(self) -> int:
        """Return the emulator's time."""

    def ahead_ms(self) -> int:
        """Return how far the emulator's time is ahead of the machine's."""

    async def advance(self, seconds: float) -> Advanced:
        """Move time from one due moment to the next; return when the work that fell due is done."""


ResetWorkspace = Callable[[str], Awaitable[EmptiedWorkspace]]
"""Empties the workspace of that id."""


class LabRoutes:
    """The routes that only the emulator has."""

    def __init__(self, lab: Lab, reset: ResetWorkspace) -> None:
        self._lab = lab
        self._reset = reset

    async def reset_workspace(self, request: Request, workspace_id: str) -> JsonResponse:
        """Empty the token's workspace; return how much was deleted."""
        emptied = await self._reset(workspace_id)
        return ok(
            {
                "jobs": emptied.jobs_count,
                "deliveries": emptied.deliveries_count,
                "events": emptied.events_count,
                "endpoints": emptied.endpoints_count,
                "assets": emptied.assets_count,
                "styles": emptied.styles_count,
                "apps": emptied.apps_count,
            }
        )

    async def get_clock(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return the emulator's time."""
        ahead = about(self._lab.ahead_ms())
        return ok({"now": iso_time(self._lab.now_ms()), "ahead": ahead})

    async def move_clock(self, request: Request, workspace_id: str) -> JsonResponse:
        """Advance the emulator's time; return the times and the number of attempts made."""
        body = await read_object(
            headers_of(request.scope), request.receive, _BODY_BYTES_MAX, like=_LIKE
        )
        advance_ms = _advance_ms(body)
        if self._lab.now_ms() + advance_ms > _LATEST_MS:
            raise InvalidRequest("The emulator's clock goes no further than the year 9000.")
        advanced = await self._lab.advance(advance_ms / 1000)
        return ok(
            {
                "before": iso_time(advanced.before_ms),
                "now": iso_time(advanced.now_ms),
                "attempts": advanced.attempts_count,
            }
        )


def _advance_ms(body: dict[str, object]) -> int:
    duration = body.get("advance")
    if len(body) != 1 or not isinstance(duration, str):
        raise InvalidRequest(f"The body must be one duration, like {_LIKE}.")
    return parse_duration(duration)
