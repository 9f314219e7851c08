"""``/jobs``: look at jobs, wait for one, cancel one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api import queries
from ringback.api.answers import Answer, RawHeader, ok
from ringback.api.app_documents import step_documents
from ringback.api.cursors import cursor_after
from ringback.api.documents import current_document
from ringback.api.headers import headers_of, preferred_wait_s
from ringback.api.streams import HEARTBEAT_S, Streams, frame, wants_stream
from ringback.api.waiting import wait_for_end
from ringback.apps.model import KIND as APP
from ringback.errors import JobNotFound
from ringback.jobs.model import Job
from ringback.service import Service
from ringback.service.apps import AppDesk

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class JobRoutes:
    """The routes of jobs that exist."""

    def __init__(self, service: Service, streams: Streams, apps: AppDesk) -> None:
        self._service = service
        self._streams = streams
        self._apps = apps

    async def list_jobs(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a page of the workspace's jobs, newest first."""
        wanted = queries.job_filter(request.query_params, workspace_id=workspace_id)
        # One more than asked for tells whether another page follows.
        found = await self._service.list_jobs(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        return ok(
            {
                "items": [current_document(job) for job in page],
                "next_cursor": cursor_after(page[-1].job_id) if len(found) > len(page) else None,
            }
        )

    async def get_job(self, request: Request, workspace_id: str) -> ASGIApp:
        """Answer with the job: at once, when it has ended or the asked time is over, or as a
        stream of how it comes along.
        """
        job = await self._service.get(_job_id(request), workspace_id=workspace_id)
        if wants_stream(headers_of(request.scope)):
            return self._streams.open(workspace_id, self._frames(job))
        applied: list[RawHeader] = []
        timeout_s = queries.wait_s(request.query_params)
        if timeout_s is None:
            timeout_s = preferred_wait_s(headers_of(request.scope))
            if timeout_s is not None:
                applied.append((b"preference-applied", b"wait=%d" % timeout_s))
        if timeout_s:
            job = await wait_for_end(
                self._service, job, timeout_s=timeout_s, receive=request.receive
            )
        return ok(current_document(job) | await self._steps(job), applied)

    async def _steps(self, job: Job) -> dict[str, Any]:
        """Return what is shown of a run beside the job itself: where each of its steps stands."""
        if job.kind != APP:
            return {}
        graph = await self._apps.graph_of(job)
        return {"steps": step_documents(graph, await self._service.steps_of(job))}

    async def _frames(self, job: Job) -> AsyncIterator[bytes]:
        """Yield the job as it stands, then whenever it has changed, until it has ended."""
        yield frame("job", current_document(job))
        while not job.status.is_terminal and not self._service.is_draining:
            now = await self._service.wait_for_change(job, timeout_s=HEARTBEAT_S)
            before, after = current_document(job), current_document(now)
            job = now
            yield frame("job", after) if after != before else b""

    async def cancel_job(self, request: Request, workspace_id: str) -> Answer:
        """Cancel the job unless it has ended; both is well."""
        await self._service.cancel(_job_id(request), workspace_id=workspace_id)
        return ok({})


def _job_id(request: Request) -> str:
    job_id: str = request.path_params["job_id"].lower()
    if not _ID.fullmatch(job_id):
        raise JobNotFound(job_id)
    return job_id
