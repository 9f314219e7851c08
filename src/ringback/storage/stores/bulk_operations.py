"""The store of bulk operations, on both databases."""

from __future__ import annotations

from ringback.storage.mapping.rows import bulk_operation_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import bulk_operations
from ringback.webhooks.store import BulkOperation


class SqlBulkOperations(SqlBase):
    """``BulkOperations``."""

    async def add_bulk_operation(
        self, bulk_operation: BulkOperation, *, running_max: int | None = None
    ) -> BulkOperation:
        return await self._call(bulk_operations.add_bulk_operations, (bulk_operation, running_max))

    async def get_bulk_operation(self, bulk_operation_id: str) -> BulkOperation | None:
        rows = await self._read(
            "bulk_operations.get_bulk_operation", bulk_operation_id=bulk_operation_id
        )
        return bulk_operation_from(rows[0]) if rows else None

    async def list_bulk_operations(self, workspace_id: str, *, limit: int) -> list[BulkOperation]:
        rows = await self._read(
            "bulk_operations.list_bulk_operations", workspace_id=workspace_id, limit=limit
        )
        return [bulk_operation_from(row) for row in rows]

    async def open_bulk_operations(self) -> list[BulkOperation]:
        return [
            bulk_operation_from(row)
            for row in await self._read("bulk_operations.open_bulk_operations")
        ]

    async def step_bulk_operation(
        self, bulk_operation: BulkOperation, *, limit: int, now_ms: int
    ) -> BulkOperation:
        return await self._call(
            self._with_ids(bulk_operations.step_bulk_operations), (bulk_operation, limit, now_ms)
        )

    async def cancel_bulk_operation(self, bulk_operation_id: str, *, now_ms: int) -> bool:
        return bool(
            await self._write(
                "bulk_operations.cancel_bulk_operation",
                bulk_operation_id=bulk_operation_id,
                now_ms=now_ms,
            )
        )
