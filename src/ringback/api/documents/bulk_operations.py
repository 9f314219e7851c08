"""Bulk operations as the API shows them, and the request that begins one."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.api.documents.fields import Count, Time, time_or_null
from ringback.service.bulk_operations import RATE_MAX
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.store import BulkOperation, BulkOperationKind
from ringback.wire.document import iso_time

RATE = 200  # deliveries a second, unless the request says otherwise

Rate = Annotated[int, Meta(ge=1, le=RATE_MAX, description="Deliveries per second, at most.")]


class BulkOperationDocument(Struct, frozen=True, kw_only=True):
    """Work on many deliveries; it survives a restart."""

    bulk_operation_id: str
    kind: BulkOperationKind
    status: Literal["running", "ended", "cancelled"]
    progress: Annotated[
        float, Meta(ge=0, le=1, description="The share of the log that it has read.")
    ]
    done: Annotated[Count, Meta(description="The number of deliveries changed so far.")]
    rate: Rate
    created_at: Time
    ended_at: Time | None


class BulkOperationsDocument(Struct, frozen=True, kw_only=True):
    """The workspace's latest bulk operations, newest first."""

    items: list[BulkOperationDocument]


class RedeliveryRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The filters of the deliveries, at least one, and their rate."""

    job_id: str | UnsetType = UNSET
    endpoint_id: str | UnsetType = UNSET
    destination: str | UnsetType = UNSET
    status: (
        Annotated[DeliveryStatus, Meta(extra_json_schema={"default": "exhausted"})] | UnsetType
    ) = UNSET
    reason: str | UnsetType = UNSET
    event: str | UnsetType = UNSET
    since: Time | UnsetType = UNSET
    before: Time | UnsetType = UNSET
    rate: Rate = RATE


def bulk_operation_document(bulk_operation: BulkOperation) -> BulkOperationDocument:
    """Return a bulk operation as the API shows it."""
    length = bulk_operation.last_seq - bulk_operation.first_seq
    progress = 1.0 if length <= 0 else (bulk_operation.cursor - bulk_operation.first_seq) / length
    status: Literal["running", "ended", "cancelled"] = "running"
    if bulk_operation.ended_at_ms is not None:
        status = "cancelled" if bulk_operation.cancelled else "ended"
        progress = progress if bulk_operation.cancelled else 1.0
    return BulkOperationDocument(
        bulk_operation_id=bulk_operation.bulk_operation_id,
        kind=bulk_operation.kind,
        status=status,
        progress=round(progress, 4),
        done=bulk_operation.done_count,
        rate=bulk_operation.rate,
        created_at=iso_time(bulk_operation.created_at_ms),
        ended_at=time_or_null(bulk_operation.ended_at_ms),
    )
