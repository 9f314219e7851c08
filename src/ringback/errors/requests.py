"""Requests that are wrong in themselves: what they say, who sends them, and how."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.errors.base import CallerError, FieldError


class InvalidRequest(CallerError):
    """A request whose body, header or query is wrong; ``details`` names each wrong field."""

    code = "invalid_request"

    def __init__(self, message: str, details: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class InvalidFaults(InvalidRequest):
    """Faults, a fault script or a duration that the lab does not understand."""

    code = "invalid_faults"


class InvalidMedia(InvalidRequest):
    """A file whose content is of no type that is taken, or broken, or too much to decode."""

    code = "invalid_media"


class InvalidTarget(InvalidRequest):
    """A URL of the caller's that may not be called; says no more than that."""

    code = "blocked_target"


class NotAuthenticated(CallerError):
    """No token came, or one that opens nothing."""

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


class UploadTooSlow(CallerError):
    """The body did not come in the time that it may take."""

    code = "upload_too_slow"

    def __init__(self, idle_s: float, total_s: float) -> None:
        super().__init__(
            f"The upload was given up: a file has {total_s:g} s to come, and {idle_s:g} s for "
            "each part of it."
        )


class BodyTooLarge(CallerError):
    """The body has more bytes than this route takes."""

    code = "body_too_large"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"The body is larger than {bytes_max} bytes, the most this route takes.")
        self.bytes_max = bytes_max


class UnsupportedMediaType(CallerError):
    """The body is not of a type that this route takes."""

    code = "unsupported_media_type"


class RangeNotSatisfiable(CallerError):
    """The range asked for begins beyond the file, which has ``size_bytes``."""

    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The file has {size_bytes} bytes, and that range is not among them.")
        self.size_bytes = size_bytes
