"""How a ComfyUI engine is set up: workflows of the operator's, by model."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from ringback.engines.upstream.comfyui.workflow import (
    WORKFLOW_BYTES_MAX,
    Workflow,
    check,
    read_nodes,
    read_place,
)
from ringback.engines.upstream.config import UpstreamSettings
from ringback.errors import SetupError

Places = dict[str, str | tuple[str, ...]]


class WorkflowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's workflow."""

    file: str
    """The workflow in API format, as ComfyUI exports it."""
    inputs: Places = field(default_factory=dict)
    """Our parameters, and where each goes: NODE.INPUT, or a list of them."""
    files: Places = field(default_factory=dict)
    """The same for parameters that are URLs of files; each is uploaded first."""
    outputs: tuple[str, ...] = ()
    """The nodes whose files are the result; without any, all that saved some."""


class ComfySettings(UpstreamSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ComfyUI engine has beside the rest."""

    workflows: dict[str, WorkflowSettings] = field(default_factory=dict)
    """By model: the workflow that makes it."""


def read_workflow(settings: WorkflowSettings) -> Workflow:
    """Return a model's workflow, read from its file, or raise ``SetupError``."""
    file = settings.file
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(WORKFLOW_BYTES_MAX + 1)
    except (OSError, ValueError) as exc:
        raise SetupError(f"The workflow {file} cannot be read: {exc}.") from exc
    if len(content) > WORKFLOW_BYTES_MAX:
        raise SetupError(f"The workflow {file} is larger than a workflow is.")
    if twice := settings.inputs.keys() & settings.files.keys():
        raise SetupError(f"The parameter {min(twice)} is in inputs and in files of {file}.")
    workflow = Workflow(
        nodes=read_nodes(content, file=file),
        places={
            parameter: tuple(
                read_place(text, is_file=is_file)
                for text in ((places,) if isinstance(places, str) else places)
            )
            for table, is_file in ((settings.inputs, False), (settings.files, True))
            for parameter, places in table.items()
        },
        outputs=settings.outputs,
    )
    check(workflow, file=file)
    return workflow
