"""A job's prompt, and the numbers by which a text is found in many of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

LENGTH_MAX = 4_000
"""How much of a prompt is indexed."""

GRAM = 3
_ASKED_MAX = 24  # grams of a long text that are looked up: they leave hardly anything else


def prompt_of(values: Mapping[str, Any]) -> str:
    """Return what a job was asked for in words, or nothing."""
    prompt = values.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def holds(prompt: str, text: str) -> bool:
    """Say whether a text is in a prompt, whatever the case of their letters."""
    return text.casefold() in prompt.casefold()


def grams_of(prompt: str, *, workspace_id: str) -> list[int]:
    """Return the numbers of all that is three characters long in a prompt, each once.

    A workspace has numbers of its own: so a search neither meets nor is slowed by what others ask
    for. Two texts may share a number; what is found by it is compared with the text itself.
    """
    folded = prompt[:LENGTH_MAX].casefold()
    seed = crc32(workspace_id.encode())
    pieces = {folded[at : at + GRAM] for at in range(len(folded) - GRAM + 1)}
    return sorted({crc32(one.encode("utf-8", "surrogatepass"), seed) >> 1 for one in pieces})


def grams_asked(text: str, *, workspace_id: str) -> list[int]:
    """Return the numbers that a prompt has in which a text is; none for too short a text."""
    grams = grams_of(text, workspace_id=workspace_id)
    step = -(-len(grams) // _ASKED_MAX) or 1
    return grams[::step]
