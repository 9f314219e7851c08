"""The catalogue finds models and validates their inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date as Day
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from ringback.catalogue.days import Description, description_of
from ringback.catalogue.inputs import COMPLETED, EngineInputs, InputCheck, ValidInput
from ringback.catalogue.model import EXPORT, TRAINING, Model, Retired
from ringback.catalogue.overlays import overlaid
from ringback.catalogue.pricing import free
from ringback.catalogue.routing import route
from ringback.catalogue.toml_files import (
    ProviderModels,
    check_models,
    provider_models,
    read_built_in_file,
    read_file,
)
from ringback.errors import FieldError, InvalidRequest, ModelNotFound, SetupError

__all__ = ["Catalogue", "Model", "ValidInput"]

_BUILTIN = Path(__file__).with_name("models")
_ECHO_MAX = 80
_ELSEWHERE = (TRAINING, EXPORT)  # kinds whose routes are not those of /generate


class Catalogue:
    """All models, by kind and id; a model's schema is compiled at its first use."""

    def __init__(
        self,
        models: Iterable[Model],
        retired: Iterable[Retired] = (),
        inputs: EngineInputs = COMPLETED,
    ) -> None:
        self._models = {(model.kind, model.id): model for model in _each_once(models)}
        self._retired = {(one.kind, one.id): one for one in retired}
        self._check_replacements()
        self._inputs = inputs
        self._checks: dict[Model, InputCheck] = {}

    @classmethod
    def load(
        cls,
        own: Path | None = None,
        providers: Iterable[Mapping[str, Any]] = (),
        *,
        as_of: Day | None = None,
    ) -> Catalogue:
        """Return the models of the built-in files, of the files in ``own``, and of ``providers``.

        The models are those in force on the day ``as_of``, by default the newest known one.
        Raises ``SetupError`` that names the file or provider and the mistake, or the known days.
        """
        description = description_of(as_of)
        added = [provider_models(provider, description) for provider in providers]
        if own is not None:
            if not own.is_dir():
                raise SetupError(f"There is no folder {own} to read model files from.")
            added += [read_file(file, description) for file in _files_of(own)]
        check_models([model for provider in added for model in provider.models])
        plain = [*_built_in(description), *(one for one in added if not one.is_overlay)]
        models, retired = overlaid(
            _each_once(model for provider in plain for model in provider.models),
            [one for provider in plain for one in provider.retired],
            [one for one in added if one.is_overlay],
        )
        return cls(models, retired)

    @classmethod
    def of_day(cls, day: Day) -> Catalogue:
        """Return the built-in models in force on that day; raise ``SetupError`` if unknown."""
        return cls.load(as_of=day)

    def routed(self, engines: Mapping[str, str], *, inputs: EngineInputs = COMPLETED) -> Catalogue:
        """Return a catalogue in which these models have other engines, by model id.

        ``inputs`` says which input each engine gets. An id may have its kind as prefix, and may be
        a pattern: see ``routing``. Raises ``SetupError`` for an id that matches no model.
        """
        models = list(self._models.values())
        return Catalogue(route(models, engines), self._retired.values(), inputs)

    def without_prices_of(self, is_free: Callable[[Model], bool]) -> Catalogue:
        """Return the catalogue in which some of the models cost nothing."""
        models = [free(one) if is_free(one) else one for one in self._models.values()]
        return Catalogue(models, self._retired.values(), self._inputs)

    def check_engines(self, known: Iterable[str]) -> None:
        """Raise ``SetupError`` for the first model whose engine is not one of these."""
        known = tuple(known)
        for model in self._models.values():
            if model.engine not in known:
                raise SetupError(
                    f"Model {model.kind}/{model.id} asks for the engine {model.engine!r}; "
                    f"there is {' and '.join(known)}."
                )

    def __iter__(self) -> Iterator[Model]:
        """Yield the models that have a route of /generate; trainings and exports have others."""
        return (model for model in self._models.values() if model.kind not in _ELSEWHERE)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def all(self) -> tuple[Model, ...]:
        """All models, including training models."""
        return tuple(self._models.values())

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all models, including training models: every possible model of a job."""
        return frozenset(model.id for model in self._models.values())

    @property
    def trainings(self) -> tuple[Model, ...]:
        """The models for which styles can be trained."""
        return tuple(model for model in self._models.values() if model.kind == TRAINING)

    @property
    def exports(self) -> tuple[Model, ...]:
        """The exports, each with a route of its own."""
        return tuple(model for model in self._models.values() if model.kind == EXPORT)

    def training(self, body: dict[str, Any]) -> Model:
        """Return the model in a training's body, or raise ``InvalidRequest``."""
        named = {model.name: model for model in self.trainings}
        name = body.get("model", next(iter(named)))
        if isinstance(name, str) and name in named:
            return named[name]
        message = f"must be one of {', '.join(named)}"
        raise InvalidRequest(f"model {message}.", [FieldError("/model", message)])

    def find(self, kind: str, model_id: str) -> Model:
        """Return the model, or raise ``ModelNotFound`` with up to three similar ids.

        Raises ``ModelUnavailable`` for a retired model.
        """
        model = self._models.get((kind, model_id))
        if model is None or kind in _ELSEWHERE:
            if retired := self._retired.get((kind, model_id)):
                raise retired.sunset.unavailable(f"{kind}/{model_id}")
            raise self._not_found(kind, model_id[:_ECHO_MAX])
        return model

    def validate(self, model: Model, body: object) -> ValidInput:
        """Return the body checked, or raise ``InvalidRequest`` with every invalid field."""
        check = self._checks.get(model)
        if check is None:
            check = self._checks[model] = InputCheck(model, self._inputs)
        return check(body)

    def _check_replacements(self) -> None:
        endings = [(f"{one.kind}/{one.id}", one.sunset) for one in self._retired.values()]
        endings += [(f"{one.kind}/{one.id}", one.sunset) for one in self if one.sunset]
        known = {f"{model.kind}/{model.id}" for model in self}
        for name, sunset in endings:
            if sunset.replacement is not None and sunset.replacement not in known:
                raise SetupError(
                    f"The replacement of {name} is {sunset.replacement!r}, which is not a model; "
                    "write it like image/bfl/flux-1-dev."
                )

    def _not_found(self, kind: str, model_id: str) -> ModelNotFound:
        of_kind = [model.id for model in self if model.kind == kind]
        near = get_close_matches(model_id, of_kind, n=3)
        if near:
            return ModelNotFound(model_id, near)
        # The kind may be the mistake.
        named = f"{kind[:_ECHO_MAX]}/{model_id}"
        everything = [f"{model.kind}/{model.id}" for model in self]
        return ModelNotFound(named, get_close_matches(named, everything, n=3))


def _each_once(models: Iterable[Model]) -> list[Model]:
    """Return the models, or raise ``SetupError`` where two have one name."""
    found: dict[tuple[str, str], Model] = {}
    for model in models:
        if (model.kind, model.id) in found:
            raise SetupError(f"Two models are called {model.kind}/{model.id}; rename one.")
        found[model.kind, model.id] = model
    return list(found.values())


@cache
def _built_in(description: Description) -> tuple[ProviderModels, ...]:
    return tuple(read_built_in_file(file, description) for file in _files_of(_BUILTIN))


def _files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))
