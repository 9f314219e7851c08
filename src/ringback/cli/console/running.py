"""Runs a server for a command; with a JSON log, a fatal error becomes a log event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ringback.cli.console.exit_status import Status, ending_of
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.server.run import Address


def run_server(
    settings: Settings,
    *,
    on_ready: Callable[[Address], None],
    origins: Mapping[str, str] | None = None,
    beside: Callable[[], None] = lambda: None,
    shows_activity: bool = False,
) -> int:
    """Serve until a signal; return the exit status, or raise the error for the caller to print."""
    from ringback.log import get_logger
    from ringback.server.run import run

    log = get_logger(__name__)
    try:
        run(
            settings,
            on_ready=on_ready,
            origins=origins,
            beside=beside,
            shows_activity=shows_activity,
        )
    except Exception as exc:
        if settings.log_format != "json":
            raise
        ending = ending_of(exc)
        log.error("process_failed", reason=ending.sentence)  # noqa: TRY400 - foreseen: no stack
        return ending.status
    return Status.WELL
