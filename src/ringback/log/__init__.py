"""Log lines for programs and people: one event name each, ids bound, no bodies and no secrets."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import structlog

from ringback.errors import StorageError, StorageUnavailable
from ringback.log.activity import activity_first, only_from
from ringback.log.lines import LineLogger, LineWriter
from ringback.log.rendering import escape_text, shorten_long_texts, to_json

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that adds the module's name to its lines."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(module=name))


def configure(
    *,
    level: str,
    as_json: bool,
    file: TextIO | None = None,
    for_good: bool = True,
    shows_activity: bool = False,
) -> None:
    """Send log lines to standard error, or a file: JSON for programs, text for people.

    ``shows_activity`` has a text log show a short line for each job and each attempt of a webhook,
    at every level. ``for_good`` caches each logger's configuration, which is then fixed.
    """
    # sys.stderr is None in a process that was started with it closed.
    file = file or cast("TextIO | None", sys.stderr)
    lines = LineWriter(file, on_left_out=_log_left_out)
    shows_activity = shows_activity and not as_json
    least = _LEVELS[level]
    structlog.configure(
        processors=[
            *([only_from(least, _LEVELS)] if shows_activity else []),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shorten_long_texts,
            *([to_json] if as_json else _text(is_terminal(file), shows_activity)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if shows_activity else least
        ),
        logger_factory=lambda *_: LineLogger(lines),
        cache_logger_on_first_use=for_good,
    )


def _log_left_out(count: int) -> None:
    log = get_logger(__name__)
    log.warning("log_lines_left_out", count=count)


def log_waiting(
    log: structlog.typing.FilteringBoundLogger, exc: StorageError, **bound: object
) -> None:
    """Log that an operation waits for room on the disk.

    An unavailable database is not logged here: the store logs when an outage begins and ends.
    """
    if not isinstance(exc, StorageUnavailable):
        log.warning("storage_full", **bound)


def is_terminal(file: TextIO | None) -> bool:
    """Say whether the file is a terminal, which a person reads."""
    return file is not None and file.isatty()


def _text(is_terminal: bool, shows_activity: bool) -> list[Any]:
    render = structlog.dev.ConsoleRenderer(
        colors=is_terminal, exception_formatter=structlog.dev.plain_traceback
    )
    return [
        escape_text(keeps_tracebacks=is_terminal),
        activity_first(render) if shows_activity else render,
    ]
