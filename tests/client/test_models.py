"""The client's models and the server's documents: every document that may come can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ringback.api.documents import (
    assets,
    bulk_operations,
    deliveries,
    endpoints,
    jobs,
    node_apps,
    server,
    styles,
    usage,
)
from ringback.client import models
from ringback.http.schemas import Schema, inlined_schema_of

PAIRS = [
    (models.JobDocument, (jobs.JobDocument, jobs.SubmittedJobDocument)),
    (models.Model, (server.ModelDocument,)),
    (models.UsageItem, (usage.UsageItemDocument, usage.UsageTotalDocument)),
    (models.Budget, (usage.BudgetDocument,)),
    (models.Usage, (usage.UsageDocument,)),
    (models.Asset, (assets.AssetDocument,)),
    (models.Style, (styles.StyleDocument,)),
    (models.ShareLink, (styles.ShareLinkDocument,)),
    (models.NodeApp, (node_apps.NodeAppDocument, node_apps.NodeAppSummaryDocument)),
    (models.Delivery, (deliveries.WholeDeliveryDocument, deliveries.DeliveryDocument)),
    (models.Explanation, (deliveries.ExplanationDocument,)),
    (models.BulkOperation, (bulk_operations.BulkOperationDocument,)),
    (models.Endpoint, (endpoints.NewEndpointDocument, endpoints.EndpointDocument)),
    (models.HandedDelivery, (deliveries.HandedDeliveryDocument,)),
    (models.Event, (deliveries.EventDocument,)),
]
IDS = [model.__name__ for model, _ in PAIRS]
TEXTS = {
    "date-time": "2027-01-15T08:00:00.000Z",
    "date": "2027-01-15",
    "uuid": "01a208e4-b3a8-75d8-89e0-5c12f95ee496",
}


def values_of(schema: Schema) -> Iterator[Any]:
    """Yield a value of each form that the schema allows, the longest object first."""
    if "anyOf" in schema:
        for form in schema["anyOf"]:
            yield from values_of(form)
        return
    if "enum" in schema:
        yield from schema["enum"]
        return
    types = schema.get("type", "object")
    for name in [types] if isinstance(types, str) else types:
        match name:
            case "object":
                yield from objects_of(schema)
            case "array":
                length = schema.get("minItems", 1)
                yield from ([value] * length for value in values_of(schema["items"]))
            case "string":
                yield TEXTS.get(schema.get("format", ""), "x")
            case "number":
                yield from (1.5, 1)
            case _:
                yield {"integer": 1, "boolean": True, "null": None}[name]


def objects_of(schema: Schema) -> Iterator[dict[str, Any]]:
    properties: dict[str, Schema] = schema.get("properties", {})
    full = {name: next(values_of(inner)) for name, inner in properties.items()}
    yield full
    yield {name: full[name] for name in schema.get("required", ())}
    for name, inner in properties.items():
        yield from ({**full, name: value} for value in values_of(inner))


@pytest.mark.parametrize(("model", "documents"), PAIRS, ids=IDS)
def test_the_client_reads_every_document_that_the_server_may_send(
    model: type[msgspec.Struct], documents: tuple[type[msgspec.Struct], ...]
) -> None:
    for document in documents:
        for value in objects_of(inlined_schema_of(document)):
            assert isinstance(msgspec.json.decode(msgspec.json.encode(value), type=model), model)


@pytest.mark.parametrize(("model", "documents"), PAIRS, ids=IDS)
def test_the_client_has_every_member_that_the_server_sends_and_no_other(
    model: type[msgspec.Struct], documents: tuple[type[msgspec.Struct], ...]
) -> None:
    # Other servers have a job's reason there.
    of_others = {"error"} if model is models.JobDocument else set()
    sent = {name for one in documents for name in inlined_schema_of(one)["properties"]}
    assert {one.encode_name for one in msgspec.structs.fields(model)} == sent | of_others
