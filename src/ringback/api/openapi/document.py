"""The API's own description (OpenAPI 3.1), generated from the catalogue and the operations.

Each model has a path of its own, with the schema of its body and a table of its costs, because
clients of the public API look for models there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ringback import __version__
from ringback.api.documents.jobs import SubmittedJobDocument
from ringback.api.openapi.components import (
    ERROR_RESPONSES,
    HEADER_PARAMETERS,
    error_response,
    error_responses,
    header_parameter,
)
from ringback.api.openapi.models import model_operation, training_operation
from ringback.api.operations import Operation, OperationTable, Parameter, Response
from ringback.api.routes import (
    about,
    assets,
    bulk_operations,
    deliveries,
    endpoints,
    events,
    jobs,
    jwks,
    listeners,
    node_apps,
    styles,
    usage,
)
from ringback.catalogue.catalogue import Catalogue
from ringback.http.error_documents import ErrorDocument, GoneDocument
from ringback.http.schemas import Schema, schemas_of

_ABOUT = (
    "Submit a prompt and get a job at once; when the job has ended, its webhook is sent, signed "
    "and retried until the receiver accepts it. Clients can also poll a job, or wait for its end."
)
_TAGS = {
    "Image": "One route for each image model.",
    "Video": "One route for each video model.",
    "Enhance": "Models that enlarge and improve images.",
    "3d": "One route for each model of meshes.",
    "Export": "Meshes in other formats.",
    "Jobs": "Generations, from submission to their end.",
    "Assets": "Files for jobs to use.",
    "Styles": "Styles that are trained from images and used in generations.",
    "Node Apps": "Graphs of steps, pushed once and run as jobs.",
    "Deliveries": "The log of webhooks, and redelivery.",
    "Events": "The events of a workspace, for programs that missed webhooks.",
    "Endpoints": "Webhook URLs of a workspace.",
    "Usage": "Spent compute units, and budgets.",
    "Server": "The server itself.",
}
_TABLES: tuple[OperationTable, ...] = (
    jobs.OPERATIONS,
    about.OPERATIONS,
    assets.OPERATIONS,
    styles.OPERATIONS,
    node_apps.OPERATIONS,
    deliveries.DELIVERIES,
    deliveries.DESTINATIONS,
    events.OPERATIONS,
    bulk_operations.OPERATIONS,
    endpoints.OPERATIONS,
    jwks.OPERATIONS,
    listeners.OPERATIONS,
    usage.OPERATIONS,
)


def describe(
    catalogue: Catalogue, public_url: str | None, *, version: str = __version__
) -> dict[str, Any]:
    """Return the description of the API."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
    }
    if public_url is not None:
        document["servers"] = [{"url": public_url}]
    paths, schemas = _paths_and_schemas()
    return document | {
        "security": [{"bearerAuth": []}],
        "tags": [{"name": name, "description": about} for name, about in _TAGS.items()],
        "paths": {
            **{model.path: {"post": model_operation(model)} for model in catalogue},
            "/styles/train": {"post": training_operation(catalogue.trainings)},
            **{model.path: {"post": model_operation(model)} for model in catalogue.exports},
            **paths,
        },
        "components": {
            "schemas": schemas,
            "parameters": HEADER_PARAMETERS,
            "responses": ERROR_RESPONSES,
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }


@cache
def _paths_and_schemas() -> tuple[dict[str, Any], dict[str, Schema]]:
    """Return the paths of the tables' operations, and every named schema."""
    operations = [operation for table in _TABLES for operation in table]
    kinds = [kind for operation in operations for kind in _kinds_of(operation)]
    schemas, components = schemas_of([*kinds, SubmittedJobDocument, ErrorDocument, GoneDocument])
    paths: dict[str, Any] = {}
    for table in _TABLES:
        for operation in table:
            item = paths.setdefault(operation.path, _path_item(table, operation.path))
            item[operation.method.lower()] = _operation(operation, schemas)
    return paths, components


def _kinds_of(operation: Operation) -> Iterator[Any]:
    for response in operation.responses:
        yield from response.content.values()
    if operation.body is not None:
        yield operation.body.kind
    if operation.form is not None:
        yield operation.form


def _path_item(table: OperationTable, path: str) -> dict[str, Any]:
    named = [
        {**_parameter(one, "path"), "required": True}
        for name, one in table.path_parameters.items()
        if f"{{{name}}}" in path
    ]
    return {"parameters": named} if named else {}


def _parameter(one: Parameter, location: str) -> dict[str, Any]:
    return {"name": one.name, "in": location, "description": one.description, "schema": one.schema}


def _operation(operation: Operation, schemas: Mapping[Any, Schema]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description is not None:
        described["description"] = operation.description.replace("``", "`")
    if operation.access == "public":
        described["security"] = []
    parameters = [
        *(_parameter(one, "query") for one in operation.query),
        *(header_parameter(name) for name in operation.headers),
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = _request_body(operation, schemas)
    described["responses"] = {
        **{str(one.status): _response(one, schemas) for one in operation.responses},
        **error_responses(operation.error_statuses),
        **{
            str(status): error_response(status, description)
            for status, description in operation.refusals.items()
        },
    }
    return described


def _request_body(operation: Operation, schemas: Mapping[Any, Schema]) -> dict[str, Any]:
    body = operation.body
    assert body is not None
    content: dict[str, Any] = {}
    if operation.form is not None:
        content["multipart/form-data"] = {"schema": schemas[operation.form]}
    content["application/json"] = {
        "schema": {**schemas[body.kind], **body.bounds},
        "example": body.example,
    }
    return {"required": body.required, "content": content}


def _response(response: Response, schemas: Mapping[Any, Schema]) -> dict[str, Any]:
    return {
        "description": response.description,
        "content": {
            media_type: {"schema": schemas[kind]} for media_type, kind in response.content.items()
        },
    }
