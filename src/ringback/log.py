"""Log lines for programs and people: one event name each, ids bound, no bodies and no secrets."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines name the module."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(module=name))


def configure(
    *, level: str, as_json: bool, file: TextIO | None = None, for_good: bool = True
) -> None:
    """Send log lines to standard error, or a file: JSON for programs, text for people.

    ``for_good`` saves each logger from looking up where its lines go with every one.
    """
    file = file or sys.stderr
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=file.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(file))),
        cache_logger_on_first_use=for_good,
    )


class _Unfailing:
    """A file for log lines; one that finds no room (a full disk, a closed pipe) stops nobody."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()
