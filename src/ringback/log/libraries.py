"""Turns the log records of libraries, Python warnings and unhandled exceptions into our events.

Libraries log from WARNING on, independently of our own level: below it they log headers and
bodies.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from ringback.log import get_logger

log = get_logger(__name__)

_WARNINGS = "py.warnings"
# Their warnings are about malformed input and closed connections, which are not our faults.
_LEVELS = {"asyncio": logging.ERROR, "python_multipart": logging.ERROR}


def log_libraries() -> None:
    """Log the records of libraries, warnings and unhandled exceptions as events from now on.

    It replaces the handlers of the root logger, so it is for processes that run our code alone.
    """
    root = logging.getLogger()
    root.handlers[:] = [_Events()]
    root.setLevel(logging.WARNING)
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _process_broke
    threading.excepthook = _thread_broke
    sys.unraisablehook = _exception_ignored


class _Events(logging.Handler):
    """A logging handler that logs each record as an event."""

    def emit(self, record: logging.LogRecord) -> None:
        message = _message_of(record)
        if record.name == _WARNINGS:
            log.warning("python_warned", message=message)
            return
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library_logged", logger=record.name, message=message, exc_info=record.exc_info)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage().strip()
    except Exception:  # noqa: BLE001 - formatting a library's arguments may raise anything
        return str(record.msg)


def _process_broke(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        log.error("process_broke", exc_info=(kind, error, traceback))


def _thread_broke(broke: threading.ExceptHookArgs) -> None:
    if broke.exc_type is SystemExit or broke.exc_value is None:
        return
    name = None if broke.thread is None else broke.thread.name
    log.error("thread_broke", thread=name, exc_info=broke.exc_value)


def _exception_ignored(ignored: sys.UnraisableHookArgs) -> None:
    where = ignored.err_msg or "Exception ignored in"
    log.error("exception_ignored", where=f"{where} {ignored.object!r}", exc_info=ignored.exc_value)
