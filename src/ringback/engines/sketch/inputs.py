"""Which pictures a request names and how much they count: pure, nothing is fetched here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INPUTS_MAX = 4  # of each sort; more would not be seen in one picture
_STYLES = ("style_images", "image_style_references")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One picture that a request names: its URL and how strongly it counts."""

    url: str
    strength: float = 1.0


def images_of(asked: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the pictures to be drawn over, in the request's order."""
    found = []
    if isinstance(url := asked.get("image_url"), str):
        found.append(Input(url=url))
    found += [Input(url=one) for one in _items(asked, "image_urls") if isinstance(one, str)]
    return tuple(found[:INPUTS_MAX])


def styles_of(asked: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the pictures whose colours are to be taken; a negative strength moves away."""
    found = []
    for style in (one for field in _STYLES for one in _items(asked, field)):
        if isinstance(style, Mapping) and isinstance(url := style.get("url"), str):
            strength = number_of(style.get("strength"), otherwise=0.5)
            found.append(Input(url=url, strength=strength))
    return tuple(found[:INPUTS_MAX])


def trained_of(asked: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the ids of the trained styles to draw in, each with its strength."""
    found = []
    for style in _items(asked, "styles"):
        if isinstance(style, Mapping) and isinstance(name := style.get("id"), str):
            found.append((name, number_of(style.get("strength"), otherwise=1.0)))
    return tuple(found[:INPUTS_MAX])


def share_of(asked: Mapping[str, Any]) -> float:
    """Return how much the pictures show through, from 0.25 to 1.

    A model's strength is how far it may leave its input: 1 leaves it a trace.
    """
    return 1 - 0.75 * min(1.0, max(0.0, number_of(asked.get("strength"), otherwise=0.5)))


def number_of(value: object, *, otherwise: float) -> float:
    """Return a finite number, or ``otherwise`` for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        return otherwise
    return number if math.isfinite(number) else otherwise


def prompt_of(asked: Mapping[str, Any]) -> str:
    """Return the prompt; JSON can hold halves of characters, which no encoding can."""
    return str(asked.get("prompt") or "").encode("utf-8", "replace").decode()


def _items(asked: Mapping[str, Any], field: str) -> Sequence[Any]:
    values = asked.get(field)
    return values if isinstance(values, list | tuple) else ()
