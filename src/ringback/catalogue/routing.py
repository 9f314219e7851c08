"""Which engine serves which model, where a user says otherwise than the data files. Pure.

A name is a model's id, with or without its kind, or a pattern of such names: ``*`` stands for any
characters, slashes too. The most exact name decides: an id with its kind, an id, then the pattern
with the most characters. Patterns leave out the server's own models (``ringback/…``), which are for
measuring it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ringback.catalogue.model import Model
from ringback.errors import SetupError

_OURS = "ringback"


def served_by(models: Sequence[Model], engines: Mapping[str, str]) -> list[Model]:
    """Return the models, each with the engine that the names give it.

    Raises ``SetupError`` for a name that fits no model.
    """
    routed = []
    unused = set(engines)
    for model in models:
        fitting = [name for name in engines if _fits(name, model)]
        unused.difference_update(fitting)
        routed.append(_routed(model, engines, fitting))
    for name in engines:
        if name in unused:
            raise SetupError(f"The setting engines names the model {name!r}; {_hint(name, models)}")
    return routed


def _fits(name: str, model: Model) -> bool:
    names = _names_of(model)
    if "*" not in name:
        return name in names
    # Brackets and question marks mean themselves.
    pattern = name.replace("[", "[[]").replace("?", "[?]")
    return model.provider != _OURS and any(fnmatchcase(known, pattern) for known in names)


def _routed(model: Model, engines: Mapping[str, str], fitting: list[str]) -> Model:
    if not fitting:
        return model
    engine = engines[max(fitting, key=_exactness)]
    return model if engine == model.engine else replace(model, engine=engine)


def _exactness(name: str) -> tuple[bool, int, str]:
    return ("*" not in name, len(name), name)


def _names_of(model: Model) -> tuple[str, str]:
    return model.id, f"{model.kind}/{model.id}"


def _hint(name: str, models: Sequence[Model]) -> str:
    known = [one for model in models for one in _names_of(model)]
    near = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "GET /models lists them."
