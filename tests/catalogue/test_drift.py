"""Descriptions of the public API are read, compared with the models, and written as overlays."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.description_reading import DescribedApi, read_description
from ringback.catalogue.drift import Change, Drift, Routes, drift_between
from ringback.catalogue.overlay_writing import write_overlay
from ringback.catalogue.parameter import Parameter
from ringback.errors import InvalidRequest, ModelUnavailable, SetupError
from tests.catalogue.contract_schemas import FOLDER, contract_file

TODAY = date(2026, 12, 1)
URL = {"type": "string", "format": "uri", "maxLength": 1024}
NULL = {"type": "null"}


def described(**properties: Any) -> DescribedApi:
    """Return a description of one route with these fields."""
    return of_routes({"image/studio/poster": {"properties": properties}})


def of_routes(bodies: dict[str, Any]) -> DescribedApi:
    routes = {f"/generate/{name}": {"name": "Poster", "body": one} for name, one in bodies.items()}
    return read_description({"routes": routes})


def fields(schema: dict[str, Any]) -> Parameter:
    """Return the parameter that is read from a schema."""
    return described(field=schema).routes["image/studio/poster"].parameters["field"]


def routes_of(api: DescribedApi) -> Routes:
    return {name: one.parameters for name, one in api.routes.items()}


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    found = drift_between(routes_of(described(**before)), routes_of(described(**after)))
    return [change for each in found.changed.values() for change in each]


def overlay_in(folder: Path, api: DescribedApi, *gone: str) -> Catalogue:
    """Return the catalogue with an overlay of all routes of a description."""
    overlay = write_overlay(api.routes.values(), gone, day=TODAY, source="a file")
    assert overlay.left_out == {}
    for provider, text in overlay.files.items():
        (folder / f"synced-{provider}.toml").write_text(text, "utf-8")
    return Catalogue.load(folder)


@pytest.mark.parametrize(
    ("schema", "facts"),
    [
        ({"type": ["number", "null"]}, {"type": "number", "nullable": True}),
        ({"anyOf": [URL, NULL]}, {"type": "media", "nullable": True, "max_length": 1024}),
        ({"anyOf": [{"type": "number", "const": 4}, {"const": 6}]}, {"enum": (4, 6)}),
        (
            {"anyOf": [{"anyOf": [{"const": 5}, {"const": 10}]}, {"const": 15}], "default": 5},
            {"type": "number", "enum": (5, 10, 15), "default": 5},
        ),
        ({"type": ["string", "null"], "enum": ["png", None]}, {"enum": ("png",), "nullable": True}),
        ({"type": "number", "exclusiveMinimum": 0}, {"exclusive_min": 0, "min": None}),
        ({"type": "string", "const": "pro"}, {"enum": ("pro",)}),
        ({"enum": ["a"]}, {"type": "string"}),
        ({"type": "array", "items": URL, "maxItems": 3}, {"max_items": 3}),
        ({"anyOf": [URL, {"type": "string", "const": ""}]}, {"type": "union"}),
        ({"type": ["string", "number"]}, {"type": "union"}),
        ({"$ref": "#/components/schemas/no"}, None),
        ({"allOf": [URL]}, None),
        ({"type": "array"}, None),
        ({"type": "mystery"}, None),
        ("text", None),
    ],
)
def test_shapes_of_fields_are_read_or_refused(schema: Any, facts: dict[str, Any] | None) -> None:
    if facts is None:
        assert described(field=schema).unread["image/studio/poster"].startswith("field: ")
        return
    found = fields(schema)
    assert {name: getattr(found, name) for name in facts} == facts


def test_hints_of_choices_are_read() -> None:
    rule = {"field": "scan", "optionsByValue": {"whole": [{"value": "a", "label": "A"}]}}
    found = fields(
        {
            "type": "string",
            "enum": ["a", "b"],
            "x-krea-enum-labels": ["Anna", "Bert"],
            "x-krea-dependent-enum": rule,
            "x-krea-visible-when": [{"field": "grain", "equals": True}],
        }
    )
    assert found.schema["x-krea-enum-labels"] == ["Anna", "Bert"]
    assert found.schema["x-krea-dependent-enum"] == rule
    assert found.schema["x-krea-visible-when"] == [{"field": "grain", "equals": True}]


def test_a_shared_schema_is_followed_and_one_that_contains_itself_is_refused() -> None:
    shared = {"point": {"type": "object", "properties": {"next": {"$ref": "point"}}}, "far": URL}
    body = {"properties": {"a": {"$ref": "#/components/schemas/far"}}}
    operation = {
        "summary": "Poster",
        "requestBody": {"content": {"application/json": {"schema": body}}},
    }
    paths = {"/generate/image/studio/poster": {"post": operation}, "/jobs": {"get": {}}}
    document = {"paths": paths, "components": {"schemas": shared}}
    (route,) = read_description(document).routes.values()
    assert route.parameters["a"].type == "media"
    body["properties"]["a"] = {"$ref": "#/components/schemas/point"}
    assert "nested too deeply" in read_description(document).unread["image/studio/poster"]


def test_shared_schemas_that_multiply_without_end_are_refused_at_once() -> None:
    shared = {
        f"s{depth}": {
            "type": "object",
            "properties": {
                name: {"$ref": f"#/components/schemas/s{depth + 1}"} for name in "abcdefgh"
            },
        }
        for depth in range(9)
    } | {"s9": URL}
    routes = {"/generate/image/studio/poster": {"body": shared["s0"]}}
    api = read_description({"routes": routes, "components": {"schemas": shared}})
    assert api.unread["image/studio/poster"].endswith("the description is too large")


@pytest.mark.parametrize("kind", ["style", "export"])
def test_kinds_with_routes_of_their_own_are_no_models(kind: str) -> None:
    api = of_routes({f"{kind}/studio/poster": {"properties": {}}})
    assert api.unread == {f"{kind}/studio/poster": "its name is not that of a model"}


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, {"paths": {"/jobs": {}}}])
def test_a_document_without_routes_is_refused(document: Any) -> None:
    with pytest.raises(SetupError, match="no routes that begin with /generate/"):
        read_description(document)


def test_differences_are_found_at_every_depth() -> None:
    before = {
        "prompt": {"type": "string"},
        "scene": {"type": "array", "items": {"properties": {"far": {"type": "number"}}} | OBJECT},
        "size": {"type": "string", "enum": ["1K"], "default": "1K"},
    }
    after = {
        "prompt": {"type": "string", "maxLength": 9},
        "scene": {"type": "array", "items": {"properties": {"near": {"type": "number"}}} | OBJECT},
        "size": {"type": "string", "enum": ["1K", "2K"], "default": "2K"},
    }
    assert changes(before, after) == [
        Change(field="scene[].far", aspect="gone"),
        Change(field="prompt", aspect="bounds", before={}, after={"max_length": 9}),
        Change(field="scene[].near", aspect="new"),
        Change(field="size", aspect="default", before="1K", after="2K"),
        Change(field="size", aspect="choices", before=["1K"], after=["1K", "2K"]),
    ]


OBJECT = {"type": "object"}


def test_a_spelling_is_no_difference() -> None:
    nullable = {"a": {"type": ["string", "null"], "format": "uri"}, "b": {"type": "number"}}
    spelled = {"a": {"anyOf": [{"type": "string", "format": "uri"}, NULL]}, "b": {"type": "number"}}
    assert changes(nullable, spelled) == []
    assert (
        changes({"a": {"default": 1, "type": "number"}}, {"a": {"default": 1.0, "type": "number"}})
        == []
    )


def test_our_own_description_has_no_drift() -> None:
    catalogue = Catalogue.load()
    document = json.loads(json.dumps(describe(catalogue, version="1", public_url=None)))
    ours = {f"{one.kind}/{one.id}": one.parameters for one in catalogue}
    assert not drift_between(ours, routes_of(read_description(document)))


@pytest.mark.skipif(FOLDER is None, reason="RINGBACK_CONTRACT_DIR names no folder")
def test_the_drift_of_the_public_descriptions_is_counted() -> None:
    before = read_description(contract_file("krea-openapi.json"))
    after = read_description(contract_file("krea-routes-2026-10-09.json"))
    assert (len(before.routes), len(after.routes)) == (56, 108)
    assert before.unread == after.unread == {}
    found = drift_between(routes_of(before), routes_of(after))
    counted = (len(found.new), len(found.gone), len(found.refielded), len(found.changed))
    assert counted == (63, 11, 30, 42)


@pytest.mark.skipif(FOLDER is None, reason="RINGBACK_CONTRACT_DIR names no folder")
def test_an_overlay_of_the_whole_newest_description_leaves_no_drift(tmp_path: Path) -> None:
    after = read_description(contract_file("krea-routes-2026-10-09.json"))
    catalogue = overlay_in(tmp_path, after)
    ours = {
        f"{one.kind}/{one.id}": one.parameters for one in catalogue if one.provider != "ringback"
    }
    assert drift_between(ours, routes_of(after)) == Drift(new=(), gone=(), changed={})


def test_an_overlay_adds_changes_and_ends_models(tmp_path: Path) -> None:
    flux = {"properties": {"prompt": {"type": "string"}, "mood": {"type": "string"}}}
    poster = {"properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
    api = of_routes({"image/bfl/flux-1-dev": flux, "image/studio/poster": poster})
    before = Catalogue.load()
    catalogue = overlay_in(tmp_path, api, "image/google/nano-banana")
    changed = catalogue.find("image", "bfl/flux-1-dev")
    assert list(changed.parameters) == ["prompt", "mood"]
    old = before.find("image", "bfl/flux-1-dev")
    assert (changed.engine, changed.compute_units) == (old.engine, old.compute_units)
    assert catalogue.find("image", "studio/poster").engine == "sketch"
    with pytest.raises(ModelUnavailable) as caught:
        catalogue.find("image", "google/nano-banana")
    assert caught.value.sunset_date == "2026-12-01"
    with pytest.raises(InvalidRequest):
        catalogue.validate(changed, {"prompt": "a fox", "width": 512})


def test_any_text_of_a_description_is_written_and_read_again(tmp_path: Path) -> None:
    odd = 'a "quote" \\ \x7f \u2028 \N{FOX FACE} \n'
    api = described(
        **{
            "odd name é": {"type": "string", "default": odd, "description": odd},
            "tag": {"type": "string", "pattern": "^[a-z]+$", "minLength": 1},
            "many": {"type": "array", "items": {"properties": {"x": NULL}} | OBJECT, "default": []},
        }
    )
    catalogue = overlay_in(tmp_path, api)
    model = catalogue.find("image", "studio/poster")
    assert model.parameters["odd name é"].default == odd
    assert not drift_between({"image/studio/poster": model.parameters}, routes_of(api))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "("},
        {"type": "number", "minimum": 5, "default": 1},
        {"type": "array", "items": {"type": "number"}, "default": [None]},
    ],
)
def test_a_route_that_contradicts_itself_is_left_out_with_the_reason(schema: Any) -> None:
    api = described(field=schema)
    overlay = write_overlay(api.routes.values(), (), day=TODAY, source="a file")
    assert overlay.files == {}
    assert overlay.left_out["image/studio/poster"]
