"""What a tool call comes to, without a word of the protocol's package."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ringback.client.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    RateLimitError,
)


class Picture(Struct, frozen=True, kw_only=True):
    """A picture that is shown to the model."""

    content: bytes
    media_type: str


class Link(Struct, frozen=True, kw_only=True):
    """A result that is named and not shown."""

    url: str
    name: str
    media_type: str | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """A text, what goes with it, and the same as data."""

    text: str
    shown: tuple[Picture | Link, ...] = ()
    data: dict[str, Any] | None = None
    is_error: bool = False


class Mistaken(Exception):
    """A call that cannot be done as it was asked; the sentence says what to do."""


def refused(sentence: str) -> Outcome:
    """Return the outcome of a call that did nothing, in one sentence."""
    return Outcome(text=" ".join(sentence.split()), is_error=True)


def sentence_of(error: ClientError) -> str:
    """Return what went wrong in a sentence or two, with what to do where that is known."""
    if isinstance(error, ConnectionFailed):
        return f"{error} Is the server running?"
    if not isinstance(error, ApiError):
        return str(error)
    more = [
        f"{one.path}: {one.message}." for one in error.details if one.message not in error.message
    ]
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        more.append(f"Try again in {error.retry_after:g} s.")
    return " ".join([error.message, *more])
