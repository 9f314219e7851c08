"""A job's prompt and its trigrams, by which the prompt index finds a text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

LENGTH_MAX = 4_000
"""How many characters of a prompt are indexed."""

GRAM = 3
_QUERY_GRAMS_MAX = 24  # a long text is looked up by these few, which match hardly anything else


def prompt_of(values: Mapping[str, Any]) -> str:
    """Return the prompt among a job's input values, or an empty text."""
    prompt = values.get("prompt")
    return prompt if isinstance(prompt, str) else ""


def holds(prompt: str, text: str) -> bool:
    """Say whether a prompt contains a text, ignoring case."""
    return text.casefold() in prompt.casefold()


def grams_of(prompt: str, *, workspace_id: str) -> list[int]:
    """Return the hashes of a prompt's trigrams, each once.

    Hashes are seeded by workspace, so that a search is not slowed by the prompts of others. Two
    trigrams may share a hash; a match is compared with the text itself.
    """
    folded = prompt[:LENGTH_MAX].casefold()
    seed = crc32(workspace_id.encode())
    pieces = {folded[at : at + GRAM] for at in range(len(folded) - GRAM + 1)}
    return sorted({crc32(one.encode("utf-8", "surrogatepass"), seed) >> 1 for one in pieces})


def query_grams(text: str, *, workspace_id: str) -> list[int]:
    """Return hashes that every prompt with this text has; none for fewer than three characters."""
    grams = grams_of(text, workspace_id=workspace_id)
    step = -(-len(grams) // _QUERY_GRAMS_MAX) or 1
    return grams[::step]
