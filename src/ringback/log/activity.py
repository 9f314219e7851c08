"""Renders a server's activity as short lines for a person: jobs, and attempts of webhooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.typing import EventDict

ACTIVITY = frozenset({"job_submitted", "job_ended", "delivery_attempted"})
"""The events that are shown at every level."""
_DETAIL_CHARACTERS_MAX = 80

Renderer = Callable[[Any, str, EventDict], str]


def only_from(level: int, levels: dict[str, int]) -> Callable[[Any, str, EventDict], EventDict]:
    """Return a processor that drops events below a level, except those of the activity."""

    def drop(_logger: Any, method: str, event: EventDict) -> EventDict:
        if event["event"] not in ACTIVITY and levels.get(method, level) < level:
            raise structlog.DropEvent
        return event

    return drop


def activity_first(render: Renderer) -> Renderer:
    """Return a renderer that has short lines for the activity, and ``render`` for the rest."""

    def rendered(logger: Any, method: str, event: EventDict) -> str:
        if event["event"] not in ACTIVITY:
            return render(logger, method, event)
        at = datetime.fromisoformat(event["timestamp"])
        return f"{_time_of(at)}  {_LINES[event['event']](event)}"

    return rendered


def _submitted(event: EventDict) -> str:
    return f"{event['status']:13}  {event['job_id']}  {event['model']}"


def _ended(event: EventDict) -> str:
    outcome = event.get("error") or f"in {event['duration_ms']} ms"
    return f"{event['status']:13}  {event['job_id']}  {_short(outcome)}"


def _attempted(event: EventDict) -> str:
    again = "" if event["attempt"] == 1 else f"  attempt {event['attempt']}"
    answer = event["status_code"] or event["reason"]
    if event["status_code"] is None and event.get("detail"):
        answer = f"{answer} ({_short(event['detail'])})"
    text = f"{event['webhook_event']:13}  {event['delivery_id']}{again}  {answer}"
    text += f" in {event['duration_ms']} ms"
    if (next_ms := event.get("next_attempt_at_ms")) is not None:
        text += f"; again at {_time_of(datetime.fromtimestamp(next_ms / 1000, UTC))}"
    elif event["delivery_status"] != "delivered":
        text += f"; {event['delivery_status']}"
    return f"{text}  {event['destination']}"


def _short(text: str) -> str:
    most = _DETAIL_CHARACTERS_MAX
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _time_of(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")


_LINES: dict[str, Callable[[EventDict], str]] = {
    "job_submitted": _submitted,
    "job_ended": _ended,
    "delivery_attempted": _attempted,
}
