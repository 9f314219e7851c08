"""Maps a model's parameters to its provider's: renamed, left out, or fixed by the operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import field

from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.provider import Submission


class NamedSettings(UpstreamSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an engine whose provider has its own parameter names."""

    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """By provider model: its names of our parameters; an empty name leaves the parameter out."""
    constants: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By provider model: parameters that are always sent and override the job's."""

    def mapped(self, submission: Submission) -> dict[str, Any]:
        """Return a job's input with the provider's parameter names."""
        model = submission.model
        names, constants = self.names.get(model, {}), self.constants.get(model, {})
        return map_input(submission.input, names, constants)


def map_input(
    values: Mapping[str, Any], names: Mapping[str, str], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the input with the provider's parameter names.

    A parameter is renamed where ``names`` has another name for it, and left out where that name is
    empty. A null is not sent, so that the provider's default applies. ``constants`` are set by the
    operator and win."""
    sent = {
        names.get(name, name): value
        for name, value in values.items()
        if value is not None and names.get(name, name)
    }
    return {**sent, **constants}


async def map_strings(value: Any, change: Callable[[str], Awaitable[str]]) -> Any:
    """Return the value with ``change`` applied to every string in it, at any depth."""
    if isinstance(value, str):
        return await change(value)
    if isinstance(value, Mapping):
        return {name: await map_strings(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [await map_strings(item, change) for item in value]
    return value
