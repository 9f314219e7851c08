"""Workflows in ComfyUI's API format, and the node inputs that a job sets. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ringback.catalogue.seeds import SEED, SeedRange
from ringback.errors import EngineError, SetupError
from ringback.wire.texts import decode_text

WORKFLOW_BYTES_MAX = 4 << 20

Nodes = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInput:
    """The input of a node that a model's parameter sets; a file is uploaded first."""

    node: str
    name: str
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The nodes by id, the node inputs of each parameter, and the output nodes."""

    nodes: Nodes
    node_inputs: Mapping[str, tuple[NodeInput, ...]]
    outputs: tuple[str, ...] = ()  # empty: every node with files

    @property
    def file_parameters(self) -> tuple[str, ...]:
        """Return the parameters whose values are URLs of files, in their order."""
        return tuple(
            name
            for name, node_inputs in self.node_inputs.items()
            if any(node_input.is_file for node_input in node_inputs)
        )


def read_nodes(content: bytes, *, file: str) -> Nodes:
    """Return the nodes of a workflow's file, or raise ``SetupError`` with advice."""
    try:
        found = msgspec.json.decode(decode_text(content))
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


def read_node_input(text: str, *, is_file: bool = False) -> NodeInput:
    """Return the node input that ``NODE.INPUT`` names, or raise ``SetupError``."""
    node, dot, name = text.partition(".")
    if not (node and dot and name):
        raise SetupError(f"{text!r} does not name a node input; write it as NODE.INPUT.")
    return NodeInput(node=node, name=name, is_file=is_file)


def check(workflow: Workflow, *, file: str) -> None:
    """Raise ``SetupError`` for a node input or an output that the workflow does not have."""
    for parameter, node_inputs in workflow.node_inputs.items():
        for node_input in node_inputs:
            node = workflow.nodes.get(node_input.node)
            if node is None:
                raise SetupError(
                    f"The input {parameter} goes to node {node_input.node}, which is not in {file}."
                )
            if node_input.name not in node["inputs"]:
                known = " and ".join(sorted(node["inputs"])) or "none"
                raise SetupError(
                    f"The input {parameter} goes to {node_input.node}.{node_input.name} of {file}, "
                    f"which {node['class_type']} does not have there; it has {known}."
                )
            if isinstance(node["inputs"][node_input.name], list):
                raise SetupError(
                    f"The input {parameter} goes to {node_input.node}.{node_input.name} of {file}, "
                    "which another node feeds; remove that link from the workflow."
                )
    for output in workflow.outputs:
        if output not in workflow.nodes:
            raise SetupError(f"The output node {output} is not in {file}.")


def fill(workflow: Workflow, values: Mapping[str, Any], *, job_id: str) -> Nodes:
    """Return a copy of the nodes with a job's values set.

    A parameter without a value leaves the workflow's own, except for a seed: with an unchanged seed
    ComfyUI returns its cached result, so a job without a seed gets its own. Raises ``EngineError``
    for a value that is not a single one."""
    nodes = copy.deepcopy(workflow.nodes)
    for parameter, node_inputs in workflow.node_inputs.items():
        value = values.get(parameter)
        if value is None and parameter == SEED:
            value = SeedRange().drawn(job_id)
        if value is None:
            continue
        if not isinstance(value, str | int | float | bool):
            # In a workflow a list is a link to another node, which a job must not create.
            raise EngineError(f"The parameter {parameter} takes one value in this workflow.")
        for node_input in node_inputs:
            nodes[node_input.node]["inputs"][node_input.name] = value
    return nodes
