"""The bulk operation service starts, lists and cancels durable work on many deliveries."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import BulkOperationNotFound
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.webhooks.store import (
    BulkOperation,
    BulkOperationKind,
    BulkOperationStore,
    DeliveryFilter,
)

log = get_logger(__name__)

LISTED_MAX = 100
RATE_MAX = 1_000
RUNNING_MAX = 10
"""How many bulk operations of one workspace may run at once: their rates add up."""


class BulkOperationService:
    """The bulk operations on a workspace's deliveries."""

    def __init__(self, bulk_operations: BulkOperationStore, *, clock: Clock, ids: Ids) -> None:
        self._bulk_operations = bulk_operations
        self._clock = clock
        self._ids = ids

    async def redeliver(
        self, delivery_filter: DeliveryFilter, *, workspace_id: str, rate: int
    ) -> BulkOperation:
        """Begin another round of every delivery that the filter matches, at ``rate`` a second."""
        return await self._add(
            BulkOperationKind.REDELIVER, delivery_filter, workspace_id=workspace_id, rate=rate
        )

    async def discard(
        self, delivery_filter: DeliveryFilter, *, workspace_id: str, rate: int
    ) -> BulkOperation:
        """Discard every waiting delivery that the filter matches, at ``rate`` a second."""
        return await self._add(
            BulkOperationKind.DISCARD, delivery_filter, workspace_id=workspace_id, rate=rate
        )

    async def _add(
        self,
        kind: BulkOperationKind,
        delivery_filter: DeliveryFilter,
        *,
        workspace_id: str,
        rate: int,
    ) -> BulkOperation:
        bulk_operation = BulkOperation(
            bulk_operation_id=self._ids.uuid7(),
            workspace_id=workspace_id,
            kind=kind,
            selection=delivery_filter,
            created_at_ms=self._clock.now_ms(),
            rate=rate,
            first_seq=0,
            cursor=0,
            last_seq=0,
        )
        added = await self._bulk_operations.add_bulk_operation(
            bulk_operation, running_max=RUNNING_MAX
        )
        log.info(
            "bulk_operation_added", bulk_operation_id=added.bulk_operation_id, kind=added.kind.value
        )
        return added

    async def get(self, bulk_operation_id: str, *, workspace_id: str) -> BulkOperation:
        """Return a bulk operation of this workspace, or raise ``BulkOperationNotFound``."""
        bulk_operation = await self._bulk_operations.get_bulk_operation(bulk_operation_id)
        if bulk_operation is None or bulk_operation.workspace_id != workspace_id:
            raise BulkOperationNotFound
        return bulk_operation

    async def list_bulk_operations(self, workspace_id: str) -> list[BulkOperation]:
        """Return the workspace's latest bulk operations, newest first."""
        return await self._bulk_operations.list_bulk_operations(workspace_id, limit=LISTED_MAX)

    async def cancel(self, bulk_operation_id: str, *, workspace_id: str) -> BulkOperation:
        """Stop a bulk operation; one that has ended stays as it is."""
        await self.get(bulk_operation_id, workspace_id=workspace_id)
        await self._bulk_operations.cancel_bulk_operation(
            bulk_operation_id, now_ms=self._clock.now_ms()
        )
        return await self.get(bulk_operation_id, workspace_id=workspace_id)
