"""Reads a pushed definition; every error is one sentence with its JSON pointer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from ringback.errors import FieldError
from ringback.node_apps.graph import (
    INPUT,
    STEPS_MAX,
    AssetStep,
    Graph,
    ModelStep,
    Step,
    needs_of,
    references_in,
)
from ringback.node_apps.parameters import read_parameters
from ringback.node_apps.values import NAME, FieldErrors, pointer, read_value, values_in
from ringback.wire.names import MODEL_KINDS

NAME_LENGTH_MAX = 200
DESCRIPTION_LENGTH_MAX = 4_000
OUTPUTS_MAX = 32
VALUES_MAX = 10_000
"""The most values at all depths: parsed graphs are kept in memory, and empty lists are short."""

_FIELDS = ("name", "slug", "description", "inputs", "steps", "outputs")
# A slug must not look like a version's id, because either names an app.
_SLUG = re.compile(
    r"(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"
)
_MODEL = re.compile(rf"({'|'.join(MODEL_KINDS)})/([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){{1,2}})")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class Definition(Struct, frozen=True, kw_only=True):
    """A parsed definition."""

    name: str
    slug: str
    description: str
    graph: Graph


class WrongDefinition(Exception):
    """A definition has errors, each with its JSON pointer."""

    def __init__(self, faults: list[FieldError]) -> None:
        super().__init__("; ".join(f"{fault.path} {fault.message}" for fault in faults))
        self.faults = faults


def read_definition(document: dict[str, Any]) -> Definition:
    """Parse a pushed document, or raise ``WrongDefinition``."""
    faults: list[FieldError] = []
    report = FieldErrors(faults)
    if any(True for _ in islice(values_in(document), VALUES_MAX, None)):
        report("/steps", f"and all else must have at most {VALUES_MAX:,} values together")
        raise WrongDefinition(faults)
    _unknown_fields(document, report)
    name = _text(document, "name", NAME_LENGTH_MAX, report, required=True)
    description = _text(document, "description", DESCRIPTION_LENGTH_MAX, report)
    slug = _slug(document, name, report)
    inputs = read_parameters(document.get("inputs", {}), "/inputs", report)
    steps = _steps(document.get("steps"), report)
    outputs = _outputs(document.get("outputs"), report)
    graph = Graph(inputs=inputs, steps=steps, outputs=outputs)
    if not faults:
        _check_references(graph, report)
        _check_order(graph, report)
    if faults:
        raise WrongDefinition(faults)
    return Definition(name=name, slug=slug, description=description, graph=graph)


@lru_cache(maxsize=64)
def read_graph(definition: str) -> Graph:
    """Return the graph of a definition that was validated when it was pushed."""
    return read_definition(msgspec.json.decode(definition)).graph


def _unknown_fields(document: dict[str, Any], report: FieldErrors) -> None:
    for name in document:
        if name not in _FIELDS:
            report(pointer("", name), f"is not a field here; use {', '.join(_FIELDS)}")


def _text(
    document: dict[str, Any],
    field: str,
    length_max: int,
    report: FieldErrors,
    *,
    required: bool = False,
) -> str:
    value = document.get(field, "")
    if not isinstance(value, str):
        report(f"/{field}", "must be a string")
        return ""
    if required and not value.strip():
        report(f"/{field}", "is required: a name for people")
    if len(value) > length_max:
        report(f"/{field}", f"must have at most {length_max} characters, not {len(value)}")
    return value


def _slug(document: dict[str, Any], name: str, report: FieldErrors) -> str:
    if "slug" not in document:
        slug = _NOT_SLUG.sub("-", name.lower()).strip("-")[:64].strip("-")
        if name.strip() and not _SLUG.fullmatch(slug):
            report("/slug", "is required, since the name has no letters that it could be made of")
        return slug
    slug = document["slug"]
    if not isinstance(slug, str) or not _SLUG.fullmatch(slug):
        report("/slug", "must be 1 to 64 lower-case letters, digits and inner hyphens, and no UUID")
        return ""
    return slug


def _steps(document: Any, report: FieldErrors) -> dict[str, Step]:
    if not isinstance(document, dict) or not document:
        report("/steps", "must be an object with at least one step, by its name")
        return {}
    if len(document) > STEPS_MAX:
        report("/steps", f"must have at most {STEPS_MAX} steps, not {len(document)}")
        return {}
    steps: dict[str, Step] = {}
    for name, content in document.items():
        path = pointer("/steps", name)
        if not NAME.fullmatch(name) or name == INPUT:
            report(path, "must be called by a letter and then letters, digits or _; not input")
        elif (step := _step(name, content, path, report)) is not None:
            steps[name] = step
    return steps


def _step(name: str, content: Any, path: str, report: FieldErrors) -> Step | None:
    if not isinstance(content, dict):
        report(path, "must be an object with model and input, or with asset")
        return None
    if "asset" in content:
        return _asset_step(name, content, path, report)
    for field in content:
        if field not in ("model", "input"):
            report(pointer(path, field), "is not a field of a step; use model and input, or asset")
    model = content.get("model")
    named = _MODEL.fullmatch(model) if isinstance(model, str) else None
    if named is None:
        report(f"{path}/model", 'must name a model with its kind, like "image/bfl/flux-1-dev"')
    value = content.get("input", {})
    if not isinstance(value, dict):
        report(f"{path}/input", "must be an object")
        return None
    values = {
        key: read_value(inner, pointer(f"{path}/input", key), report)
        for key, inner in value.items()
    }
    if named is None:
        return None
    return ModelStep(name=name, kind=named[1], model=named[2], input=values)


def _asset_step(name: str, content: dict[str, Any], path: str, report: FieldErrors) -> Step | None:
    for field in content:
        if field != "asset":
            report(pointer(path, field), "does not go with asset, which stands alone")
    asset = read_value(content["asset"], f"{path}/asset", report)
    is_usable = isinstance(asset, str) or [one.source for one in references_in(asset)] == [INPUT]
    if not is_usable or isinstance(asset, dict | list):
        report(f"{path}/asset", 'must be an asset\'s id, or {"from": "input.NAME"}')
        return None
    return AssetStep(name=name, asset=asset)


def _outputs(document: Any, report: FieldErrors) -> dict[str, Any]:
    if not isinstance(document, dict) or not document:
        report("/outputs", "must be an object with at least one output, by its name")
        return {}
    if len(document) > OUTPUTS_MAX:
        report("/outputs", f"must have at most {OUTPUTS_MAX} outputs, not {len(document)}")
        return {}
    outputs: dict[str, Any] = {}
    for name, content in document.items():
        path = pointer("/outputs", name)
        if not NAME.fullmatch(name):
            report(path, "must be called by a letter and then letters, digits or _")
        before = report.count
        outputs[name] = value = read_value(content, path, report)
        if report.count == before and not any(True for _ in references_in(value)):
            report(path, 'must come from a step or an input, like {"from": "picture.url"}')
    return outputs


def _check_references(graph: Graph, report: FieldErrors) -> None:
    for path, value in _located_values(graph):
        for one in references_in(value):
            if report.is_full:
                return  # hints are slow, and nobody reads thousands of them
            if one.source == INPUT:
                if one.member not in graph.inputs:
                    hint = _near(one.member, graph.inputs)
                    report(path, f"comes from input.{one.member}, and there is no such input{hint}")
            elif one.source not in graph.steps:
                hint = _near(one.source, graph.steps)
                report(path, f"comes from the step {one.source}, and there is none{hint}")


def _located_values(graph: Graph) -> Iterator[tuple[str, Any]]:
    for name, step in graph.steps.items():
        if isinstance(step, AssetStep):
            yield f"/steps/{name}/asset", step.asset
        else:
            for field, value in step.input.items():
                yield pointer(f"/steps/{name}/input", field), value
    for name, value in graph.outputs.items():
        yield f"/outputs/{name}", value


def _check_order(graph: Graph, report: FieldErrors) -> None:
    try:
        TopologicalSorter({name: needs_of(step) for name, step in graph.steps.items()}).prepare()
    except CycleError as exc:
        way = " → ".join(exc.args[1])
        report("/steps", f"must not wait for each other in a circle: {way}")


def _near(name: str, names: Any) -> str:
    near = get_close_matches(name, names, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
