"""Settings of a ComfyUI engine: the operator's workflow for each model."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from ringback.engines.upstream.comfyui.workflow import (
    WORKFLOW_BYTES_MAX,
    Workflow,
    check,
    read_node_input,
    read_nodes,
)
from ringback.engines.upstream.config import UpstreamSettings
from ringback.errors import SetupError

NodeInputs = dict[str, str | tuple[str, ...]]


class WorkflowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's workflow."""

    file: str
    """The workflow in API format, as ComfyUI exports it."""
    inputs: NodeInputs = field(default_factory=dict)
    """For each of our parameters the node input that it sets, NODE.INPUT, or a list of them."""
    files: NodeInputs = field(default_factory=dict)
    """The same for parameters that are URLs of files, which are uploaded first."""
    outputs: tuple[str, ...] = ()
    """The nodes whose files are the result; empty: all nodes that saved files."""


class ComfySettings(UpstreamSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of this type."""

    workflows: dict[str, WorkflowSettings] = field(default_factory=dict)
    """By model: its workflow."""
    extra_data: dict[str, Any] = field(default_factory=dict)
    """Sent beside every workflow, for nodes that read it."""
    extra_data_env: dict[str, str] = field(default_factory=dict)
    """The same of values that are secret, like api_key_comfy_org: the variable of each."""

    @property
    def more_secrets_env(self) -> dict[str, str]:
        """The variables of further secrets, by their names in ``extra_data``."""
        return self.extra_data_env

    def check_models(self, name: str, models: Sequence[tuple[str, str]]) -> None:
        """Raise ``SetupError`` unless each model has a workflow, and each workflow a model."""
        routed = {self.name_of(kind, model): model for kind, model in models}
        for provider_name, model in routed.items():
            if provider_name not in self.workflows:
                raise SetupError(
                    f"The engine {name} has no workflow for {model}, which is routed to it; add "
                    f"[engines.{name}.workflows.{msgspec.json.encode(provider_name).decode()}], or "
                    "route the model elsewhere."
                )
        for workflow in self.workflows:
            if workflow not in routed:
                near = get_close_matches(workflow, routed, n=1)
                hint = f"did you mean {near[0]}?" if near else "route a model of that name to it."
                raise SetupError(
                    f"The engine {name} has a workflow for {workflow}, and no such model is routed "
                    f"to it; {hint}"
                )


def read_workflow(settings: WorkflowSettings) -> Workflow:
    """Return a model's workflow, read from its file, or raise ``SetupError``."""
    file = settings.file
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(WORKFLOW_BYTES_MAX + 1)
    except (OSError, ValueError) as exc:
        raise SetupError(f"The workflow {file} cannot be read: {exc}.") from exc
    if len(content) > WORKFLOW_BYTES_MAX:
        raise SetupError(f"The workflow {file} is larger than {WORKFLOW_BYTES_MAX >> 20} MiB.")
    if twice := settings.inputs.keys() & settings.files.keys():
        raise SetupError(f"The parameter {min(twice)} is in inputs and in files of {file}.")
    workflow = Workflow(
        nodes=read_nodes(content, file=file),
        node_inputs={
            parameter: tuple(
                read_node_input(text, is_file=is_file)
                for text in ((node_inputs,) if isinstance(node_inputs, str) else node_inputs)
            )
            for table, is_file in ((settings.inputs, False), (settings.files, True))
            for parameter, node_inputs in table.items()
        },
        outputs=settings.outputs,
    )
    check(workflow, file=file)
    return workflow
