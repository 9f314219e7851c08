"""Reads the input images and styles of a request, with their strengths. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INPUTS_MAX = 4  # of each sort; more would not be visible in one image
_STYLES = ("style_images", "image_style_references")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input image: its URL and its strength."""

    url: str
    strength: float = 1.0


def images_of(inputs: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the images to draw over, in the request's order."""
    found = []
    if isinstance(url := inputs.get("image_url"), str):
        found.append(Input(url=url))
    found += [Input(url=one) for one in _items(inputs, "image_urls") if isinstance(one, str)]
    return tuple(found[:INPUTS_MAX])


def styles_of(inputs: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the images whose colours to use; a negative strength moves away from them."""
    found = [
        Input(url=one, strength=0.5)
        for one in _items(inputs, "reference_images")
        if isinstance(one, str)
    ]
    for style in (one for field in _STYLES for one in _items(inputs, field)):
        if isinstance(style, Mapping) and isinstance(url := style.get("url"), str):
            strength = number_of(style.get("strength"), default=0.5)
            found.append(Input(url=url, strength=strength))
    return tuple(found[:INPUTS_MAX])


def trained_of(inputs: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the ids of the trained styles, each with its strength."""
    found = []
    for style in _items(inputs, "styles"):
        if isinstance(style, Mapping) and isinstance(name := style.get("id"), str):
            found.append((name, number_of(style.get("strength"), default=1.0)))
    return tuple(found[:INPUTS_MAX])


def share_of(inputs: Mapping[str, Any]) -> float:
    """Return the opacity of the input images, from 0.25 to 1.

    A model's strength is how far it may deviate from its input: 1 leaves only a trace.
    """
    return 1 - 0.75 * min(1.0, max(0.0, number_of(inputs.get("strength"), default=0.5)))


def number_of(value: object, *, default: float) -> float:
    """Return a finite number, or the default for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        return default
    return number if math.isfinite(number) else default


def prompt_of(inputs: Mapping[str, Any]) -> str:
    """Return the prompt without lone surrogates, which JSON allows and encodings refuse."""
    return str(inputs.get("prompt") or "").encode("utf-8", "replace").decode()


def _items(inputs: Mapping[str, Any], field: str) -> Sequence[Any]:
    values = inputs.get(field)
    return values if isinstance(values, list | tuple) else ()
