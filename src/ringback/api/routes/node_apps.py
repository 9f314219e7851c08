"""``/node-apps``: graphs of steps that are pushed once and executed as jobs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp

from ringback.api.documents.jobs import JobDocument, current_document, submitted_run_document
from ringback.api.documents.node_apps import (
    NodeAppDefinition,
    NodeAppDocument,
    NodeAppInputs,
    NodeAppPageDocument,
    app_document,
    summary_document,
)
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import SUBMISSION_HEADERS, cursor_before, limit_of
from ringback.api.routes.submissions import location_headers, preferred_end
from ringback.api.services import ApiServices
from ringback.http import query_params
from ringback.http.bodies import read_object
from ringback.http.file_bodies import FileBodies
from ringback.http.headers import headers_of, submission_options
from ringback.http.hosts import base_url_of
from ringback.http.json_bodies import JsonBody
from ringback.http.pagination import split_page
from ringback.http.responses import JsonResponse, ok
from ringback.service.intake import Intake
from ringback.service.tokens import Principal

DEFINITION_BYTES_MAX = 256 * 1024
_LIKE = '{"name": "Portrait", "steps": {…}, "outputs": {…}}'
_INPUTS_LIKE = '{"subject": "a fox"}'
_DEFINITION = JsonBody(
    NodeAppDefinition,
    {
        "name": "Portrait",
        "inputs": {"subject": {"type": "string", "required": True}},
        "steps": {
            "draw": {
                "model": "image/ringback/sketch",
                "input": {"prompt": {"from": "input.subject"}},
            }
        },
        "outputs": {"picture": {"from": "draw.url"}},
    },
    owner="a node app",
)
_INPUTS = JsonBody(NodeAppInputs, {"subject": "a fox"}, owner="this app", required=False)

OPERATIONS = OperationTable(
    "Node Apps",
    path_parameters=[
        Parameter(
            name="id", description="The id of a version, or the app's slug for the latest one."
        )
    ],
)


class AppRoutes:
    """The routes of node apps."""

    def __init__(self, services: ApiServices, intake: Intake, bodies: FileBodies) -> None:
        self._apps = services.apps
        self._service = services.service
        self._intake = intake
        self._with_faults = services.faults is not None
        self._body_bytes_max = services.settings.body_bytes_max
        self._bodies = bodies

    @OPERATIONS(
        "POST /node-apps",
        "Push a node app",
        NodeAppDocument,
        name="push_node_app",
        body=_DEFINITION,
        errors=[503],
        refusals={409: "The workspace has too many versions."},
        description="Keep a definition as the next version of the app with its slug. Versions "
        "never change; pushing the latest again returns it.",
    )
    async def push(self, request: Request, workspace_id: str) -> JsonResponse:
        """Keep a definition as the next version of its app, and return it."""
        self._service.check_open()
        headers = headers_of(request.scope)
        bytes_max = min(DEFINITION_BYTES_MAX, self._body_bytes_max)
        document = await read_object(headers, request.receive, bytes_max, like=_LIKE)
        version = await self._apps.push(document, workspace_id=workspace_id)
        location = [(b"location", b"/node-apps/" + version.version_id.encode())]
        return ok(app_document(version, latest=version), location)

    @OPERATIONS(
        "GET /node-apps",
        "List node apps",
        NodeAppPageDocument,
        name="list_node_apps",
        query=[cursor_before("pushed"), limit_of("apps")],
    )
    async def list_apps(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a page of the workspace's apps in their latest versions."""
        limit = query_params.limit(request.query_params)
        found = await self._apps.list_apps(
            workspace_id,
            before_id=query_params.cursor_id(request.query_params),
            limit=limit + 1,  # one more shows whether another page follows
        )
        page, next_cursor = split_page(found, limit=limit, id_of=lambda app: app.version_id)
        return ok(
            NodeAppPageDocument(
                items=[summary_document(version, latest=version) for version in page],
                next_cursor=next_cursor,
            )
        )

    @OPERATIONS(
        "GET /node-apps/{id}",
        "Get a node app",
        NodeAppDocument,
        name="get_node_app",
        errors=[404],
    )
    async def get_app(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a version of an app by its id, or the latest one by the app's slug."""
        version = await self._apps.get(request.path_params["id"], workspace_id=workspace_id)
        return ok(app_document(version, latest=await self._apps.latest(version)))

    @OPERATIONS(
        "POST /node-apps/{id}/execute",
        "Execute a node app",
        list[JobDocument],
        name="execute_node_app",
        body=_INPUTS,
        headers=SUBMISSION_HEADERS,
        access="principal",
        errors=[402, 404, 408, 409, 503],
        description="The response is a list with one job, the run. `GET /jobs/{id}` shows its "
        "`steps`, each of which is a job too, and in the end `result.outputs` by their names.",
    )
    async def execute(self, request: Request, principal: Principal) -> ASGIApp:
        """Create the run, and return it in a list of one."""
        self._service.check_open()
        app = request.path_params["id"]
        version = await self._apps.get(app, workspace_id=principal.workspace_id)
        headers = headers_of(request.scope)
        async with self._bodies.object(
            headers,
            request.receive,
            workspace_id=principal.workspace_id,
            like=_INPUTS_LIKE,
            required=False,
        ) as body:
            run = await self._intake.request_run(
                self._apps.inputs(version, body),
                self._apps.take,
                submission_options(headers, with_faults=self._with_faults),
                principal=principal,
                base_url=base_url_of(request.scope),
            )
        del body  # it may be large, and the response may wait for the run's end
        accepted = await self._service.submit(run)
        answer_headers = location_headers(accepted)
        job = await preferred_end(
            self._service, accepted.job, request.scope, request.receive, answer_headers
        )
        document = submitted_run_document(accepted.job) if job is None else current_document(job)
        return ok([document], answer_headers)
