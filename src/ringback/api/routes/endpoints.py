"""``/webhooks``: a workspace's endpoints, and its signing keys."""

from __future__ import annotations

from starlette.requests import Request

from ringback.api.documents.endpoint_requests import (
    ENDPOINT_CHANGE,
    NEW_ENDPOINT,
    NEW_KEY,
    RECOVERY,
    ROTATION,
    endpoint_changes,
    since_is_required,
    since_ms,
)
from ringback.api.documents.endpoints import (
    EndpointChangeRequest,
    EndpointDocument,
    EndpointsDocument,
    NewEndpointDocument,
    PublicKeyDocument,
    PublicKeysDocument,
    RecoveryDocument,
    RotatedSecretDocument,
    TestRequest,
    TestSentDocument,
    endpoint_document,
    new_endpoint_document,
    public_key_document,
    rotated_document,
)
from ringback.api.documents.fields import Empty
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import UUID
from ringback.api.services import ApiServices
from ringback.egress.policy import check_target
from ringback.errors import EndpointNotFound
from ringback.http.json_bodies import JsonBody
from ringback.http.path_params import uuid_in
from ringback.http.responses import JsonResponse, encode, ok
from ringback.service.endpoints import EndpointChanges
from ringback.wire.document import iso_time

_TEST = JsonBody(TestRequest, {}, owner="a test", required=False)

OPERATIONS = OperationTable(
    "Endpoints",
    path_parameters=[Parameter(name="id", description="The endpoint's id.", schema=UUID)],
)
_DISALLOWED = {409: "The endpoint does not allow it."}


class EndpointRoutes:
    """The routes of endpoints and of signing keys."""

    def __init__(self, services: ApiServices) -> None:
        self._service = services.endpoints
        self._policy = services.policy
        self._models = services.catalogue.ids
        self._body_bytes_max = services.settings.body_bytes_max

    @OPERATIONS(
        "POST /webhooks/endpoints",
        "Create an endpoint",
        NewEndpointDocument,
        status=201,
        answer="The endpoint, with its secret.",
        name="create_endpoint",
        body=NEW_ENDPOINT,
        refusals=_DISALLOWED,
        description="It gets the events of every job of the workspace, besides the job's own URL.",
    )
    async def create(self, request: Request, workspace_id: str) -> JsonResponse:
        """Create an endpoint; only this response shows its secret."""
        body = await NEW_ENDPOINT.read(request, bytes_max=self._body_bytes_max)
        endpoint, secret = await self._service.create(workspace_id, self._changes(body))
        document = await new_endpoint_document(endpoint, self._service, secret=secret)
        location = f"/webhooks/endpoints/{endpoint.endpoint_id}".encode()
        return JsonResponse(201, encode(document), [(b"location", location)])

    @OPERATIONS(
        "GET /webhooks/endpoints",
        "List endpoints",
        EndpointsDocument,
        answer="All of them.",
    )
    async def list_endpoints(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return every endpoint of the workspace, oldest first."""
        endpoints = await self._service.list_endpoints(workspace_id)
        return ok(
            EndpointsDocument(
                items=[await endpoint_document(endpoint, self._service) for endpoint in endpoints]
            )
        )

    @OPERATIONS(
        "GET /webhooks/endpoints/{id}",
        "Get an endpoint",
        EndpointDocument,
        answer="The endpoint.",
        name="get_endpoint",
        errors=[404],
    )
    async def get(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return one endpoint."""
        endpoint = await self._service.get(
            uuid_in(request, "id", EndpointNotFound), workspace_id=workspace_id
        )
        return ok(await endpoint_document(endpoint, self._service))

    @OPERATIONS(
        "PATCH /webhooks/endpoints/{id}",
        "Change an endpoint",
        EndpointDocument,
        answer="The endpoint as it now is.",
        name="change_endpoint",
        body=ENDPOINT_CHANGE,
        errors=[404],
        refusals=_DISALLOWED,
        description="Members that are not sent stay. With a new URL, waiting deliveries go there. "
        "`disabled: false` enables it again, and `missed` then has the time since which it missed "
        "events.",
    )
    async def change(self, request: Request, workspace_id: str) -> JsonResponse:
        """Change the members that were sent, and return the endpoint."""
        endpoint_id = uuid_in(request, "id", EndpointNotFound)
        await self._service.get(endpoint_id, workspace_id=workspace_id)
        body = await ENDPOINT_CHANGE.read(request, bytes_max=self._body_bytes_max)
        endpoint = await self._service.change(
            endpoint_id, self._changes(body), workspace_id=workspace_id
        )
        return ok(await endpoint_document(endpoint, self._service))

    @OPERATIONS(
        "DELETE /webhooks/endpoints/{id}",
        "Delete an endpoint",
        Empty,
        answer="The endpoint is deleted; its deliveries stay in the log.",
        name="delete_endpoint",
        errors=[404],
    )
    async def delete(self, request: Request, workspace_id: str) -> JsonResponse:
        """Delete an endpoint; nothing more is sent to it."""
        await self._service.delete(
            uuid_in(request, "id", EndpointNotFound), workspace_id=workspace_id
        )
        return ok(Empty())

    @OPERATIONS(
        "POST /webhooks/endpoints/{id}/test",
        "Send a test event",
        TestSentDocument,
        status=202,
        answer="The delivery of `endpoint.test` is on its way.",
        name="test_endpoint",
        body=_TEST,
        errors=[404],
        refusals=_DISALLOWED,
    )
    async def send_test(self, request: Request, workspace_id: str) -> JsonResponse:
        """Send the endpoint a test event, as a delivery like any other."""
        await _TEST.read(request, bytes_max=self._body_bytes_max)
        delivery_id = await self._service.send_test(
            uuid_in(request, "id", EndpointNotFound), workspace_id=workspace_id
        )
        document = TestSentDocument(delivery_id=delivery_id, event="endpoint.test")
        return JsonResponse(202, encode(document))

    @OPERATIONS(
        "POST /webhooks/endpoints/{id}/recover",
        "Send an endpoint the events that it missed",
        RecoveryDocument,
        status=202,
        answer="They are being sent.",
        name="recover_endpoint",
        body=RECOVERY,
        errors=[404],
        refusals=_DISALLOWED,
        description="Since `since`, or since it first failed or was disabled.",
    )
    async def recover(self, request: Request, workspace_id: str) -> JsonResponse:
        """Begin a bulk operation that sends the endpoint the events that it missed."""
        endpoint_id = uuid_in(request, "id", EndpointNotFound)
        await self._service.get(endpoint_id, workspace_id=workspace_id)
        body = await RECOVERY.read(request, bytes_max=self._body_bytes_max)
        bulk_operation = await self._service.recover(
            endpoint_id, workspace_id=workspace_id, since_ms=since_ms(body)
        )
        if bulk_operation is None:
            raise since_is_required()
        began_ms = bulk_operation.selection.since_ms
        assert began_ms is not None
        document = RecoveryDocument(
            bulk_operation_id=bulk_operation.bulk_operation_id, since=iso_time(began_ms)
        )
        location = f"/webhooks/bulk-operations/{bulk_operation.bulk_operation_id}".encode()
        return JsonResponse(202, encode(document), [(b"location", location)])

    @OPERATIONS(
        "POST /webhooks/endpoints/{id}/secret/rotate",
        "Rotate the endpoint's secret",
        RotatedSecretDocument,
        answer="The new secret.",
        body=ROTATION,
        errors=[404],
        refusals=_DISALLOWED,
        description="For the overlap both secrets sign.",
    )
    async def rotate_endpoint_secret(self, request: Request, workspace_id: str) -> JsonResponse:
        """Give the endpoint a new secret; only this response shows it."""
        endpoint_id = uuid_in(request, "id", EndpointNotFound)
        await self._service.get(endpoint_id, workspace_id=workspace_id)
        body = await ROTATION.read(request, bytes_max=self._body_bytes_max)
        rotated = await self._service.rotate_endpoint_secret(
            endpoint_id, workspace_id=workspace_id, overlap_s=body.overlap_s
        )
        return ok(rotated_document(rotated))

    @OPERATIONS(
        "POST /webhooks/secret/rotate",
        "Rotate the workspace's secret",
        RotatedSecretDocument,
        answer="The new secret.",
        body=ROTATION,
        refusals=_DISALLOWED,
        description="The secret signs the webhooks of URLs that come with jobs.",
    )
    async def rotate_workspace_secret(self, request: Request, workspace_id: str) -> JsonResponse:
        """Give the workspace a new secret for its jobs' URLs; only this response shows it."""
        body = await ROTATION.read(request, bytes_max=self._body_bytes_max)
        rotated = await self._service.rotate_workspace_secret(
            workspace_id, overlap_s=body.overlap_s
        )
        return ok(rotated_document(rotated))

    @OPERATIONS(
        "GET /webhooks/keys",
        "List the workspace's public keys",
        PublicKeysDocument,
        answer="The keys that sign now.",
        name="list_workspace_keys",
    )
    @OPERATIONS(
        "GET /webhooks/endpoints/{id}/keys",
        "List the endpoint's public keys",
        PublicKeysDocument,
        answer="The keys that sign now.",
        name="list_endpoint_keys",
        errors=[404],
    )
    async def list_keys(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return the public keys of the endpoint, or of the workspace itself."""
        owner = await self._owner(request, workspace_id)
        keys = await self._service.public_keys(owner)
        return ok(PublicKeysDocument(items=[public_key_document(key) for key in keys]))

    @OPERATIONS(
        "POST /webhooks/keys",
        "Sign the workspace's webhooks with Ed25519 too",
        PublicKeyDocument,
        status=201,
        answer="The public key; the key set has it too.",
        name="add_workspace_key",
        body=NEW_KEY,
        refusals=_DISALLOWED,
        description="Older keys of this kind sign on for the overlap.",
    )
    @OPERATIONS(
        "POST /webhooks/endpoints/{id}/keys",
        "Sign the endpoint's webhooks with Ed25519 too",
        PublicKeyDocument,
        status=201,
        answer="The public key; the key set has it too.",
        name="add_endpoint_key",
        errors=[404],
        body=NEW_KEY,
        refusals=_DISALLOWED,
        description="Older keys of this kind sign on for the overlap.",
    )
    async def add_key(self, request: Request, workspace_id: str) -> JsonResponse:
        """Add an Ed25519 key that signs too, and return its public half."""
        owner = await self._owner(request, workspace_id)
        body = await NEW_KEY.read(request, bytes_max=self._body_bytes_max)
        key = await self._service.add_public_key(owner, overlap_s=body.overlap_s)
        return JsonResponse(201, encode(public_key_document(key)))

    @OPERATIONS(
        "DELETE /webhooks/keys",
        "Stop signing the workspace's webhooks with Ed25519",
        Empty,
        answer="The keys are deleted.",
        name="drop_workspace_keys",
    )
    @OPERATIONS(
        "DELETE /webhooks/endpoints/{id}/keys",
        "Stop signing the endpoint's webhooks with Ed25519",
        Empty,
        answer="The keys are deleted.",
        name="drop_endpoint_keys",
        errors=[404],
    )
    async def drop_keys(self, request: Request, workspace_id: str) -> JsonResponse:
        """Delete the Ed25519 keys; the secret signs on."""
        await self._service.drop_public_keys(await self._owner(request, workspace_id))
        return ok(Empty())

    async def _owner(self, request: Request, workspace_id: str) -> str:
        named = "id" in request.path_params
        endpoint_id = uuid_in(request, "id", EndpointNotFound) if named else None
        return await self._service.owner_of(endpoint_id, workspace_id=workspace_id)

    def _changes(self, body: EndpointChangeRequest) -> EndpointChanges:
        return endpoint_changes(
            body,
            models=self._models,
            check_url=lambda url: check_target(self._policy, url, path="/url"),
        )
