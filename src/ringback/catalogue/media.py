"""Where a valid input names media, whose URLs its engine will fetch, and trained styles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringback.catalogue.parameter import Parameter, looks_like_media

STYLES = "styles"
"""The parameter by which every model is asked to draw in trained styles."""


def media_in(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], *, path: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the path (``/image_urls/0``) and the text of every media field that has a value."""
    for name, parameter in parameters.items():
        yield from _media_of(parameter, values.get(name), f"{path}/{name}")


def styles_in(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the path (``/styles/0/id``) and the id of every trained style that is to be used."""
    if STYLES not in parameters:
        return []
    named = values.get(STYLES) or ()
    return [(f"/{STYLES}/{place}/id", style["id"]) for place, style in enumerate(named)]


def _media_of(parameter: Parameter, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if parameter.type == "media" and isinstance(value, str):
        yield path, value
    elif isinstance(parameter.items, Parameter) and isinstance(value, list):
        for place, item in enumerate(value):
            yield from _media_of(parameter.items, item, f"{path}/{place}")
    elif parameter.properties is not None and isinstance(value, dict):
        yield from media_in(parameter.properties, value, path=path)
    elif parameter.forms:
        # The value was taken in one form; what the others would find in it may be no URL at all.
        found = (one for form in parameter.forms for one in _media_of(form, value, path))
        yield from {one: None for one in found if looks_like_media(one[1])}
