"""Renders a job for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ringback.cli.console.output import print_lines, short_time, talk

if TYPE_CHECKING:
    from ringback import Job
    from ringback.client.models import JobDocument


def job_members(job: JobDocument) -> dict[str, Any]:
    """Return a job's members, as the API names them."""
    return {name: getattr(job, name) for name in job.__struct_fields__}


def wait_for_end(job: Job, *, name: str, ends: str, timeout_s: float | None) -> Job:
    """Return the job once it has ended; Ctrl-C prints that the job goes on."""
    try:
        return job.wait(timeout=timeout_s, check=False)
    except KeyboardInterrupt:
        talk(
            f"{name} {job.job_id} goes on: ringback jobs watch {job.job_id} follows it, "
            f"ringback jobs cancel {job.job_id} {ends}."
        )
        raise


def print_unfinished(job: Job, *, name: str) -> None:
    """Print a job that has not completed: its id while it goes on, else its error."""
    if job.is_terminal:
        talk(f"{name} {job.job_id} {job.status}: {job.error or 'no reason was given'}")
    else:
        talk(f"The {name.lower()} is on its way; ringback jobs watch follows it.")
        print_lines([job.job_id])


def job_line(job: JobDocument) -> str:
    """Return a job in one line of a list."""
    model = job.model or job.type or "-"
    about = job.error or " ".join(job.urls)
    line = f"{job.job_id}  {short_time(job.created_at)}  {job.status:11}  {model:24}  {about}"
    return line.rstrip()


def job_lines(job: JobDocument) -> Iterator[str]:
    """Yield a job's members, a line each; members that are None are left out."""
    shown = {**job_members(job), "result": None, "steps": None, "run": None}
    for name in ("created_at", "completed_at"):
        shown[name] = short_time(shown[name]) if shown[name] else None
    for name, value in shown.items():
        if value is not None:
            yield f"{name:12}  {value}"
    if job.run is not None:
        yield f"{'step':12}  {job.run.get('step')} of {job.run.get('job_id')}"
    for step in job.steps or ():
        yield f"{'step':12}  {_step(step)}"
    yield from _result_lines(job)


def _result_lines(job: JobDocument) -> Iterator[str]:
    for name, value in job.outputs.items():
        yield f"{'output':12}  {name}: {value}"
    for url in job.urls:
        yield f"{'result':12}  {url}"
    for note in job.notes:
        yield f"{'note':12}  {note}"
    if job.error is not None:
        yield f"{'error':12}  {job.error}"
    if job.style_id is not None:
        yield f"{'style_id':12}  {job.style_id}"


def _step(step: dict[str, Any]) -> str:
    """Return a step of a run: its name, and its job's status and id."""
    if step.get("kind") == "asset":
        return f"{step.get('step')}  asset"
    standing = f"{step.get('status') or 'not yet'}  {step.get('job_id') or ''}"
    return f"{step.get('step')}  {standing}".rstrip()
