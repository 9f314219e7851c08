"""The emulator's fault lab over HTTP: its clock, and the faults that submissions ask for."""

from __future__ import annotations

from itertools import count
from typing import Protocol

from starlette.requests import Request

from ringback.api.answers import Answer, RawHeader, encode, ok
from ringback.api.bodies import read_object
from ringback.api.headers import RequestHeaders, headers_of
from ringback.errors import FieldError, InvalidFaults, InvalidRequest
from ringback.lab.durations import about, parse_duration
from ringback.lab.faults import Faults, parse_faults
from ringback.lab.script import Script
from ringback.lab.stepping import Advanced
from ringback.wire.document import iso_time

_HEADER = "X-Ringback-Lab"
_BODY_BYTES_MAX = 4_096
_LIKE = '{"advance": "75h"}'
_RETRY_AFTER_S = 5
_LATEST_MS = 221_845_392_000_000  # 9000-01-01: later ones have years that cannot be written

_REFUSALS: dict[int, tuple[str, str]] = {
    402: ("insufficient_credits", "The lab says that this workspace's budget is spent."),
    410: ("gone", "The lab says that this model is gone."),
    429: ("too_many_requests", "The lab says that there were too many requests; try again later."),
}


class Lab(Protocol):
    """What the emulator lets developers do to its time."""

    def now_ms(self) -> int:
        """Return the emulator's time."""

    def ahead_ms(self) -> int:
        """Return how far that is ahead of the machine's."""

    async def advance(self, seconds: float) -> Advanced:
        """Move time on from one due moment to the next; return when all that fell due is done."""


class LabRoutes:
    """The routes that only the emulator has."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def get_clock(self, request: Request, workspace_id: str) -> Answer:
        """Answer with the emulator's time."""
        ahead = about(self._lab.ahead_ms())
        return ok({"now": iso_time(self._lab.now_ms()), "ahead": ahead})

    async def move_clock(self, request: Request, workspace_id: str) -> Answer:
        """Move the emulator's time on, and answer with what came of it."""
        body = await read_object(
            headers_of(request.scope), request.receive, _BODY_BYTES_MAX, like=_LIKE
        )
        asked_ms = _asked_ms(body)
        if self._lab.now_ms() + asked_ms > _LATEST_MS:
            raise InvalidRequest("The emulator's clock goes no further than the year 9000.")
        advanced = await self._lab.advance(asked_ms / 1000)
        return ok(
            {
                "before": iso_time(advanced.before_ms),
                "now": iso_time(advanced.now_ms),
                "attempts": advanced.attempts_count,
            }
        )


class AskedFaults:
    """Says which faults a submission gets: those of its header, or else those of the script."""

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or Script()
        self._job_numbers = count(1)

    def use(self, script: Script) -> None:
        """Have the jobs from now on follow another script, which counts them from 1."""
        self._script = script
        self._job_numbers = count(1)

    def of(self, headers: RequestHeaders, *, model: str) -> Faults:
        """Return the next job's faults; raises ``InvalidFaults`` naming the header."""
        # Every job has its number, so that a header on one does not shift the script's others.
        job_number = next(self._job_numbers)
        value = headers.get(_HEADER.lower().encode())
        if value is None:
            return self._script.faults_for(job_number=job_number, model=model)
        try:
            return parse_faults(value.decode("latin-1"))
        except InvalidFaults as exc:
            exc.details = (FieldError(f"header:{_HEADER}", str(exc)),)
            raise


def refusal(status: int) -> Answer:
    """Return the answer to a submission that the faults refuse with 402, 410 or 429."""
    code, sentence = _REFUSALS[status]
    headers: list[RawHeader] = []
    if status == 429:
        headers.append((b"retry-after", b"%d" % _RETRY_AFTER_S))
    return Answer(status, encode({"error": sentence, "message": sentence, "code": code}), headers)


def _asked_ms(body: dict[str, object]) -> int:
    duration = body.get("advance")
    if len(body) != 1 or not isinstance(duration, str):
        raise InvalidRequest(f"The body must be one duration, like {_LIKE}.")
    return parse_duration(duration)
