"""The catalogue: every model that can be asked for, and the check of what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ringback.catalogue.files import Offer, check_models, offer_of, read_offer
from ringback.catalogue.inputs import InputCheck, ValidInput
from ringback.catalogue.model import TRAINING, Model, Retired
from ringback.catalogue.routing import served_by
from ringback.errors import FieldError, InvalidRequest, ModelNotFound, SetupError

__all__ = ["Catalogue", "Model", "ValidInput"]

_BUILTIN = Path(__file__).with_name("models")
_ECHO_MAX = 80


class Catalogue:
    """Every model, by kind and id; schemas are compiled when a model is first asked for."""

    def __init__(self, models: Iterable[Model], retired: Iterable[Retired] = ()) -> None:
        self._models: dict[tuple[str, str], Model] = {}
        for model in models:
            if (model.kind, model.id) in self._models:
                raise SetupError(f"Two models are called {model.kind}/{model.id}; rename one.")
            self._models[model.kind, model.id] = model
        self._retired = {(one.kind, one.id): one for one in retired}
        self._check_replacements()
        self._checks: dict[Model, InputCheck] = {}

    @classmethod
    def load(
        cls, own: Path | None = None, providers: Iterable[Mapping[str, Any]] = ()
    ) -> Catalogue:
        """Return the catalogue of the built-in files, of those in ``own``, and of ``providers``.

        Raises ``SetupError`` naming the file or provider and what is wrong in it.
        """
        added = [offer_of(provider) for provider in providers]
        if own is not None:
            if not own.is_dir():
                raise SetupError(f"There is no folder {own} to read model files from.")
            added += _read(own)
        check_models([model for offer in added for model in offer.models])
        offers = _read(_BUILTIN) + added
        return cls(
            [model for offer in offers for model in offer.models],
            [one for offer in offers for one in offer.retired],
        )

    def routed(self, engines: Mapping[str, str]) -> Catalogue:
        """Return the catalogue in which other engines serve some models, by the models' ids.

        An id may have its kind before it, and may be a pattern: see ``routing``. Raises
        ``SetupError`` for one that names no model.
        """
        models = list(self._models.values())
        return Catalogue(served_by(models, engines), self._retired.values())

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
        named = {model.name: model for model in self.trainings}
        name = body.get("model", next(iter(named)))
        if isinstance(name, str) and name in named:
            return named[name]
        what = f"must be one of {', '.join(named)}"
        raise InvalidRequest(f"model {what}.", [FieldError("/model", what)])

    def find(self, kind: str, model_id: str) -> Model:
        """Return the model, or raise ``ModelNotFound`` with up to three that resemble it.

        Raises ``ModelUnavailable`` for one that is gone.
        """
        model = self._models.get((kind, model_id))
        if model is None or kind == TRAINING:
            if retired := self._retired.get((kind, model_id)):
                raise retired.sunset.unavailable(f"{kind}/{model_id}")
            raise self._not_found(kind, model_id[:_ECHO_MAX])
        return model

    def validate(self, model: Model, body: object) -> ValidInput:
        """Return the body completed, or raise ``InvalidRequest`` naming each wrong field."""
        check = self._checks.get(model)
        if check is None:
            check = self._checks[model] = InputCheck(model)
        return check(body)

    def _check_replacements(self) -> None:
        endings = [(f"{one.kind}/{one.id}", one.sunset) for one in self._retired.values()]
        endings += [(f"{one.kind}/{one.id}", one.sunset) for one in self if one.sunset]
        there = {f"{model.kind}/{model.id}" for model in self}
        for name, sunset in endings:
            if sunset.replacement is not None and sunset.replacement not in there:
                raise SetupError(
                    f"The replacement of {name} is {sunset.replacement!r}, which is no model; "
                    "write it like image/bfl/flux-1-dev."
                )

    def _not_found(self, kind: str, model_id: str) -> ModelNotFound:
        of_kind = [model.id for model in self if model.kind == kind]
        near = get_close_matches(model_id, of_kind, n=3)
        if near:
            return ModelNotFound(model_id, near)
        # Perhaps the kind is what is wrong.
        named = f"{kind[:_ECHO_MAX]}/{model_id}"
        everything = [f"{model.kind}/{model.id}" for model in self]
        return ModelNotFound(named, get_close_matches(named, everything, n=3))


def _read(folder: Path) -> list[Offer]:
    return [read_offer(file) for file in sorted(folder.glob("*.toml"))]
