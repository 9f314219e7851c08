"""The exceptions that the client raises.

ClientError
├── ConfigurationError       the URL, the key or an argument is invalid
├── ConnectionFailed         no complete answer came
├── SaveFailed               a result could not be downloaded
├── ApiError                 an answer other than 2xx: status, code, message, body
│   ├── ValidationError      400, 422: details name each wrong field
│   ├── AuthenticationError  401, 403
│   ├── PaymentRequiredError 402
│   ├── NotFoundError        404
│   ├── ConflictError        409
│   ├── ModelUnavailableError 410: replacement and sunset_date, where they are known
│   ├── RateLimitError       429: retry_after
│   └── ServerError          5xx, and answers that do not follow the API
├── JobEnded                 a job ended without results: job
│   ├── JobFailed
│   └── JobCancelled
└── WaitTimeout              the job has not ended yet: job
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from ringback.client.models import JobDocument


class Detail(Struct, frozen=True):
    """One wrong field of a request, and the reason."""

    path: str
    message: str


class ClientError(Exception):
    """The base class of every exception of the client."""


class ConfigurationError(ClientError):
    """The URL, the key or an argument is invalid; no request was sent."""


class ConnectionFailed(ClientError):
    """No complete answer came, after all retries."""


class SaveFailed(ClientError):
    """A result could not be downloaded; no partial file is left."""


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
    """The request is wrong; ``details`` name each wrong field."""


class AuthenticationError(ApiError):
    """The API key is missing, unknown, or may not do this."""


class PaymentRequiredError(ApiError):
    """The workspace's budget is spent."""


class NotFoundError(ApiError):
    """The resource does not exist, or belongs to another workspace."""


class ConflictError(ApiError):
    """The present state of the resource does not allow the request."""


class ModelUnavailableError(ApiError):
    """The model has passed its sunset; ``replacement`` names another if one is known."""


class RateLimitError(ApiError):
    """There were too many requests; ``retry_after`` says how many seconds to wait."""


class ServerError(ApiError):
    """The server failed, or the answer does not follow the API."""


class JobEnded(ClientError):
    """A job ended without results; ``job`` has its state."""

    def __init__(self, job: JobDocument) -> None:
        super().__init__(f"Job {job.job_id} {job.status}: {job.error or 'no reason was given'}")
        self.job = job


class JobFailed(JobEnded):
    """The job failed."""


class JobCancelled(JobEnded):
    """The job was cancelled."""


class WaitTimeout(ClientError):
    """The job had not ended after the timeout; ``job`` has its last state."""

    def __init__(self, job: JobDocument, timeout_s: float) -> None:
        super().__init__(f"Job {job.job_id} is {job.status} after {timeout_s:g} s of waiting.")
        self.job = job
