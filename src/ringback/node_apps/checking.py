"""Validates an app's steps against the catalogue, as far as their inputs are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.model import Model
from ringback.catalogue.parameter import Parameter
from ringback.errors import FieldError, InvalidRequest, ModelNotFound, ModelUnavailable
from ringback.node_apps.graph import (
    INPUT,
    Graph,
    Joined,
    ModelStep,
    Reference,
    needs_of,
    references_in,
)
from ringback.node_apps.resolving import (
    OUTPUTS_SIZE_MAX,
    STEPS_SIZE_MAX,
    MissingResult,
    Resolver,
    TooLarge,
)
from ringback.node_apps.values import pointer

_URL = "https://example.com/result.png"  # stands for a future result of a step
_URLS_COUNT = 100
_SAMPLES: dict[str, Any] = {
    "string": "text",
    "media": _URL,
    "number": 1.0,
    "integer": 1,
    "boolean": True,
    "array": [],
    "object": {},
}
_ACCEPTED_TYPES = {
    "string": {"string", "media"},
    "media": {"string", "media"},
    "number": {"number", "integer"},
    "integer": {"integer", "number"},
    "boolean": {"boolean"},
    "array": {"array"},
    "object": {"object"},
}


def model_of(step: ModelStep, catalogue: Catalogue, *, now_ms: int) -> Model:
    """Return a step's model, or raise ``ModelNotFound`` or ``ModelUnavailable``."""
    model = catalogue.find(step.kind, step.model)
    if model.sunset is not None and now_ms >= model.sunset.begins_at:
        raise model.sunset.unavailable(f"{model.kind}/{model.id}")
    return model


def check_push(graph: Graph, catalogue: Catalogue, *, now_ms: int) -> Iterator[FieldError]:
    """Yield the errors in a graph's steps that no input can avoid."""
    for step in graph.jobs:
        path = f"/steps/{step.name}"
        try:
            model = model_of(step, catalogue, now_ms=now_ms)
        except (ModelNotFound, ModelUnavailable) as exc:
            yield FieldError(f"{path}/model", f"cannot be asked for: {exc}")
            continue
        yield from _type_errors(graph, step, model, path)
        samples = {name: _sample(parameter) for name, parameter in graph.inputs.items()}
        for fault in _input_errors(step, model, samples, catalogue):
            if not _depends_on_input(step, fault.path):
                yield FieldError(f"{path}/input{fault.path}", fault.message)


def check_execution(
    graph: Graph, catalogue: Catalogue, inputs: Mapping[str, Any], *, now_ms: int
) -> Iterator[FieldError]:
    """Yield the errors in the steps of an execution, whose inputs are known, by step and field.

    The catalogue may have changed since the push, so constants are validated again.
    """
    urls = {name: [_URL] * _URLS_COUNT for name in graph.steps}
    try:
        together = Resolver(inputs, urls, size_max=STEPS_SIZE_MAX)
        for step in graph.jobs:
            together.resolve(list(references_in(step.input)))
    except TooLarge as exc:
        yield FieldError("/steps", f"are too large together: {exc}")
        return
    for step in graph.jobs:
        try:
            model = model_of(step, catalogue, now_ms=now_ms)
        except (ModelNotFound, ModelUnavailable) as exc:
            yield FieldError(f"/steps/{step.name}/model", f"cannot be asked for: {exc}")
            continue
        for fault in _input_errors(step, model, inputs, catalogue):
            yield FieldError(f"/steps/{step.name}/input{fault.path}", fault.message)
    try:
        Resolver(inputs, urls, size_max=OUTPUTS_SIZE_MAX).resolve(graph.outputs)
    except TooLarge as exc:
        yield FieldError("/outputs", f"are too large: {exc}")


def step_inputs(
    graph: Graph, catalogue: Catalogue, inputs: Mapping[str, Any]
) -> Iterator[tuple[str, Model, dict[str, Any]]]:
    """Yield each step's name, its model and its input as far as it is known.

    Future results of steps are replaced by an example URL.
    """
    for step in graph.jobs:
        if (values := _known_input(step, inputs)) is not None:
            yield step.name, catalogue.find(step.kind, step.model), values


def _input_errors(
    step: ModelStep, model: Model, inputs: Mapping[str, Any], catalogue: Catalogue
) -> list[FieldError]:
    try:
        values = _known_input(step, inputs)
        if values is not None:
            catalogue.validate(model, values)
    except InvalidRequest as exc:
        return list(exc.details)
    except TooLarge as exc:
        return [FieldError("", f"is too large: {exc}")]
    return []


def _known_input(step: ModelStep, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a step's input with example URLs for future results.

    It is None where the number of results matters, which is checked during the run.
    """
    # A list of all results is validated with one: few models make more.
    whole = {one.source for one in references_in(step.input) if _is_whole(one)}
    urls = {name: [_URL] * (1 if name in whole else _URLS_COUNT) for name in needs_of(step)}
    try:
        values: dict[str, Any] = Resolver(inputs, urls).resolve(step.input)
    except MissingResult:
        return None
    return values


def _is_whole(reference: Reference) -> bool:
    return reference.member == "urls" and reference.index is None


def _type_errors(graph: Graph, step: ModelStep, model: Model, path: str) -> Iterator[FieldError]:
    for field, value in step.input.items():
        if not isinstance(value, Reference) or value.source != INPUT:
            continue
        parameter, declared = model.parameters.get(field), graph.inputs[value.member]
        if parameter is not None and declared.type not in _ACCEPTED_TYPES[parameter.type]:
            where = pointer(f"{path}/input", field)
            yield FieldError(where, f"takes {parameter.type}, and {value} is {declared.type}")


def _depends_on_input(step: ModelStep, path: str) -> bool:
    """Return whether the field at the start of the path is or contains an input of the app."""
    first = path[1:].partition("/")[0].replace("~1", "/").replace("~0", "~")
    value = step.input.get(first)
    if isinstance(value, Joined):
        return True  # the length of the text is unknown
    return any(one.source == INPUT for one in references_in(value))


def _sample(parameter: Parameter) -> Any:
    """Return a rough example of an input's value; errors that it causes are ignored."""
    if parameter.has_default and parameter.default is not None:
        return parameter.default
    if parameter.enum:
        return parameter.enum[0]
    if parameter.type in ("number", "integer") and parameter.min is not None:
        return parameter.min
    return _SAMPLES[parameter.type]
