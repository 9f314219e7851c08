"""``/jobs``: look at jobs, wait for one, cancel one."""

from __future__ import annotations

import re

from msgspec.structs import replace
from starlette.requests import Request

from ringback.api import queries
from ringback.api.answers import Answer, RawHeader, ok
from ringback.api.cursors import cursor_after
from ringback.api.documents import current_document
from ringback.api.headers import headers_of, preferred_wait_s
from ringback.api.waiting import wait_for_end
from ringback.errors import JobNotFound
from ringback.service import Service

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class JobRoutes:
    """The routes of jobs that exist."""

    def __init__(self, service: Service) -> None:
        self._service = service

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

    async def get_job(self, request: Request, workspace_id: str) -> Answer:
        """Answer with the job, at once or when it has ended or the asked time is over."""
        job = await self._service.get(_job_id(request), workspace_id=workspace_id)
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
        return ok(current_document(job), applied)

    async def cancel_job(self, request: Request, workspace_id: str) -> Answer:
        """Cancel the job unless it has ended; both is well."""
        await self._service.cancel(_job_id(request), workspace_id=workspace_id)
        return ok({})


def _job_id(request: Request) -> str:
    job_id: str = request.path_params["job_id"].lower()
    if not _ID.fullmatch(job_id):
        raise JobNotFound(job_id)
    return job_id
