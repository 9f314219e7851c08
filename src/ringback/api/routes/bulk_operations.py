"""The routes of bulk operations: ``POST /deliveries/redeliver``, ``/webhooks/bulk-operations``."""

from __future__ import annotations

from msgspec import to_builtins
from starlette.requests import Request

from ringback.api.documents.bulk_operations import (
    BulkOperationDocument,
    BulkOperationsDocument,
    RedeliveryRequest,
    bulk_operation_document,
)
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import UUID
from ringback.api.routes.deliveries import delivery_filter
from ringback.catalogue.violations import invalid
from ringback.errors import BulkOperationNotFound, FieldError, InvalidRequest
from ringback.http.json_bodies import JsonBody
from ringback.http.path_params import uuid_in
from ringback.http.responses import JsonResponse, encode, ok
from ringback.service.bulk_operations import BulkOperationService
from ringback.webhooks.store import DeliveryFilter

_BODY_BYTES_MAX = 8_192
_REDELIVERY = JsonBody(
    RedeliveryRequest,
    {"status": "exhausted", "since": "2026-01-31T10:00:00Z"},
    owner="a redelivery",
    members_min=1,
)

OPERATIONS = OperationTable(
    "Deliveries",
    path_parameters=[
        Parameter(name="bulk_operation_id", description="The bulk operation's id.", schema=UUID)
    ],
)


class BulkOperationRoutes:
    """The routes of bulk operations."""

    def __init__(self, service: BulkOperationService) -> None:
        self._service = service

    @OPERATIONS(
        "POST /deliveries/redeliver",
        "Deliver many again",
        BulkOperationDocument,
        status=202,
        name="redeliver_many",
        body=_REDELIVERY,
        refusals={409: "The workspace runs too many bulk operations already."},
        description="Begin a bulk operation; `/webhooks/bulk-operations/{id}` shows its progress.",
    )
    async def redeliver(self, request: Request, workspace_id: str) -> JsonResponse:
        """Redeliver every delivery that the body's filter finds, by a bulk operation."""
        body = await _REDELIVERY.read(request, bytes_max=_BODY_BYTES_MAX)
        bulk_operation = await self._service.redeliver(
            _filter(body, workspace_id), workspace_id=workspace_id, rate=body.rate
        )
        location = f"/webhooks/bulk-operations/{bulk_operation.bulk_operation_id}".encode()
        return JsonResponse(
            202, encode(bulk_operation_document(bulk_operation)), [(b"location", location)]
        )

    @OPERATIONS("GET /webhooks/bulk-operations", "List bulk operations", BulkOperationsDocument)
    async def list_bulk_operations(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return the workspace's latest bulk operations, newest first."""
        bulk_operations = await self._service.list_bulk_operations(workspace_id)
        return ok(
            BulkOperationsDocument(items=[bulk_operation_document(one) for one in bulk_operations])
        )

    @OPERATIONS(
        "GET /webhooks/bulk-operations/{bulk_operation_id}",
        "Get a bulk operation",
        BulkOperationDocument,
        errors=[404],
    )
    async def get_bulk_operation(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a bulk operation with its progress."""
        bulk_operation = await self._service.get(
            uuid_in(request, "bulk_operation_id", BulkOperationNotFound), workspace_id=workspace_id
        )
        return ok(bulk_operation_document(bulk_operation))

    @OPERATIONS(
        "DELETE /webhooks/bulk-operations/{bulk_operation_id}",
        "Stop a bulk operation",
        BulkOperationDocument,
        errors=[404],
    )
    async def cancel_bulk_operation(self, request: Request, workspace_id: str) -> JsonResponse:
        """Stop a bulk operation; its work so far stays."""
        bulk_operation = await self._service.cancel(
            uuid_in(request, "bulk_operation_id", BulkOperationNotFound), workspace_id=workspace_id
        )
        return ok(bulk_operation_document(bulk_operation))


def _filter(request: RedeliveryRequest, workspace_id: str) -> DeliveryFilter:
    """Return the request's filter, or raise ``InvalidRequest``: without one it would be a slip."""
    members = {name: value for name, value in to_builtins(request).items() if name != "rate"}
    if not members:
        raise invalid([FieldError("", "has no filter; choose deliveries, like by `since`")])
    try:
        return delivery_filter({"status": "exhausted", **members}, workspace_id=workspace_id)
    except InvalidRequest as exc:
        # The error names members of the query, as in GET /deliveries; these are in a body.
        exc.details = tuple(
            FieldError(f"/{one.path.removeprefix('query:')}", one.message) for one in exc.details
        )
        raise
