"""Log filter for clients that disconnect in the middle of a request or a response."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import ClientDisconnect

from ringback.log import get_logger

log = get_logger(__name__)

# uvloop's message for a write to a connection that the peer has reset.
_CLOSED = "the handler is closed"


def http_log() -> logging.Logger:
    """Return the logger of uvicorn's connections: errors only, without disconnections.

    Its warnings are about malformed requests, which ``BoundedProtocol`` logs as events.
    """
    logger = logging.getLogger("ringback.http")
    logger.setLevel(logging.ERROR)
    logger.addFilter(_is_server_error)  # adding the same one again changes nothing
    return logger


def _is_server_error(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError):
        return False  # the server stops, and logs the number of requests that it cut off
    if error is None or not _is_disconnection(error):
        return True
    log.debug("client_left")
    return False


def _is_disconnection(error: BaseException) -> bool:
    """Return whether an exception means only that the client has disconnected."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_disconnection(one) for one in error.exceptions)
    if isinstance(error, RuntimeError):
        return _CLOSED in str(error)
    return isinstance(error, ClientDisconnect)
