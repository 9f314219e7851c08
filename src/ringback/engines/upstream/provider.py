"""What an adapter of a provider is: it submits, looks and cancels; the runner does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ringback.egress.caller import Headers
from ringback.engines.contract import EngineIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job as its provider is asked for it."""

    job_id: str
    kind: str
    model: str  # by the provider's name for it
    input: Mapping[str, Any]
    hook_url: str | None = None  # where the provider may say that there is news


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A result or a preview: what lies behind a URL, or its bytes themselves."""

    url: str | None = None
    content: bytes | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)  # sent to the provider's own origin alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a job stands at its provider."""

    status: Literal["waiting", "completed", "failed", "cancelled"] = "waiting"
    fraction: float | None = None
    preview: File | None = None
    files: tuple[File, ...] = ()  # of a completed one, in their order
    style_id: str | None = None
    outputs: Mapping[str, Any] | None = None
    error: str = ""  # of a failed one, in the provider's words
    cost: str = ""  # what the provider says it charged, for the log


class Inputs:
    """The files that a job names: our own are read where they lie, and reach no provider by URL."""

    def __init__(self, io: EngineIO, *, base_url: str, bytes_max: int) -> None:
        self._io = io
        self._own = f"{base_url}/artifacts/"
        self._bytes_max = bytes_max

    def is_own(self, value: object) -> bool:
        """Say whether the value is the URL of a file that this server keeps."""
        return isinstance(value, str) and value.startswith(self._own)

    async def read(self, url: str) -> bytes:
        """Return the bytes behind an input URL, or raise ``FetchError``."""
        return await self._io.fetch(url, bytes_max=self._bytes_max)


class Provider(Protocol):
    """Speaks one provider's language; holds nothing of a job but what its ticket says.

    ``is_idempotent`` says that a submission which is repeated with the same job's id is bought
    once. ``EngineError`` ends the job with its sentence; ``ProviderAway`` says that nothing was
    bought, or not twice, and that asking later may do better; ``AnswerLost`` that a purchase may or
    may not have come about.
    """

    is_idempotent: bool

    async def submit(self, order: Order, inputs: Inputs) -> str | Look:
        """Have the job made; return the ticket to look it up by, or at once how it ended."""

    async def look(self, ticket: str) -> Look:
        """Return how the job stands."""

    async def cancel(self, ticket: str) -> None:
        """Ask for an end of the job; its being over already is no error."""

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Say whether the provider sent this; header names are in lower case.

        What it says is never believed beyond "look now": the runner asks the provider itself.
        """

    async def close(self) -> None:
        """Let go of what is held beside the line."""
