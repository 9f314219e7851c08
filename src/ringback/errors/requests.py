"""Requests that are wrong in themselves: their content, their sender or their form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ringback.errors.base import CallerError, FieldError

_SIMULATED = {
    402: ("insufficient_credits", "The lab says that this workspace's budget is spent."),
    410: ("gone", "The lab says that this model is gone."),
    429: ("too_many_requests", "The lab says that there were too many requests; try again later."),
}


class InvalidRequest(CallerError):
    """A request whose body, header or query is wrong; ``details`` names each wrong field."""

    code = "invalid_request"

    def __init__(self, message: str, details: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class InvalidFaults(InvalidRequest):
    """Faults, a fault script or a duration that the lab does not understand."""

    code = "invalid_faults"


class SimulatedRefusal(CallerError):
    """The emulator's faults refuse a submission with 402, 410 or 429."""

    def __init__(self, status: Literal[402, 410, 429]) -> None:
        self.code, sentence = _SIMULATED[status]
        super().__init__(sentence)
        self.status = status
        self.retry_after_s = 5 if status == 429 else None


class InvalidMedia(InvalidRequest):
    """A file of an unsupported type, or broken, or too large to decode."""

    code = "invalid_media"


class InvalidTarget(InvalidRequest):
    """A URL in the request that may not be called; the message gives no details."""

    code = "blocked_target"


class NotAuthenticated(CallerError):
    """The request has no token, or an unknown one."""

    code = "not_authenticated"


class HostRefused(CallerError):
    """The Host header names a host that this server does not serve."""

    code = "host_refused"


class OriginRefused(CallerError):
    """A browser sent the request from another site's page."""

    code = "origin_refused"


class FormRefused(CallerError):
    """A form of the page that another site sent, or that belongs to no session."""

    code = "form_refused"


class MethodNotAllowed(CallerError):
    """The route exists, but not with that method; ``allow`` are the ones it has."""

    code = "method_not_allowed"

    def __init__(self, method: str, allow: Sequence[str]) -> None:
        super().__init__(f"This route does not take {method}; use {' or '.join(allow)}.")
        self.allow = tuple(allow)


class BodyTooLarge(CallerError):
    """The body has more bytes than this route takes."""

    code = "body_too_large"

    def __init__(self, bytes_max: int, *, setting: str | None = None) -> None:
        sentence = f"The body is larger than {bytes_max} bytes, the most this route takes."
        if setting is not None:
            sentence += (
                f" The limit is the setting {setting}: body_bytes_max is for documents, and "
                "file_body_bytes_max for bodies with files in them. Upload a file with POST "
                "/assets instead, and send its URL."
            )
        super().__init__(sentence)
        self.bytes_max = bytes_max


class UnsupportedMediaType(CallerError):
    """The body is not of a type that this route takes."""

    code = "unsupported_media_type"


class UnsupportedCoding(UnsupportedMediaType):
    """The body is compressed."""

    def __init__(self, remedy: str) -> None:
        super().__init__(f"The body is compressed; send it as it is, {remedy}.")


class PreconditionFailed(CallerError):
    """The file is not the version that a header such as If-Match asks for."""

    code = "precondition_failed"

    def __init__(self, header: str) -> None:
        name = "-".join(word.capitalize() for word in header.split("-"))
        super().__init__(f"The file is not the version that {name} asks for; send it without.")


class RangeNotSatisfiable(CallerError):
    """The range asked for begins beyond the file, which has ``size_bytes``."""

    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The file has {size_bytes} bytes, and that range is not among them.")
        self.size_bytes = size_bytes
