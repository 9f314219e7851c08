"""Runs bulk operations in steps, each at its own rate."""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import StorageError
from ringback.log import get_logger
from ringback.wakeups import Wakeups
from ringback.webhooks.store import BulkOperationStore

log = get_logger(__name__)

EVERY_S = 0.25


class BulkRunner:
    """Runs the next step of every open bulk operation four times a second, each in one commit."""

    def __init__(
        self,
        bulk_operations: BulkOperationStore,
        *,
        clock: Clock,
        wakeups: Wakeups,
    ) -> None:
        self._bulk_operations = bulk_operations
        self._clock = clock
        self._wakeups = wakeups

    async def run_once(self) -> int:
        """Do the next part of every open bulk operation; return how many deliveries changed."""
        changed = 0
        for bulk_operation in await self._bulk_operations.open_bulk_operations():
            limit = max(1, round(bulk_operation.rate * EVERY_S))
            try:
                after = await self._bulk_operations.step_bulk_operation(
                    bulk_operation, limit=limit, now_ms=self._clock.now_ms()
                )
            except StorageError:
                raise
            except Exception:
                # One broken operation must not stop the others.
                log.exception(
                    "bulk_operation_broke", bulk_operation_id=bulk_operation.bulk_operation_id
                )
                continue
            changed += after.done_count - bulk_operation.done_count
            if after.ended_at_ms is not None:
                log.info(
                    "bulk_operation_ended",
                    bulk_operation_id=bulk_operation.bulk_operation_id,
                    done_count=after.done_count,
                )
        if changed:
            self._wakeups.deliveries.wake()
        return changed
