"""The OpenAPI description of the catalogue's models."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest
import schemathesis

from ringback.api.documents.server import models_document
from ringback.api.openapi.document import describe
from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.schemas import compiled

CATALOGUE = Catalogue.load()
DOCUMENT = describe(CATALOGUE, version="1.2.3", public_url="https://ringback.example")


def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path}": operation
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_the_description_is_valid_openapi() -> None:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT)))
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(operations())


def test_the_same_catalogue_gives_the_same_bytes() -> None:
    again = describe(Catalogue.load(), version="1.2.3", public_url="https://ringback.example")
    assert json.dumps(again) == json.dumps(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}
    assert references
    for reference in references:
        target: Any = DOCUMENT
        for step in reference.split("/"):
            target = target[step]


def test_no_member_of_a_response_has_a_default() -> None:
    # One that is always sent is required, and one that may be absent has no value then.
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if not name.endswith("Request"):
            for member, described in schema.get("properties", {}).items():
                assert "default" not in described, (name, member)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


def test_the_address_is_left_out_when_it_is_unknown() -> None:
    assert "servers" not in describe(CATALOGUE, version="1", public_url=None)
    assert DOCUMENT["servers"] == [{"url": "https://ringback.example"}]
    assert DOCUMENT["info"]["version"] == "1.2.3"


@pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: model.id)
def test_every_model_has_a_path_whose_schema_takes_its_example(model: Model) -> None:
    operation = DOCUMENT["paths"][model.path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert compiled(content["schema"]).is_valid(content["example"])
    assert content["schema"]["additionalProperties"] is False
    assert content["schema"]["properties"].keys().isdisjoint(alias.old for alias in model.aliases)
    assert operation["responses"].keys() == {
        *(
            "200",
            "400",
            "401",
            "402",
            "403",
            "404",
            "408",
            "409",
            "410",
            "413",
            "415",
            "429",
            "503",
            "507",
        )
    }


def test_the_cost_and_the_old_names_are_in_the_description() -> None:
    old = describe(Catalogue.of_day(date(2026, 5, 27)), version="1", public_url=None)
    description = old["paths"]["/generate/image/qwen/2512"]["post"]["description"]
    assert description.splitlines()[1:] == [
        "| Compute Units | Average Completion Time |",
        "|---------------|-------------------------|",
        "| ~9 | ~22 seconds |",
        "> **Deprecated request fields:**",
        ">",
        "> - `skipPromptExpansion` -> `skip_prompt_expansion` until 2026-06-19",
        "> - `presetStyles` -> `styles` until 2026-06-19",
        ">",
        "> Ringback still takes the old names, and the date is the public API's.",
    ]


def test_variants_have_a_row_each() -> None:
    path = "/generate/image/google/nano-banana-2"
    assert DOCUMENT["paths"][path]["post"]["description"].splitlines()[1:6] == [
        "| Resolution | Compute Units |",
        "|------------|---------------|",
        "| 1K | 34.4 |",
        "| 2K | 57.8 |",
        "| 4K | 86.5 |",
    ]


def test_only_the_server_speaks_without_a_token() -> None:
    assert DOCUMENT["security"] == [{"bearerAuth": []}]
    assert {
        name for name, operation in operations().items() if operation.get("security") == []
    } == {
        "get /models",
        "get /openapi.json",
        "get /healthz",
        "get /readyz",
        "get /.well-known/webhooks-jwks.json",
    }


def test_models_are_listed_compactly() -> None:
    models = msgspec.to_builtins(models_document(CATALOGUE))["models"]
    schema = {**DOCUMENT["components"]["schemas"]["Models"], "components": DOCUMENT["components"]}
    assert compiled(schema).is_valid({"models": models})
    assert [model["id"] for model in models] == [model.id for model in CATALOGUE]
    null = next(model for model in models if model["id"] == "ringback/null")
    assert null == {
        "id": "ringback/null",
        "kind": "image",
        "path": "/generate/image/ringback/null",
        "title": "Null",
        "description": null["description"],
        "engine": "null",
        "type": "null",
        "compute_units": 0,
        "average_completion_s": 0,
        "sunset_date": None,
        "replacement": None,
        "parameters": CATALOGUE.find("image", "ringback/null").schema,
    }
