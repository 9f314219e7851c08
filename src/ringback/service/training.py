"""Decides between jobs and styles: the style of a training, and which jobs may use a style."""

from __future__ import annotations

from ringback.jobs.model import Job
from ringback.styles.model import Member, Style, Trained, may_see, member_of, style_of


def made_by(job: Job, trained: Trained, *, now_ms: int) -> Style:
    """Return the style that a training made."""
    return style_of(
        trained,
        job.input,
        job_id=job.job_id,
        model=job.model,
        engine=job.engine,
        owner=_owner(job),
        now_ms=now_ms,
    )


def may_draw_in(job: Job, style: Style, *, by: str) -> bool:
    """Say whether a job may use a style that it names by this id or share id."""
    return style.engine == job.engine and may_see(_owner(job), style, by=by)


def _owner(job: Job) -> Member:
    return member_of(job.workspace_id, job.token_id)
