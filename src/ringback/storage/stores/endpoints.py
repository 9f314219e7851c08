"""The store of webhook endpoints, on both databases."""

from __future__ import annotations

from ringback.signing.rotation import SigningKey
from ringback.storage.mapping.rows import endpoint_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import endpoints
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event


class SqlEndpoints(SqlBase):
    """``Endpoints``."""

    async def add_endpoint(self, endpoint: Endpoint, key: SigningKey, *, limit: int) -> bool:
        return bool(await self._call(endpoints.add_endpoint, (endpoint, key, limit)))

    async def open_listener(
        self, endpoint: Endpoint, key: SigningKey, *, limit: int
    ) -> Endpoint | None:
        return await self._call(endpoints.open_listener, (endpoint, key, limit))

    async def unheard_listeners(self, *, before_ms: int, limit: int) -> list[Endpoint]:
        rows = await self._read("endpoints.unheard_listeners", before_ms=before_ms, limit=limit)
        return [endpoint_from(row) for row in rows]

    async def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        rows = await self._read("endpoints.get_endpoint", endpoint_id=endpoint_id)
        return endpoint_from(rows[0]) if rows else None

    async def list_endpoints(self, workspace_id: str) -> list[Endpoint]:
        rows = await self._read("endpoints.list_endpoints", workspace_id=workspace_id)
        return [endpoint_from(row) for row in rows]

    async def change_endpoint(self, endpoint: Endpoint, *, before: Endpoint, now_ms: int) -> bool:
        return bool(
            await self._call(self._with_ids(endpoints.change_endpoints), (endpoint, before, now_ms))
        )

    async def delete_endpoint(self, endpoint_id: str, *, now_ms: int) -> bool:
        return bool(
            await self._call(self._with_ids(endpoints.delete_endpoints), (endpoint_id, now_ms))
        )

    async def add_endpoint_event(
        self, endpoint: Endpoint, event: Event, *, delivery_id: str
    ) -> None:
        await self._call(endpoints.add_endpoint_events, (endpoint, event, delivery_id))
