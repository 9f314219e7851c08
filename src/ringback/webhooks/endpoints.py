"""Endpoints: the webhook URLs that a workspace keeps, and the events that each selects."""

from __future__ import annotations

from msgspec import Struct

from ringback.webhooks.events import TERMINAL_EVENTS, EventType

_LISTENER = "listener:"


def listener_url(name: str) -> str:
    """Return the stand-in for a listener's URL and for its destination."""
    return _LISTENER + name


def is_listener(url: str) -> bool:
    """Say whether a URL or a destination is a listener's: nothing is ever posted there."""
    return url.startswith(_LISTENER)


class Endpoint(Struct, frozen=True, kw_only=True):
    """A webhook URL of a workspace, beside those that come with single jobs.

    A listener has none: its deliveries wait until a program comes and takes them away.
    """

    endpoint_id: str
    workspace_id: str
    url: str
    destination: str  # the URL's origin
    created_at_ms: int
    description: str = ""
    events: tuple[str, ...] = TERMINAL_EVENTS
    models: tuple[str, ...] = ()  # empty: of every model
    headers: str | None = None  # JSON object of custom headers, sealed
    header_names: tuple[str, ...] = ()
    schedule_s: tuple[float, ...] | None = None  # None: the server's
    disabled_at_ms: int | None = None
    disabled_reason: str | None = None  # "asked", "gone" (410), "failing" or "unheard"
    failing_since_ms: int | None = None  # the first failure since its last success
    warned_percent: int = 0  # the last percentage of which the operator had a notice
    missed_since_ms: int | None = None  # enabled again, and not recovered since
    listener: str | None = None  # its name, if it is one; None: deliveries are posted to the URL
    heard_at_ms: int | None = None  # when its program was last known to be connected

    def wants(self, event_type: EventType, model: str) -> bool:
        """Say whether the endpoint gets such an event of a job of that model."""
        return (
            self.disabled_at_ms is None
            and event_type in self.events
            and (not self.models or model in self.models)
        )


class FailingSettings(Struct, frozen=True, kw_only=True):
    """How long an endpoint may fail before it is disabled, and when the operator gets a notice."""

    disable_after_s: float = 5 * 86_400.0
    warn_percents: tuple[int, ...] = (50, 70, 90)


def percent_to_warn(endpoint: Endpoint, *, now_ms: int, settings: FailingSettings) -> int | None:
    """Return the newly reached percentage of the time to being disabled (100: it is), or None."""
    if endpoint.failing_since_ms is None:
        return None
    percent = 100 * (now_ms - endpoint.failing_since_ms) / (1000 * settings.disable_after_s)
    passed = [p for p in (*settings.warn_percents, 100) if endpoint.warned_percent < p <= percent]
    return max(passed) if passed else None
