"""The outcome of a tool call, without types of the protocol's package."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Picture(Struct, frozen=True, kw_only=True):
    """A picture that is shown to the model."""

    content: bytes
    media_type: str


class Link(Struct, frozen=True, kw_only=True):
    """A result that is linked and not shown."""

    url: str
    name: str
    media_type: str | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """A text with its pictures and links, and the same result as data."""

    text: str
    shown: tuple[Picture | Link, ...] = ()
    data: dict[str, Any] | None = None
    is_error: bool = False


class InvalidCall(Exception):
    """A call with wrong arguments; the sentence says how to correct them."""


def refused(sentence: str) -> Outcome:
    """Return the outcome of a refused call, in one sentence."""
    return Outcome(text=" ".join(sentence.split()), is_error=True)
