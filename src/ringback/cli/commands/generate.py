"""``ringback generate`` submits a job, waits for it, and saves or shows the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.exit_status import Status, refusal_of
from ringback.cli.console.job_output import job_members, print_unfinished, wait_for_end
from ringback.cli.console.json_input import INPUT, input_object
from ringback.cli.console.model_options import read_parameters
from ringback.cli.console.options import TIMEOUT
from ringback.cli.console.output import print_json, print_lines, talk
from ringback.cli.console.results import SHOW, protocol_for, save_results, show_results
from ringback.wire.texts import read_standard_input

if TYPE_CHECKING:
    from ringback import Job, Ringback
    from ringback.client.models import Model

_KINDS = ("image", "video", "enhance", "3d")


@click.command("generate", context_settings={"ignore_unknown_options": True})
@click.option("-m", "--model", required=True, metavar="ID", help="Like bfl/flux-1-dev.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="Needed when models of two kinds have one id; image/bfl/flux-1-dev includes it.",
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Save the result as this file, or into this directory.",
)
@INPUT
@click.option("--webhook", metavar="URL", help="Called when the job is over.")
@click.option("--wait/--no-wait", default=True, help="Wait for the end, or print the job at once.")
@TIMEOUT
@SHOW
@with_client
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[PROMPT] [--PARAMETER VALUE]..."
)
def command(
    words: tuple[str, ...],
    model: str,
    kind: str | None,
    output: str | None,
    input_text: str | None,
    webhook: str | None,
    wait: bool,
    timeout_s: float | None,
    show: str,
    client: Ringback,
    as_json: bool,
) -> int:
    """Submit a job, wait for it, show and save its result.

    Every parameter of the model is an option, like --width 1024 or --guidance-scale 3.5; the
    server validates them, and "ringback models show ID" lists them. Repeat an option for a list,
    or write JSON. A prompt of "-" is read from standard input.

    Without -o the addresses of the results are printed. Ctrl-C ends the waiting, not the job.
    """
    found = _model(client, model, kind)
    path = f"{found.kind}/{found.id}" if found else _path(model, kind)
    document = _input(words, input_text, found.parameters if found else {})
    job = _submit(client, path, document, webhook)
    if wait:
        job = wait_for_end(job, name="Job", ends="ends it", timeout_s=timeout_s)
    saved = save_results(job, output) if output and job.status == "completed" else []
    _report(job, saved, as_json=as_json)
    protocol = None if as_json else protocol_for(show)
    if protocol is not None and job.status == "completed":
        show_results(job, saved, protocol)
    return Status.JOB_ENDED if job.status in ("failed", "cancelled") else Status.WELL


def _model(client: Ringback, name: str, kind: str | None) -> Model | None:
    """Return the model as the server describes it, or None if the server lists no such model."""
    model_id = name.strip("/").removeprefix("generate/")
    ids = {f"{kind}/{model_id}", model_id} if kind else {model_id}
    found = [
        model
        for model in client.models.list()
        if f"{model.kind}/{model.id}" in ids or (model.id in ids and kind in (None, model.kind))
    ]
    if len(found) > 1:
        kinds = " or ".join(f"--kind {model.kind}" for model in found)
        raise click.UsageError(f"There are {len(found)} models {model_id}; say which: {kinds}.")
    return found[0] if found else None


def _path(name: str, kind: str | None) -> str:
    if name.strip("/").removeprefix("generate/").split("/")[0] in _KINDS:
        return name
    return f"{kind or 'image'}/{name}"


def _input(words: Sequence[str], text: str | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    read = read_parameters(words, schema)
    document = {**input_object(text), **read.values}
    if read.prompt is not None:
        if "prompt" in read.values:
            raise click.UsageError("The prompt is given twice.")
        document["prompt"] = _prompt_on_input() if read.prompt == "-" else read.prompt
    return document


def _prompt_on_input() -> str:
    try:
        return read_standard_input().strip()
    except UnicodeDecodeError as exc:
        raise click.UsageError("The prompt on standard input is not UTF-8 text.") from exc


def _submit(client: Ringback, path: str, document: Mapping[str, Any], webhook: str | None) -> Job:
    from ringback.client.errors import ValidationError

    submit = {
        "image": client.image,
        "video": client.video,
        "enhance": client.enhance,
        "3d": client.mesh,
    }
    try:
        return submit[path.strip("/").removeprefix("generate/").split("/")[0]](
            path, document, webhook_url=webhook
        )
    except ValidationError as exc:
        hint = f"\n  ringback models show {path} lists its parameters."
        raise click.ClickException(refusal_of(exc) + hint) from exc
    except KeyboardInterrupt:
        talk("The job may have been submitted; ringback jobs list shows it if it was.")
        raise


def _report(job: Job, saved: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        more = {"saved": [str(path) for path in saved]} if saved else {}
        print_json({**job_members(job), **more})
    elif job.status != "completed":
        print_unfinished(job, name="Job")
    else:
        print_lines(map(str, saved or job.urls))
        for note in job.notes:
            talk(note)
