"""An operator's workflow in ComfyUI's API format, and which of its inputs a job fills. Pure."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ringback.errors import EngineError, SetupError

WORKFLOW_BYTES_MAX = 4 << 20
_SEED_BITS = 32  # what every sampler takes

Nodes = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a parameter of the model goes: an input of a node; files are uploaded first."""

    node: str
    name: str
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Nodes by their id, the places of the model's parameters, and the nodes whose files count."""

    nodes: Nodes
    places: Mapping[str, tuple[Place, ...]]
    outputs: tuple[str, ...] = ()  # empty: every node that has files

    @property
    def file_parameters(self) -> tuple[str, ...]:
        """Return the parameters whose values are URLs of files, in their order."""
        return tuple(
            name for name, places in self.places.items() if any(place.is_file for place in places)
        )


def read_nodes(content: bytes, *, file: str) -> Nodes:
    """Return the nodes of a workflow's file, or raise ``SetupError`` with what to do."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise SetupError(f"The workflow {file} is not JSON: {exc}.") from exc
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise SetupError(
            f"The workflow {file} is in the editor's format; "
            "export it with “Export (API)” in ComfyUI."
        )
    if not isinstance(found, dict) or not found or not all(map(_is_node, found.values())):
        raise SetupError(
            f"The workflow {file} is not in API format: each node has a class_type and inputs."
        )
    return found


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("class_type"), str)
        and isinstance(value.get("inputs"), dict)
    )


def read_place(text: str, *, is_file: bool = False) -> Place:
    """Return the place that ``NODE.INPUT`` spells, or raise ``SetupError``."""
    node, dot, name = text.partition(".")
    if not (node and dot and name):
        raise SetupError(f"{text!r} names no input of a workflow; write it as NODE.INPUT.")
    return Place(node=node, name=name, is_file=is_file)


def check(workflow: Workflow, *, file: str) -> None:
    """Raise ``SetupError`` for a place or an output that the workflow does not have."""
    for parameter, places in workflow.places.items():
        for place in places:
            node = workflow.nodes.get(place.node)
            if node is None:
                raise SetupError(
                    f"The input {parameter} goes to node {place.node}, which {file} has not."
                )
            if isinstance(node["inputs"].get(place.name), list):
                raise SetupError(
                    f"The input {parameter} goes to {place.node}.{place.name} of {file}, which "
                    "another node feeds; take that link out of the workflow."
                )
    for output in workflow.outputs:
        if output not in workflow.nodes:
            raise SetupError(f"The output node {output} is not in {file}.")


def filled(workflow: Workflow, values: Mapping[str, Any], *, job_id: str) -> Nodes:
    """Return the nodes with a job's values in their places.

    A parameter without a value leaves what the workflow has, but for a seed: the same seed makes
    ComfyUI answer with what it made before, so a job that names none has its own. Raises
    ``EngineError`` for a value that no input takes.
    """
    nodes = copy.deepcopy(workflow.nodes)
    for parameter, places in workflow.places.items():
        value = values.get(parameter)
        if value is None and parameter == "seed":
            value = _seed_of(job_id)
        if value is None:
            continue
        if not isinstance(value, str | int | float | bool):
            # In a workflow a list is a link to another node: a job draws none.
            raise EngineError(f"The parameter {parameter} takes one value in this workflow.")
        for place in places:
            nodes[place.node]["inputs"][place.name] = value
    return nodes


def _seed_of(job_id: str) -> int:
    digest = hashlib.sha256(job_id.encode()).digest()
    return int.from_bytes(digest[: _SEED_BITS // 8])
