"""Endpoints."""

from __future__ import annotations

from functools import cached_property, partial

from ringback.storage.sql import endpoint_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import endpoint_from
from ringback.storage.sql.work import Verb
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.rotation import SigningKey


class SqlEndpoints(SqlBase):
    """``Endpoints``."""

    @cached_property
    def _change_endpoints(self) -> Verb:
        return partial(verbs.change_endpoints, mint=self._mint)

    @cached_property
    def _delete_endpoints(self) -> Verb:
        return partial(verbs.delete_endpoints, mint=self._mint)

    async def add_endpoint(self, endpoint: Endpoint, key: SigningKey, *, limit: int) -> bool:
        """Keep a new endpoint and its first key; False if the workspace has that many."""
        return bool(await self._call(verbs.add_endpoints, (endpoint, key, limit)))

    async def open_listener(
        self, endpoint: Endpoint, key: SigningKey, *, limit: int
    ) -> Endpoint | None:
        """Return the workspace's listener of that name, made now with this key if there was none.

        None, and nothing is kept, if there was none and the workspace has so many endpoints.
        """
        opened: Endpoint | None = await self._call(verbs.open_listeners, (endpoint, key, limit))
        return opened

    async def unheard_listeners(self, *, before_ms: int, limit: int) -> list[Endpoint]:
        """Return listeners, not disabled, whose program was last connected before then."""
        asked = {"before_ms": before_ms, "limit": limit}
        rows = await self._read("endpoints.unheard_listeners", **asked)
        return [endpoint_from(row) for row in rows]

    async def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint of that id, of any workspace, or None."""
        rows = await self._read("endpoints.get_endpoint", endpoint_id=endpoint_id)
        return endpoint_from(rows[0]) if rows else None

    async def list_endpoints(self, workspace_id: str) -> list[Endpoint]:
        """Return a workspace's endpoints, oldest first."""
        rows = await self._read("endpoints.list_endpoints", workspace_id=workspace_id)
        return [endpoint_from(row) for row in rows]

    async def change_endpoint(self, endpoint: Endpoint, *, before: Endpoint, now_ms: int) -> bool:
        """Write an endpoint as it now is; False when it no longer is as it was before."""
        return bool(await self._call(self._change_endpoints, (endpoint, before, now_ms)))

    async def delete_endpoint(self, endpoint_id: str, *, now_ms: int) -> bool:
        """Forget an endpoint and its keys; its deliveries stay in the log."""
        return bool(await self._call(self._delete_endpoints, (endpoint_id, now_ms)))

    async def owe(self, endpoint: Endpoint, event: Event, *, delivery_id: str) -> None:
        """Write an event that is for one endpoint alone, and its delivery, due at once."""
        await self._call(verbs.owe, (endpoint, event, delivery_id))
