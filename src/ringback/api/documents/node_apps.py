"""Node apps as the API shows them: the contract's members, then Ringback's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.api.documents.fields import NextCursor, Time, Uuid
from ringback.api.documents.jobs import RunStepDocument
from ringback.catalogue.parameter import object_schema
from ringback.jobs.model import Job
from ringback.node_apps.graph import INPUT, STEPS_MAX, AssetStep, Graph, Reference
from ringback.node_apps.model import AppVersion
from ringback.node_apps.parameters import INPUTS_MAX
from ringback.node_apps.reading import DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX, OUTPUTS_MAX
from ringback.node_apps.values import NAME
from ringback.wire.document import iso_time

_URL = {"type": "string", "format": "uri"}

Name = Annotated[str, Meta(pattern=f"^{NAME.pattern}$")]


class ObjectSchemaDocument(Struct, frozen=True, kw_only=True):
    """The JSON Schema of an object."""

    type: Literal["object"]
    properties: dict[str, dict[str, Any]]
    required: list[str] | UnsetType = UNSET


class NodeAppSummaryDocument(Struct, frozen=True, kw_only=True):
    """A version of a node app, without its graph."""

    id: Annotated[Uuid, Meta(description="The app's id, the same for all its versions.")]
    author_id: str
    workspace_id: str
    name: str
    slug: Annotated[str, Meta(description="The app's name in URLs.")]
    description: str
    scope: Literal["workspace"]
    created_at: Annotated[Time, Meta(description="The time of the first version's push.")]
    updated_at: Annotated[Time, Meta(description="The time of the latest version's push.")]
    last_version_id: Uuid
    version: Annotated[int, Meta(ge=1)]
    version_created_at: Time | None
    username: str
    example_outputs: list[str] | None
    version_id: Annotated[Uuid, Meta(description="The id for executing this version.")]


class NodeAppDocument(NodeAppSummaryDocument, frozen=True, kw_only=True):
    """One version of a node app."""

    input_openapi_schema: Annotated[
        ObjectSchemaDocument, Meta(description="The inputs of an execution.")
    ]
    output_openapi_schema: Annotated[
        ObjectSchemaDocument, Meta(description="The members of `result.outputs`.")
    ]
    input_key_mapping: dict[str, str]
    output_key_mapping: dict[str, str]
    definition: Annotated[dict[str, Any], Meta(description="The definition as it was pushed.")]


class NodeAppPageDocument(Struct, frozen=True, kw_only=True):
    """Node apps in their latest versions, the most recent push first."""

    items: list[NodeAppSummaryDocument]
    next_cursor: NextCursor


class NodeAppDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A graph of steps."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    slug: Annotated[str, Meta(pattern="^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=DESCRIPTION_LENGTH_MAX)] | UnsetType = UNSET
    inputs: (
        Annotated[
            dict[Name, dict[str, Any]],
            Meta(
                max_length=INPUTS_MAX,
                description="The inputs of an execution, by name.",
            ),
        ]
        | UnsetType
    ) = UNSET
    steps: Annotated[
        dict[Name, dict[str, Any]],
        Meta(
            min_length=1,
            max_length=STEPS_MAX,
            description="Each has `model` and `input`, or `asset`. A value anywhere in an "
            'input may be `{"from": "input.NAME"}`, `{"from": "STEP.url"}` or '
            '`{"join": […]}`.',
        ),
    ]
    outputs: Annotated[
        dict[Name, Any],
        Meta(
            min_length=1,
            max_length=OUTPUTS_MAX,
            description="The outputs of the run, by name.",
        ),
    ]


class NodeAppInputs(Struct, frozen=True, kw_only=True):
    """The app's inputs, by the names in its `input_openapi_schema`."""


def summary_document(version: AppVersion, *, latest: AppVersion) -> NodeAppSummaryDocument:
    """Return a version of an app without its graph; ``latest`` is the app's latest version."""
    return NodeAppSummaryDocument(**_summary(version, latest))


def app_document(version: AppVersion, *, latest: AppVersion) -> NodeAppDocument:
    """Return a version of an app with its graph; ``latest`` is the app's latest version."""
    graph = version.graph()
    return NodeAppDocument(
        **_summary(version, latest),
        input_openapi_schema=ObjectSchemaDocument(type="object", **object_schema(graph.inputs)),
        output_openapi_schema=_output_schema(graph),
        input_key_mapping={name: f"{INPUT}-{name}" for name in graph.inputs},
        output_key_mapping=dict(_output_keys(graph)),
        definition=msgspec.json.decode(version.definition),
    )


def step_documents(graph: Graph, jobs: Iterable[Job]) -> list[RunStepDocument]:
    """Return every step of a run with the state of its job, or with nulls before there is one."""
    by_name = {job.step: job for job in jobs}
    shown: list[RunStepDocument] = []
    for name, step in graph.steps.items():
        if isinstance(step, AssetStep):
            shown.append(RunStepDocument(step=name, kind="asset", model=None, job_id=None))
            continue
        job = by_name.get(name)
        shown.append(
            RunStepDocument(
                step=name,
                kind=step.kind,
                model=step.model,
                job_id=None if job is None else job.job_id,
                status=None if job is None else job.status,
                progress=0.0 if job is None else round(job.progress, 4),
            )
        )
    return shown


def _summary(version: AppVersion, latest: AppVersion) -> dict[str, Any]:
    return {
        "id": version.app_id,
        "author_id": version.workspace_id,
        "workspace_id": version.workspace_id,
        "name": version.name,
        "slug": version.slug,
        "description": version.description,
        "scope": "workspace",
        "created_at": iso_time(version.app_created_at_ms),
        "updated_at": iso_time(latest.created_at_ms),
        "last_version_id": latest.version_id,
        "version": version.version,
        "version_created_at": iso_time(version.created_at_ms),
        "username": version.workspace_id,
        "example_outputs": None,
        "version_id": version.version_id,
    }


def _output_schema(graph: Graph) -> ObjectSchemaDocument:
    properties = {name: _schema_of(graph, value) for name, value in graph.outputs.items()}
    always = [name for name, value in graph.outputs.items() if not _may_be_absent(graph, value)]
    return ObjectSchemaDocument(type="object", properties=properties, required=always)


def _schema_of(graph: Graph, value: Any) -> dict[str, Any]:
    match value:
        case Reference(source=source, member=member) if source == INPUT:
            return graph.inputs[member].schema
        case Reference(member="urls", index=None):
            return {"type": "array", "items": _URL}
        case Reference():
            return dict(_URL)
        case list():
            return {"type": "array"}
        case dict():
            return {"type": "object"}
        case _:
            return {"type": "string"}


def _may_be_absent(graph: Graph, value: Any) -> bool:
    if not isinstance(value, Reference) or value.source != INPUT:
        return False
    parameter = graph.inputs[value.member]
    return not parameter.required and not parameter.has_default


def _output_keys(graph: Graph) -> Iterator[tuple[str, str]]:
    for name, value in graph.outputs.items():
        if isinstance(value, Reference):
            yield str(value).replace(".", "-"), name
