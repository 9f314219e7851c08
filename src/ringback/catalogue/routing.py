"""Assigns engines to models, where the settings differ from the data files. Pure.

A name is a model's id, with or without its kind, or a pattern of such names: ``*`` stands for any
characters, also slashes. The most specific name decides: an id with its kind, then an id, then the
pattern with the most characters. Patterns exclude the server's own models (``ringback/…``), which
exist for measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ringback.catalogue.model import Model
from ringback.errors import SetupError

_OURS = "ringback"


def route(models: Sequence[Model], engines: Mapping[str, str]) -> list[Model]:
    """Return the models with the engines that the names assign.

    Raises ``SetupError`` for a name that matches no model.
    """
    routed = []
    unused = set(engines)
    for model in models:
        matching = [name for name in engines if _fits(name, model)]
        unused.difference_update(matching)
        routed.append(_routed(model, engines, matching))
    for name in engines:
        if name in unused:
            raise SetupError(f"The setting engines names the model {name!r}; {_hint(name, models)}")
    return routed


def _fits(name: str, model: Model) -> bool:
    names = _names_of(model)
    if "*" not in name:
        return name in names
    # Brackets and question marks are literal.
    pattern = name.replace("[", "[[]").replace("?", "[?]")
    return model.provider != _OURS and any(fnmatchcase(known, pattern) for known in names)


def _routed(model: Model, engines: Mapping[str, str], matching: list[str]) -> Model:
    if not matching:
        return model
    engine = engines[max(matching, key=_exactness)]
    return model if engine == model.engine else replace(model, engine=engine)


def _exactness(name: str) -> tuple[bool, int, str]:
    return ("*" not in name, len(name), name)


def _names_of(model: Model) -> tuple[str, str]:
    return model.id, f"{model.kind}/{model.id}"


def _hint(name: str, models: Sequence[Model]) -> str:
    known = [one for model in models for one in _names_of(model)]
    near = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "GET /models lists them."
