"""The adapter interface: an adapter submits, polls and cancels; the runner does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ringback.engines.contract import EngineIO
from ringback.files.artifacts.names import name_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job in the form that an adapter submits to its provider."""

    job_id: str
    kind: str
    model: str  # the provider's name of the model
    input: Mapping[str, Any]
    webhook_url: str | None = None  # the provider may call it when the job has changed


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A result or a preview: a URL, which may be relative to the base URL, or the bytes."""

    url: str | None = None
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """The status of a job at its provider.

    ``unknown`` is a word that the adapter does not know: the job fails with it if it stays.
    ``lost``: the provider forgot the job before it began, so that a new submission repeats nothing.
    """

    status: Literal["waiting", "completed", "failed", "cancelled", "unknown", "lost"] = "waiting"
    fraction: float | None = None
    preview: File | None = None
    files: tuple[File, ...] = ()  # of a completed job, in their order
    notes: tuple[str, ...] = ()  # sentences about files of a completed job that are missing
    style_id: str | None = None
    outputs: Mapping[str, Any] | None = None
    error: str = ""  # of a failed job, in the provider's words
    cost: str = ""  # the provider's account of its charge, for the log


class Inputs:
    """Reads the input files of a job; our own files are read locally and never exposed by URL."""

    def __init__(self, io: EngineIO, *, base_url: str, bytes_max: int) -> None:
        self._io = io
        self._base_url = base_url
        self._bytes_max = bytes_max

    def is_own(self, value: object) -> bool:
        """Return whether the value is the URL of a file that this server stores."""
        return isinstance(value, str) and name_in(value, base_url=self._base_url) is not None

    async def read(self, url: str) -> bytes:
        """Return the bytes behind an input URL, or raise ``FetchError``."""
        return await self._io.fetch(url, bytes_max=self._bytes_max)


class Provider(Protocol):
    """An adapter of one provider; it keeps no state of a job beyond the job's ticket.

    ``is_idempotent``: a submission repeated with the same job id is charged once. ``EngineError``
    fails the job with its sentence; ``ProviderUnavailable`` means that the provider accepted
    nothing and a later attempt may succeed; ``SubmissionUnknown`` that it may have accepted it.
    """

    is_idempotent: bool

    async def submit(self, submission: Submission, inputs: Inputs) -> str | ProviderStatus:
        """Submit the job; return its ticket, or its final status if the response has the result."""

    async def poll(self, ticket: str) -> ProviderStatus:
        """Return the job's status."""

    async def cancel(self, ticket: str) -> None:
        """Cancel the job; it is no error that the job has already ended."""

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Return the signed text of a webhook that the provider sent, or None for any other.

        Header names are in lower case. The text is empty where the provider does not sign; another
        webhook of the same text is a copy. The content is never trusted: it only makes the runner
        poll the provider at once.
        """

    async def close(self) -> None:
        """Release resources other than the HTTP client."""
