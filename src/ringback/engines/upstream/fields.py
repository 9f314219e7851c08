"""A model's parameters as its provider takes them: other names, constants, files elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import field

from ringback.engines.upstream.config import UpstreamSettings


class NamedSettings(UpstreamSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upstream engine whose models have parameters of their provider's own naming."""

    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the provider's model: its names for our parameters; an empty name leaves one out."""
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the provider's model: what is always sent, whatever a job says."""


def named_for_provider(
    values: Mapping[str, Any], names: Mapping[str, str], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the input as the provider takes it.

    A parameter is renamed where ``names`` has another name for it, and left out where that is
    empty; what has no value is not sent, so that the provider's own default holds. ``constants``
    are the operator's word, and win.
    """
    sent = {
        names.get(name, name): value
        for name, value in values.items()
        if value is not None and names.get(name, name)
    }
    return {**sent, **constants}


async def with_strings(value: Any, change: Callable[[str], Awaitable[str]]) -> Any:
    """Return the value with every text in it changed, however deep it lies."""
    if isinstance(value, str):
        return await change(value)
    if isinstance(value, Mapping):
        return {name: await with_strings(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [await with_strings(item, change) for item in value]
    return value
