"""Everything that calls of the client raise.

ClientError
├── ConfigurationError       the client was made with something that cannot work
├── ConnectionFailed         no whole answer came
├── SaveFailed               a result could not be downloaded
├── ApiError                 an answer that is no success: status, code, message, body
│   ├── ValidationError      400, 422: details say what is wrong where
│   ├── AuthenticationError  401, 403
│   ├── PaymentRequiredError 402
│   ├── NotFoundError        404
│   ├── ConflictError        409
│   ├── ModelUnavailableError 410: replacement and sunset_date, where they are known
│   ├── RateLimitError       429: retry_after
│   └── ServerError          5xx, and answers that are not what the contract says
├── JobEnded                 a job ended without results: job
│   ├── JobFailed
│   └── JobCancelled
└── WaitTimeout              it has not ended yet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ringback.client.models import JobDocument


class Detail(Struct, frozen=True):
    """One thing that is wrong with a request, and where."""

    path: str
    message: str


class ClientError(Exception):
    """Whatever the client raises."""


class ConfigurationError(ClientError):
    """The client was made with a URL or a key that cannot work."""


class ConnectionFailed(ClientError):
    """No whole answer came, however often it was tried."""


class SaveFailed(ClientError):
    """A result could not be downloaded; nothing half is left of it."""


class ApiError(ClientError):
    """The server refused a request: ``status``, ``message``, ``code``, and the whole ``body``."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: bytes = b"",
        code: str | None = None,
        details: tuple[Detail, ...] = (),
        retry_after: float | None = None,
        replacement: str | None = None,
        sunset_date: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = body
        self.code = code
        self.details = details
        self.retry_after = retry_after
        self.replacement = replacement
        self.sunset_date = sunset_date

    def __str__(self) -> str:
        wrong = "".join(f"\n  {detail.path}: {detail.message}" for detail in self.details)
        return f"{self.message} ({self.status}){wrong}"


class ValidationError(ApiError):
    """The request is wrong; ``details`` say where."""


class AuthenticationError(ApiError):
    """The API key is missing, unknown, or may not do this."""


class PaymentRequiredError(ApiError):
    """The workspace's budget is spent."""


class NotFoundError(ApiError):
    """There is no such thing, or it is another workspace's."""


class ConflictError(ApiError):
    """The request does not go with how things stand."""


class ModelUnavailableError(ApiError):
    """The model is gone; ``replacement`` names another, where one is known."""


class RateLimitError(ApiError):
    """There were too many requests; ``retry_after`` says for how many seconds to wait."""


class ServerError(ApiError):
    """The server broke, or what answered does not speak the contract."""


class JobEnded(ClientError):
    """A job ended without results; ``job`` is how."""

    def __init__(self, job: JobDocument) -> None:
        super().__init__(f"Job {job.job_id} {job.status}: {job.error or 'no reason was given'}")
        self.job = job


class JobFailed(JobEnded):
    """The job failed."""


class JobCancelled(JobEnded):
    """The job was cancelled."""


class WaitTimeout(ClientError):
    """The job had not ended when the wait was over; ``job`` is how it stood."""

    def __init__(self, job: JobDocument, timeout_s: float) -> None:
        super().__init__(f"Job {job.job_id} is {job.status} after {timeout_s:g} s of waiting.")
        self.job = job
