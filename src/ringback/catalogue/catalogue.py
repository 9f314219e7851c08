"""The catalogue: every model that can be asked for, and the check of what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ringback.catalogue.files import check_models, read_models
from ringback.catalogue.inputs import InputCheck, ValidInput
from ringback.catalogue.model import TRAINING, Model
from ringback.errors import FieldError, InvalidRequest, ModelNotFound, SetupError

__all__ = ["Catalogue", "Model", "ValidInput"]

_TRAINING_DEFAULT = "flux_dev"
_BUILTIN = Path(__file__).with_name("models")
_ECHO_MAX = 80


class Catalogue:
    """Every model, by kind and id; schemas are compiled when a model is first asked for."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models: dict[tuple[str, str], Model] = {}
        for model in models:
            if (model.kind, model.id) in self._models:
                raise SetupError(f"Two models are called {model.kind}/{model.id}; rename one.")
            self._models[model.kind, model.id] = model
        self._checks: dict[Model, InputCheck] = {}

    @classmethod
    def load(cls, own: Path | None = None) -> Catalogue:
        """Return the catalogue of the built-in files and of the ``*.toml`` files in ``own``.

        Raises ``SetupError`` naming the file and what is wrong in it.
        """
        models = _read(_BUILTIN)
        if own is not None:
            if not own.is_dir():
                raise SetupError(f"There is no folder {own} to read model files from.")
            added = _read(own)
            check_models(added)
            models += added
        return cls(models)

    def routed(self, engines: Mapping[str, str]) -> Catalogue:
        """Return the catalogue in which other engines serve some models, by the models' ids.

        An id may have its kind before it. Raises ``SetupError`` for one that there is not.
        """
        models = self._models.values()
        named = {name for model in models for name in (model.id, f"{model.kind}/{model.id}")}
        for name in engines:
            if name not in named:
                near = get_close_matches(name, named, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else "GET /models lists them."
                raise SetupError(f"The setting engines names the model {name!r}; {hint}")
        return Catalogue(_served_by(model, engines) for model in models)

    def check_engines(self, known: Iterable[str]) -> None:
        """Raise ``SetupError`` for the first model whose engine is not one of these."""
        there = tuple(known)
        for model in self._models.values():
            if model.engine not in there:
                raise SetupError(
                    f"Model {model.kind}/{model.id} asks for the engine {model.engine!r}; "
                    f"there is {' and '.join(there)}."
                )

    def __iter__(self) -> Iterator[Model]:
        """Yield the models that are generated with, each on a route of its own."""
        return (model for model in self._models.values() if model.kind != TRAINING)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all models, of those for styles too: what a job's model can be."""
        return frozenset(model.id for model in self._models.values())

    @property
    def trainings(self) -> tuple[Model, ...]:
        """The models that styles are trained for."""
        return tuple(model for model in self._models.values() if model.kind == TRAINING)

    def training(self, body: dict[str, Any]) -> Model:
        """Return the model that a training's body names, or raise ``InvalidRequest``."""
        name = body.get("model", _TRAINING_DEFAULT)
        names = [model.name for model in self.trainings]
        for model in self.trainings:
            if model.name == name:
                return model
        what = f"must be one of {', '.join(names)}"
        raise InvalidRequest(f"model {what}.", [FieldError("/model", what)])

    def find(self, kind: str, model_id: str) -> Model:
        """Return the model, or raise ``ModelNotFound`` with up to three that resemble it."""
        model = self._models.get((kind, model_id))
        if model is None or kind == TRAINING:
            raise self._not_found(kind, model_id[:_ECHO_MAX])
        return model

    def validate(self, model: Model, body: object) -> ValidInput:
        """Return the body completed, or raise ``InvalidRequest`` naming each wrong field."""
        check = self._checks.get(model)
        if check is None:
            check = self._checks[model] = InputCheck(model)
        return check(body)

    def _not_found(self, kind: str, model_id: str) -> ModelNotFound:
        of_kind = [model.id for model in self if model.kind == kind]
        near = get_close_matches(model_id, of_kind, n=3)
        if near:
            return ModelNotFound(model_id, near)
        # Perhaps the kind is what is wrong.
        named = f"{kind[:_ECHO_MAX]}/{model_id}"
        everything = [f"{model.kind}/{model.id}" for model in self]
        return ModelNotFound(named, get_close_matches(named, everything, n=3))


def _read(folder: Path) -> list[Model]:
    return [model for file in sorted(folder.glob("*.toml")) for model in read_models(file)]


def _served_by(model: Model, engines: Mapping[str, str]) -> Model:
    engine = engines.get(f"{model.kind}/{model.id}") or engines.get(model.id)
    return model if engine in (None, model.engine) else replace(model, engine=engine)
