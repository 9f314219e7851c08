"""``/jobs``: list jobs, get, wait for or cancel one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api.documents.fields import Empty
from ringback.api.documents.jobs import JobDocument, JobPageDocument, current_document
from ringback.api.documents.node_apps import step_documents
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import UUID, cursor_before, limit_of, wait_for
from ringback.errors import JobNotFound
from ringback.http import query_params
from ringback.http.event_streams import HEARTBEAT_S, Streams, frame, wants_stream
from ringback.http.headers import headers_of, preferred_wait_s
from ringback.http.long_poll import wait_for_end
from ringback.http.pagination import split_page
from ringback.http.path_params import uuid_in
from ringback.http.responses import JsonResponse, RawHeader, ok
from ringback.jobs.model import Job
from ringback.node_apps.model import KIND as APP
from ringback.service import JobService
from ringback.service.node_apps import NodeAppService

OPERATIONS = OperationTable(
    "Jobs",
    path_parameters=[
        Parameter(
            name="id", description="The job's id, from the response to its submission.", schema=UUID
        )
    ],
)


class JobRoutes:
    """The routes of jobs that exist."""

    def __init__(self, service: JobService, streams: Streams, apps: NodeAppService) -> None:
        self._service = service
        self._streams = streams
        self._apps = apps

    @OPERATIONS(
        "GET /jobs",
        "List jobs",
        JobPageDocument,
        answer="One page of the workspace's jobs.",
        description="Newest first, one page at a time.",
        query=[
            cursor_before("jobs made"),
            limit_of("jobs"),
            Parameter(name="types", description="Only jobs of these types: `flux,k2`."),
            Parameter(
                name="status",
                description="Only jobs with this status.",
                schema={"$ref": "#/components/schemas/JobStatus"},
            ),
        ],
    )
    async def list_jobs(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a page of the workspace's jobs, newest first."""
        job_filter = query_params.job_filter(request.query_params, workspace_id=workspace_id)
        limit = job_filter.limit
        # One more shows whether another page follows.
        found = await self._service.list_jobs(replace(job_filter, limit=limit + 1))
        page, next_cursor = split_page(found, limit=limit, id_of=lambda job: job.job_id)
        return ok(
            JobPageDocument(
                items=[current_document(job) for job in page],
                next_cursor=next_cursor,
            )
        )

    @OPERATIONS(
        "GET /jobs/{id}",
        "Get a job",
        JobDocument,
        answer="The job as it stands.",
        errors=[404],
        description="With `wait`, answers when the job has ended or the time is over. With "
        "`Accept: text/event-stream`, sends every change until the job has ended.",
        query=[wait_for("the end")],
        headers=["Prefer"],
    )
    async def get_job(self, request: Request, workspace_id: str) -> ASGIApp:
        """Return the job: at once, after the requested wait, or as a stream of its changes."""
        job = await self._service.get(
            uuid_in(request, "id", lambda: JobNotFound(request.path_params["id"])),
            workspace_id=workspace_id,
        )
        if wants_stream(headers_of(request.scope)):
            return self._streams.open(workspace_id, self._frames(job))
        applied: list[RawHeader] = []
        timeout_s = query_params.wait_s(request.query_params)
        if timeout_s is None:
            timeout_s = preferred_wait_s(headers_of(request.scope))
            if timeout_s is not None:
                applied.append((b"preference-applied", b"wait=%d" % timeout_s))
        if timeout_s:
            job = await wait_for_end(
                self._service, job, timeout_s=timeout_s, receive=request.receive
            )
        return ok(await detailed_document(job, self._service, self._apps), applied)

    async def _frames(self, job: Job) -> AsyncIterator[bytes]:
        """Yield the job as it stands, then after each change, until it has ended."""
        yield frame("job", current_document(job))
        while not job.status.is_terminal and not self._service.is_draining:
            try:
                changed = await self._service.wait_for_change(job, timeout_s=HEARTBEAT_S)
            except JobNotFound:
                return  # it was deleted: a reader that comes again is told so
            before, after = current_document(job), current_document(changed)
            job = changed
            yield frame("job", after) if after != before else b""

    @OPERATIONS(
        "DELETE /jobs/{id}",
        "Cancel a job",
        Empty,
        answer="The job is cancelled, or had ended before.",
        errors=[404],
        description="Its webhook is sent. A job that has ended stays as it is.",
    )
    async def cancel_job(self, request: Request, workspace_id: str) -> JsonResponse:
        """Cancel the job unless it has ended."""
        await self._service.cancel(
            uuid_in(request, "id", lambda: JobNotFound(request.path_params["id"])),
            workspace_id=workspace_id,
        )
        return ok(Empty())


async def detailed_document(job: Job, service: JobService, apps: NodeAppService) -> JobDocument:
    """Return the job as it stands; the run of a node app has its steps."""
    if job.kind != APP:
        return current_document(job)
    steps = step_documents(await apps.graph_of(job), await service.steps_of(job))
    return current_document(job, steps=steps)
