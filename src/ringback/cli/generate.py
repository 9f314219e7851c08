"""``ringback generate``: from a prompt to a picture, in one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.endings import Status, refusal_of
from ringback.cli.given import INPUT, given_input
from ringback.cli.options import AS_JSON, TIMEOUT
from ringback.cli.output import print_json, print_lines, talk
from ringback.cli.parameters import ParameterError, read_parameters
from ringback.cli.results import SHOW, protocol_for, save_results, show_results

if TYPE_CHECKING:
    from ringback import Job, Ringback
    from ringback.client.models import Model

_KINDS = ("image", "video", "enhance")


@click.command("generate", context_settings={"ignore_unknown_options": True})
@click.option("-m", "--model", required=True, metavar="ID", help="Like bfl/flux-1-dev.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="Needed where models of two kinds have one id; image/bfl/flux-1-dev says it too.",
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
@connection
@AS_JSON
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[PROMPT] [--PARAMETER VALUE]..."
)
def command(
    words: tuple[str, ...],
    model: str,
    kind: str | None,
    output: str | None,
    given: str | None,
    webhook: str | None,
    wait: bool,
    timeout_s: float | None,
    show: str,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Submit a job, wait for it, show and save its result.

    Every parameter of the model is an option, like --width 1024 or --guidance-scale-flux 3.5; the
    server judges them, and "ringback models show ID" lists them. Lists are given item by item, or
    as JSON. A prompt of "-" is read from standard input.

    Without -o the addresses of the results are printed. Ctrl-C ends the waiting, not the job.
    """
    with client_of(url, token) as client:
        found = _model(client, model, kind)
        path = f"{found.kind}/{found.id}" if found else _path(model, kind)
        document = _input(words, given, found.parameters if found else {})
        job = _submitted(client, path, document, webhook)
        if wait:
            job = _waited(job, timeout_s=timeout_s)
        saved = save_results(job, output) if output and job.status == "completed" else []
        _tell(job, saved, as_json=as_json)
        protocol = None if as_json else protocol_for(show)
        if protocol is not None and job.status == "completed":
            show_results(job, saved, protocol)
    return Status.JOB_ENDED if job.status in ("failed", "cancelled") else Status.WELL


def _model(client: Ringback, name: str, kind: str | None) -> Model | None:
    """Return the model as the server describes it; None where the server must know by itself."""
    wanted = name.strip("/").removeprefix("generate/")
    ids = {f"{kind}/{wanted}", wanted} if kind else {wanted}
    found = [
        model
        for model in client.models.list()
        if f"{model.kind}/{model.id}" in ids or (model.id in ids and kind in (None, model.kind))
    ]
    if len(found) > 1:
        kinds = " or ".join(f"--kind {model.kind}" for model in found)
        raise click.UsageError(f"There are {len(found)} models {wanted}; say which: {kinds}.")
    return found[0] if found else None


def _path(name: str, kind: str | None) -> str:
    if name.strip("/").removeprefix("generate/").split("/")[0] in _KINDS:
        return name
    return f"{kind or 'image'}/{name}"


def _input(words: Sequence[str], given: str | None, schema: Mapping[str, Any]) -> dict[str, Any]:
    try:
        read = read_parameters(words, schema)
    except ParameterError as exc:
        raise click.UsageError(str(exc)) from exc
    document = {**given_input(given), **read.values}
    if read.prompt is not None:
        if "prompt" in read.values:
            raise click.UsageError("The prompt is given twice.")
        document["prompt"] = sys.stdin.read().strip() if read.prompt == "-" else read.prompt
    return document


def _submitted(
    client: Ringback, path: str, document: Mapping[str, Any], webhook: str | None
) -> Job:
    from ringback.client.errors import ValidationError

    submit = {"image": client.image, "video": client.video, "enhance": client.enhance}
    try:
        return submit[path.strip("/").removeprefix("generate/").split("/")[0]](
            path, document, webhook_url=webhook
        )
    except ValidationError as exc:
        hint = f"\n  ringback models show {path} says what it takes."
        raise click.ClickException(refusal_of(exc) + hint) from exc
    except KeyboardInterrupt:
        talk("Whether the job was made is not known; ringback jobs list shows it if it was.")
        raise


def _waited(job: Job, *, timeout_s: float | None) -> Job:
    try:
        return job.wait(timeout=timeout_s, check=False)
    except KeyboardInterrupt:
        talk(
            f"Job {job.job_id} goes on: ringback jobs watch {job.job_id} follows it, "
            f"ringback jobs cancel {job.job_id} ends it."
        )
        raise


def _tell(job: Job, saved: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        from ringback.cli.job_lines import job_members

        more = {"saved": [str(path) for path in saved]} if saved else {}
        print_json({**job_members(job), **more})
    elif not job.is_terminal:
        talk("The job is on its way; ringback jobs watch follows it.")
        print_lines([job.job_id])
    elif job.status != "completed":
        talk(f"Job {job.job_id} {job.status}: {job.error or 'no reason was given'}")
    else:
        print_lines(map(str, saved or job.urls))
