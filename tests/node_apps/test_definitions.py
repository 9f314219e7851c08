"""Definitions of node apps: parsing, errors with their places, resolved references."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.sunset import Sunset
from ringback.node_apps.checking import check_execution, check_push
from ringback.node_apps.graph import Joined, Reference
from ringback.node_apps.reading import WrongDefinition, read_definition
from ringback.node_apps.resolving import ABSENT, MissingResult, Resolver, TooLarge
from ringback.node_apps.values import FAULTS_MAX
from tests.docs.pages import blocks

CATALOGUE = Catalogue.load()
NOW = 1_800_000_000_000
FLUX = "image/bfl/flux-1-dev"
APP: dict[str, Any] = json.loads(blocks("docs/node-apps.md", "json")[0])


def an_app(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(APP), **changes}


def a_step(**given_values: Any) -> dict[str, Any]:
    return {"model": FLUX, "input": {"prompt": "a fox", **given_values}}


def faults_of(document: dict[str, Any]) -> dict[str, str]:
    """Return the errors of a definition by place; empty if there are none."""
    try:
        definition = read_definition(document)
    except WrongDefinition as exc:
        return {fault.path: fault.message for fault in exc.faults}
    found = check_push(definition.graph, CATALOGUE, now_ms=NOW)
    return {fault.path: fault.message for fault in found}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "model",
    [FLUX, "video/xai/grok-video", "audio/elevenlabs/music-v2.5"],
)
def test_a_step_may_be_of_any_kind_that_a_prompt_is_enough_for(model: str) -> None:
    step = {**a_step(), "model": model}
    outputs = {"made": {"from": "only.url"}}
    assert faults_of(an_app(inputs={}, steps={"only": step}, outputs=outputs)) == {}


def test_the_example_in_the_docs_is_valid() -> None:
    assert faults_of(APP) == {}
    definition = read_definition(APP)
    assert definition.slug == "portrait"
    assert [step.name for step in definition.graph.jobs] == ["portrait", "dusk"]
    assert definition.graph.needs["dusk"] == {"portrait"}


def test_a_missing_slug_is_derived_from_the_name() -> None:
    assert read_definition(an_app(name="  Big & Small: Foxes!  ")).slug == "big-small-foxes"
    assert len(read_definition(an_app(name="x" * 200)).slug) == 64


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": ""}, "/name", "is required: a name for people"),
    ({"name": 7}, "/name", "must be a string"),
    ({"name": "x" * 201}, "/name", "must have at most 200 characters, not 201"),
    ({"name": "…"}, "/slug", "is required, since the name has no letters"),
    ({"slug": "No Slug"}, "/slug", "must be 1 to 64 lower-case letters"),
    ({"slug": "01a208e4-b049-71fb-80f9-bd0e09a9e356"}, "/slug", "and no UUID"),
    ({"name": "01A208E4-B049-71FB-80F9-BD0E09A9E356"}, "/slug", "is required, since the name"),
    ({"hat": 1}, "/hat", "is not a field here; use name, slug"),
    ({"inputs": []}, "/inputs", "must be an object"),
    ({"inputs": {"a b": {"type": "string"}}}, "/inputs/a b", "must be called by a letter"),
    ({"inputs": {"a": {"type": "text"}}}, "/inputs/a", "cannot be read: "),
    ({"inputs": {"a": {"type": "array"}}}, "/inputs/a", "must say in items"),
    ({"inputs": {"a": {"type": "string", "pattern": "a"}}}, "/inputs/a", "has a pattern"),
    ({"inputs": {"a": {"type": "string", "min_length": -1}}}, "/inputs/a", "cannot be used: "),
    ({"inputs": {"a": {"type": "integer", "max": 3, "default": 4}}}, "/inputs/a/default", "own"),
    ({"inputs": {f"i{n}": {"type": "string"} for n in range(65)}}, "/inputs", "at most 64"),
    ({"steps": {}}, "/steps", "must be an object with at least one step"),
    ({"steps": None}, "/steps", "must be an object with at least one step"),
    ({"steps": {f"s{n}": a_step() for n in range(33)}}, "/steps", "at most 32 steps, not 33"),
    ({"steps": {"input": a_step()}}, "/steps/input", "must be called by a letter"),
    ({"steps": {"a": 1}}, "/steps/a", "must be an object with model and input, or with asset"),
    ({"steps": {"a": {"model": FLUX, "hat": 1}}}, "/steps/a/hat", "is not a field of a step"),
    ({"steps": {"a": {"model": "bfl/flux"}}}, "/steps/a/model", "must name a model with its kind"),
    ({"steps": {"a": {"model": "image/bfl/nope"}}}, "/steps/a/model", "cannot be asked for"),
    ({"steps": {"a": {"model": FLUX, "input": 3}}}, "/steps/a/input", "must be an object"),
    ({"steps": {"a": a_step(width=9000)}}, "/steps/a/input/width", "must be at most"),
    ({"steps": {"a": a_step(hat=1)}}, "/steps/a/input/hat", "is not a field of this model"),
    ({"steps": {"a": {"model": FLUX}}}, "/steps/a/input/prompt", "is required"),
    ({"steps": {"a": a_step(image_url={"from": "b.url"})}}, "/steps/a/input/image_url", "none"),
    (
        {"steps": {"a": a_step(image_url={"from": "input.nope"})}},
        "/steps/a/input/image_url",
        "comes from input.nope, and there is no such input",
    ),
    (
        {"steps": {"a": a_step(width={"from": "input.subject"})}},
        "/steps/a/input/width",
        "takes number, and input.subject is string",
    ),
    (
        {"steps": {"a": a_step(), "b": a_step(width={"from": "a.url"})}},
        "/steps/b/input/width",
        "must be a number, not a string",
    ),
    ({"steps": {"a": a_step(seed={"from": "x"})}}, "/steps/a/input/seed", "must come from input."),
    ({"steps": {"a": a_step(seed={"from": ["x"]})}}, "/steps/a/input/seed", "must come from"),
    ({"steps": {"a": a_step(prompt={"join": []})}}, "/steps/a/input/prompt/join", "1 to 64 parts"),
    ({"steps": {"a": a_step(prompt={"join": [1]})}}, "/steps/a/input/prompt/join/0", "a string"),
    ({"steps": {"a": a_step(x=deep(60))}}, "/steps/a/input/x" + "/0" * 12, "nested more than 12"),
    ({"steps": {"a": {"asset": 7}}}, "/steps/a/asset", "must be an asset's id"),
    ({"steps": {"a": {"asset": "x", "model": FLUX}}}, "/steps/a/model", "does not go with asset"),
    (
        {"steps": {"a": a_step(), "b": {"asset": {"from": "a.url"}}}},
        "/steps/b/asset",
        "must be an asset's id",
    ),
    (
        {
            "steps": {
                "a": a_step(image_url={"from": "b.url"}),
                "b": a_step(image_url={"from": "a.url"}),
            },
            "outputs": {"a": {"from": "a.url"}},
        },
        "/steps",
        "must not wait for each other in a circle",
    ),
    (
        {"steps": {"a": a_step(image_url={"from": "a.url"})}, "outputs": {"a": {"from": "a.url"}}},
        "/steps",
        "in a circle: a → a",
    ),
    ({"outputs": {}}, "/outputs", "must be an object with at least one output"),
    ({"outputs": {"a": "constant"}}, "/outputs/a", "must come from a step or an input"),
    ({"outputs": {"a": {"from": "dawn.url"}}}, "/outputs/a", "comes from the step dawn"),
    ({"outputs": {"a": {"from": "dask.url"}}}, "/outputs/a", "(did you mean dusk?)"),
    ({"outputs": {"a": {"from": "dusk.style"}}}, "/outputs/a", "must come from input.NAME"),
]


@pytest.mark.parametrize(("changes", "path", "message"), WRONG)
def test_an_error_names_its_place(changes: dict[str, Any], path: str, message: str) -> None:
    if "steps" in changes and "outputs" not in changes:
        changes = {**changes, "outputs": {"one": {"from": "a.url"}}}
    faults = faults_of(an_app(**changes))
    assert path in faults, faults
    assert message in faults[path]


def test_all_errors_are_reported_at_once_up_to_twenty() -> None:
    faults = faults_of({"name": 1, "hat": 2, "steps": {"a": 3}, "outputs": {}})
    assert set(faults) == {"/hat", "/name", "/steps/a", "/outputs"}
    many = {f"field{n}": 1 for n in range(500)}
    assert len(faults_of(an_app(**many))) == FAULTS_MAX


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["a.url", "input.x", FLUX, "string", "array"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "join", "model", "input", "asset", "type", "items", "default", "a", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["name", "slug", "description", "inputs", "steps", "outputs", "hat"]),
        json_values | st.dictionaries(st.sampled_from(["a", "x", "b c"]), json_values, max_size=3),
        max_size=7,
    )
)
def test_any_document_is_read_or_refused_with_sentences(document: dict[str, Any]) -> None:
    for path, message in faults_of(document).items():
        assert path.startswith("/")
        assert message
        assert "\n" not in message


def test_references_are_replaced_by_values() -> None:
    known = Resolver({"x": 3, "none": None}, {"a": ["u0", "u1"]})
    value = {
        "plain": [1, "two"],
        "input": Reference("input", "x"),
        "first": Reference("a", "url"),
        "all": Reference("a", "urls"),
        "second": [Reference("a", "urls", 1)],
        "text": Joined(("n=", Reference("input", "x"), " ", Reference("a", "urls"))),
        "left_out": Reference("input", "nowhere"),
        "some": [Reference("input", "nowhere"), 1],
        "gap": Joined(("<", Reference("input", "nowhere"), Reference("input", "none"), ">")),
    }
    assert known.resolve(value) == {
        "plain": [1, "two"],
        "input": 3,
        "first": "u0",
        "all": ["u0", "u1"],
        "second": ["u1"],
        "text": "n=3 u0, u1",
        "some": [1],
        "gap": "<>",
    }
    assert known.resolve(Reference("input", "nowhere")) is ABSENT
    with pytest.raises(MissingResult, match="the step a made 2"):
        known.resolve(Reference("a", "urls", 2))


def test_errors_caused_by_inputs_are_found_before_a_run() -> None:
    loose = an_app(inputs={"subject": {"type": "string"}, "width": {"type": "integer"}})
    graph = read_definition(loose).graph
    assert faults_of(loose) == {}
    assert list(check_execution(graph, CATALOGUE, {"width": 512}, now_ms=NOW)) == []
    faults = list(check_execution(graph, CATALOGUE, {"width": 9000}, now_ms=NOW))
    assert {fault.path for fault in faults} == {
        "/steps/portrait/input/width",
        "/steps/dusk/input/width",
    }


def test_a_long_input_is_not_repeated_without_limit() -> None:
    often = {"join": [{"from": "input.subject"}] * 60}
    app = an_app(inputs={"subject": {"type": "string"}}, outputs={"o": [often] * 20})
    app["steps"] = {"dusk": a_step(prompt=often)}
    graph = read_definition(app).graph
    assert faults_of(app) == {}
    assert list(check_execution(graph, CATALOGUE, {"subject": "a fox"}, now_ms=NOW)) == []
    found = list(check_execution(graph, CATALOGUE, {"subject": "x" * 100_000}, now_ms=NOW))
    much = "too large: its resolved references have more than {} bytes, with 256 for each value"
    assert {fault.path: fault.message for fault in found} == {
        "/steps/dusk/input": f"is {much.format(2097152)} in a list or an object",
        "/outputs": f"are {much.format(262144)} in a list or an object",
    }


def test_a_long_input_is_not_stored_with_every_step() -> None:
    app = an_app(inputs={"subject": {"type": "string"}}, outputs={"o": {"from": "s0.url"}})
    prompt = {"prompt": {"from": "input.subject"}}
    null = {"model": "image/ringback/null", "input": prompt}
    app["steps"] = {f"s{number}": null for number in range(32)}
    graph = read_definition(app).graph
    assert list(check_execution(graph, CATALOGUE, {"subject": "x" * 200_000}, now_ms=NOW)) == []
    (fault,) = check_execution(graph, CATALOGUE, {"subject": "x" * 300_000}, now_ms=NOW)
    assert (fault.path, "8388608 bytes" in fault.message) == ("/steps", True)


@pytest.mark.parametrize("value", [[[]] * 300_000, [{"x": [[0] * 300_000]}]])
def test_an_input_with_a_million_values_is_refused(value: Any) -> None:
    known = Resolver({"x": value, "few": [1, {"y": [2]}]}, {}, size_max=2_000)
    with pytest.raises(TooLarge, match="2000 bytes, with 256 for each value"):
        known.resolve(Joined((Reference("input", "x"),)))
    known = Resolver({"few": [1, {"y": [2]}]}, {}, size_max=2_000)
    assert known.resolve([Reference("input", "few")]) == [[1, {"y": [2]}]]
    with pytest.raises(TooLarge):
        known.resolve(Reference("input", "few"))


def test_a_definition_of_empty_lists_is_not_kept_in_memory() -> None:
    many = an_app(outputs={"o": [[[]] * 10_000, {"from": "dusk.url"}]})
    assert faults_of(many) == {"/steps": "and all else must have at most 10,000 values together"}
    some = an_app(outputs={"o": [[[]] * 9_000, {"from": "dusk.url"}]})
    assert faults_of(some) == {}


def test_hints_are_computed_only_while_errors_are_collected() -> None:
    def took_s(references: int) -> float:
        wrong = [{"from": f"b{number:038}.url"} for number in range(references)]
        app = an_app(outputs={"o": wrong})
        app["steps"] = {f"a{number:038}": a_step() for number in range(32)}
        began = process_time()
        assert len(faults_of(app)) > 0
        return process_time() - began

    assert took_s(4_000) < 10 * took_s(FAULTS_MAX)


def test_a_retired_model_cannot_be_a_step() -> None:
    ending = Sunset(date=date(2027, 1, 15), since=date(2026, 1, 1))
    model = replace(CATALOGUE.find("image", "bfl/flux-1-dev"), sunset=ending)
    graph = read_definition(APP).graph
    before = check_push(graph, Catalogue([model]), now_ms=ending.begins_at - 1)
    after = check_push(graph, Catalogue([model]), now_ms=ending.begins_at)
    assert list(before) == []
    assert [fault.path for fault in after] == ["/steps/portrait/model", "/steps/dusk/model"]
