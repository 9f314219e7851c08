"""Node apps as the API shows them: the contract's members, and ours after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ringback.apps.graph import INPUT, AssetStep, Graph, Reference
from ringback.apps.model import AppVersion
from ringback.catalogue.parameter import object_schema
from ringback.jobs.model import Job
from ringback.wire.document import iso_time

_URL = {"type": "string", "format": "uri"}


def summary_document(version: AppVersion, *, latest: AppVersion) -> dict[str, Any]:
    """Return what a version of an app is, without what it does; ``latest`` is the app's latest."""
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


def app_document(version: AppVersion, *, latest: AppVersion) -> dict[str, Any]:
    """Return a version of an app whole; ``latest`` is the app's latest one."""
    graph = version.graph()
    return summary_document(version, latest=latest) | {
        "input_openapi_schema": {"type": "object", **object_schema(graph.inputs)},
        "output_openapi_schema": _output_schema(graph),
        "input_key_mapping": {name: f"{INPUT}-{name}" for name in graph.inputs},
        "output_key_mapping": dict(_output_keys(graph)),
        "definition": msgspec.json.decode(version.definition),
    }


def step_documents(graph: Graph, jobs: Iterable[Job]) -> list[dict[str, Any]]:
    """Return every step of a run: its job, or null while it is none yet, and where that stands."""
    by_name = {job.step: job for job in jobs}
    shown: list[dict[str, Any]] = []
    for name, step in graph.steps.items():
        if isinstance(step, AssetStep):
            shown.append({"step": name, "kind": "asset", "model": None, "job_id": None})
            continue
        job = by_name.get(name)
        shown.append(
            {
                "step": name,
                "kind": step.kind,
                "model": step.model,
                "job_id": None if job is None else job.job_id,
                "status": None if job is None else job.status.value,
                "progress": 0.0 if job is None else round(job.progress, 4),
            }
        )
    return shown


def _output_schema(graph: Graph) -> dict[str, Any]:
    properties = {name: _schema_of(graph, value) for name, value in graph.outputs.items()}
    always = [name for name, value in graph.outputs.items() if not _may_be_absent(graph, value)]
    return {"type": "object", "properties": properties, "required": always}


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
    taken = graph.inputs[value.member]
    return not taken.required and not taken.has_default


def _output_keys(graph: Graph) -> Iterator[tuple[str, str]]:
    for name, value in graph.outputs.items():
        if isinstance(value, Reference):
            yield str(value).replace(".", "-"), name
