"""Lays the models of a newer description over the built-in ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from ringback.catalogue.model import Model, Retired
from ringback.catalogue.toml_files import ProviderModels


def overlaid(
    models: Iterable[Model], retired: Iterable[Retired], overlays: Iterable[ProviderModels]
) -> tuple[list[Model], list[Retired]]:
    """Return the models and the retired ones with the overlays applied.

    A model of an overlay gives one of the same name its fields, and a retired one ends it. The
    engine, the price and the words of a model that was there stay.
    """
    found = {(model.kind, model.id): model for model in models}
    ended = {(one.kind, one.id): one for one in retired}
    for overlay in overlays:
        for model in overlay.models:
            name = (model.kind, model.id)
            found[name] = _refielded(found[name], model) if name in found else model
            ended.pop(name, None)
        for one in overlay.retired:
            found.pop((one.kind, one.id), None)
            ended[one.kind, one.id] = one
    known = {f"{kind}/{model_id}" for kind, model_id in found}
    return list(found.values()), [_with_known_replacement(one, known) for one in ended.values()]


def _refielded(model: Model, newer: Model) -> Model:
    fields = newer.parameters
    aliases = tuple(
        alias for alias in model.aliases if alias.new in fields and alias.old not in fields
    )
    return replace(model, parameters=fields, aliases=aliases)


def _with_known_replacement(one: Retired, known: set[str]) -> Retired:
    if one.sunset.replacement is None or one.sunset.replacement in known:
        return one
    sunset = msgspec.structs.replace(one.sunset, replacement=None)
    return msgspec.structs.replace(one, sunset=sunset)
