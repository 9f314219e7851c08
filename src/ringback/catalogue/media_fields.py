"""Finds the media URLs that an engine will fetch, and the styles, in a valid input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringback.catalogue.parameter import Parameter, looks_like_media

STYLES = "styles"
"""The parameter of trained styles, the same in every model."""


def media_in(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], *, path: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the path (``/image_urls/0``) and the text of every media field that has a value."""
    for name, parameter in parameters.items():
        if (value := values.get(name)) is not None:
            yield from _media_of(parameter, value, f"{path}/{name}")


def styles_in(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the path (``/styles/0/id``) and the id of every trained style."""
    if STYLES not in parameters:
        return []
    named = values.get(STYLES) or ()
    return [(f"/{STYLES}/{index}/id", style["id"]) for index, style in enumerate(named)]


def _media_of(parameter: Parameter, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if parameter.type == "media" and isinstance(value, str):
        yield path, value
    elif isinstance(parameter.items, Parameter) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _media_of(parameter.items, item, f"{path}/{index}")
    elif parameter.properties is not None and isinstance(value, dict):
        yield from media_in(parameter.properties, value, path=path)
    elif parameter.forms:
        # Only one form matched; a text that another form calls media may not be a URL.
        found = (one for form in parameter.forms for one in _media_of(form, value, path))
        yield from {one: None for one in found if looks_like_media(one[1])}
