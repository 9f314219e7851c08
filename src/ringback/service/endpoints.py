"""The endpoint service creates, changes and tests endpoints, and rotates their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.errors import EndpointConflict, EndpointNotFound
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.service.bulk_operations import RUNNING_MAX
from ringback.service.secrets import ED25519, HMAC, NewKey, SigningKeyService
from ringback.signing.rotation import (
    SIGNING_PER_KIND_MAX,
    Kind,
    SigningKey,
    endpoint_owner,
    in_force,
    workspace_owner,
)
from ringback.storage.contract import Store
from ringback.wakeups import Wakeups
from ringback.webhooks.endpoints import Endpoint, listener_url
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.store import (
    BulkOperation,
    BulkOperationKind,
    BulkOperationStore,
    DeliveryFilter,
)
from ringback.wire.document import iso_time

log = get_logger(__name__)

RECOVERY_PER_S = 100

_encode = msgspec.json.Encoder().encode


class EndpointChanges(Struct, frozen=True, kw_only=True):
    """The validated fields that a client sets on an endpoint; unset fields keep their values."""

    url: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    headers: Mapping[str, str] | UnsetType = UNSET
    schedule_s: tuple[float, ...] | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class RotatedSecret(Struct, frozen=True, kw_only=True):
    """A new secret, which is shown only once, and the time until which the older ones also sign."""

    secret: str
    others_until_ms: int


class EndpointService:
    """The operations on a workspace's endpoints."""

    def __init__(
        self,
        store: Store,
        bulk_operations: BulkOperationStore,
        keys: SigningKeyService,
        *,
        clock: Clock,
        ids: Ids,
        wakeups: Wakeups,
        endpoints_max: int,
        overlap_s: float,
    ) -> None:
        self._store = store
        self._bulk_operations = bulk_operations
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._wakeups = wakeups
        self._endpoints_max = endpoints_max
        self._overlap_s = overlap_s

    async def create(self, workspace_id: str, changes: EndpointChanges) -> tuple[Endpoint, str]:
        """Create an endpoint; return it and its secret, which is shown only once.

        Raises ``EndpointConflict`` when the workspace has as many as it may.
        """
        assert isinstance(changes.url, str)
        endpoint_id = self._ids.uuid7()
        blank = Endpoint(
            endpoint_id=endpoint_id,
            workspace_id=workspace_id,
            url=changes.url,
            destination=origin_of(changes.url),
            created_at_ms=self._clock.now_ms(),
        )
        endpoint = self._apply(blank, changes)
        made = self._keys.make(endpoint_owner(endpoint_id))
        if not await self._store.add_endpoint(endpoint, made.key, limit=self._endpoints_max):
            raise self._too_many()
        return endpoint, made.secret

    async def open_listener(
        self, workspace_id: str, name: str, changes: EndpointChanges
    ) -> tuple[Endpoint, str | None]:
        """Return the workspace's listener of that name, created with ``changes`` if there is none.

        The secret of a new listener is returned with it, and shown only once. Raises
        ``EndpointConflict`` when the workspace has as many endpoints as it may.
        """
        now_ms = self._clock.now_ms()
        url = listener_url(name)
        blank = Endpoint(
            endpoint_id=self._ids.uuid7(),
            workspace_id=workspace_id,
            url=url,
            destination=url,
            created_at_ms=now_ms,
            listener=name,
            heard_at_ms=now_ms,
        )
        listener = self._apply(blank, changes)
        made = self._keys.make(endpoint_owner(blank.endpoint_id))
        opened = await self._store.open_listener(listener, made.key, limit=self._endpoints_max)
        if opened is None:
            raise self._too_many()
        is_new = opened.endpoint_id == blank.endpoint_id
        return opened, made.secret if is_new else None

    async def get(self, endpoint_id: str, *, workspace_id: str) -> Endpoint:
        """Return an endpoint of this workspace, or raise ``EndpointNotFound``."""
        endpoint = await self._store.get_endpoint(endpoint_id)
        if endpoint is None or endpoint.workspace_id != workspace_id:
            raise EndpointNotFound
        return endpoint

    async def list_endpoints(self, workspace_id: str) -> list[Endpoint]:
        """Return a workspace's endpoints, oldest first."""
        return await self._store.list_endpoints(workspace_id)

    async def change(
        self, endpoint_id: str, changes: EndpointChanges, *, workspace_id: str
    ) -> Endpoint:
        """Change an endpoint and return it.

        Enabling it again clears its failures, and stores since when it has missed events.
        """
        while True:
            before = await self.get(endpoint_id, workspace_id=workspace_id)
            if before.listener is not None and changes.url is not UNSET:
                raise EndpointConflict(
                    "listener_has_no_url",
                    "A listener has no URL: its program says where it posts to; leave url out.",
                )
            after = self._apply(before, changes)
            if after == before:
                return after
            now_ms = self._clock.now_ms()
            if await self._store.change_endpoint(after, before=before, now_ms=now_ms):
                self._wakeups.deliveries.wake()
                return after
            # An attempt has changed it between the read and the write: try again.

    async def delete(self, endpoint_id: str, *, workspace_id: str) -> None:
        """Delete an endpoint and discard its waiting deliveries; their log stays."""
        await self.get(endpoint_id, workspace_id=workspace_id)
        if not await self._store.delete_endpoint(endpoint_id, now_ms=self._clock.now_ms()):
            raise EndpointNotFound
        log.info("endpoint_deleted", endpoint_id=endpoint_id)

    async def send_test(self, endpoint_id: str, *, workspace_id: str) -> str:
        """Send an endpoint a test event, whichever events it selects; return the delivery's id."""
        endpoint = await self._enabled(endpoint_id, workspace_id)
        now_ms = self._clock.now_ms()
        event = Event(
            event_id=self._ids.uuid7(),
            workspace_id=workspace_id,
            job_id="",
            type=EventType.ENDPOINT_TEST,
            engine="",
            model="",
            created_at_ms=now_ms,
            body=_test_body(endpoint, now_ms=now_ms),
        )
        delivery_id = self._ids.uuid7()
        await self._store.add_endpoint_event(endpoint, event, delivery_id=delivery_id)
        self._wakeups.deliveries.wake()
        self._wakeups.events.notify(workspace_id)
        return delivery_id

    async def recover(
        self, endpoint_id: str, *, workspace_id: str, since_ms: int | None = None
    ) -> BulkOperation | None:
        """Redeliver the events that an endpoint missed since a time; None if no time is known.

        Without ``since_ms`` it is the time of the first failure, or of the disabling.
        """
        endpoint = await self._enabled(endpoint_id, workspace_id)
        if since_ms is None:
            since_ms = _earliest(endpoint.missed_since_ms, endpoint.failing_since_ms)
        if since_ms is None:
            return None
        missed = DeliveryFilter(
            workspace_id=workspace_id, endpoint_id=endpoint_id, since_ms=since_ms
        )
        bulk_operation = await self._bulk_operations.add_bulk_operation(
            BulkOperation(
                bulk_operation_id=self._ids.uuid7(),
                workspace_id=workspace_id,
                kind=BulkOperationKind.RECOVER,
                selection=missed,
                created_at_ms=self._clock.now_ms(),
                rate=RECOVERY_PER_S,
                first_seq=0,
                cursor=0,
                last_seq=0,
            ),
            running_max=RUNNING_MAX,
        )
        recovering = replace(endpoint, missed_since_ms=None)
        # If the endpoint has just changed, recovery is offered again; a second one sends nothing.
        await self._store.change_endpoint(recovering, before=endpoint, now_ms=self._clock.now_ms())
        return bulk_operation

    async def rotate_endpoint_secret(
        self, endpoint_id: str, *, workspace_id: str, overlap_s: float | None = None
    ) -> RotatedSecret:
        """Give an endpoint a new secret; the old one also signs during the overlap."""
        await self.get(endpoint_id, workspace_id=workspace_id)
        return await self._rotate(endpoint_owner(endpoint_id), overlap_s)

    async def rotate_workspace_secret(
        self, workspace_id: str, *, overlap_s: float | None = None
    ) -> RotatedSecret:
        """Give a workspace a new secret for the URLs that come with jobs."""
        return await self._rotate(workspace_owner(workspace_id), overlap_s)

    async def owner_of(self, endpoint_id: str | None, *, workspace_id: str) -> str:
        """Return the owner of the keys that sign for an endpoint, or for the jobs' webhook URLs."""
        if endpoint_id is None:
            return workspace_owner(workspace_id)
        await self.get(endpoint_id, workspace_id=workspace_id)
        return endpoint_owner(endpoint_id)

    async def public_keys(self, owner: str) -> list[SigningKey]:
        """Return the Ed25519 keys that sign for an owner now, newest first."""
        keys = in_force(await self._store.keys_of(owner), now_ms=self._clock.now_ms())
        return [key for key in keys if key.kind == ED25519]

    async def add_public_key(self, owner: str, *, overlap_s: float | None = None) -> SigningKey:
        """Add an Ed25519 key that signs; the owner's older ones also sign during the overlap."""
        made, _ = await self._replace_key(owner, ED25519, overlap_s)
        return made.key

    async def drop_public_keys(self, owner: str) -> int:
        """Retire every Ed25519 key of an owner; return how many there were."""
        return await self._store.retire_keys(owner, kind=ED25519, at_ms=self._clock.now_ms())

    async def _rotate(self, owner: str, overlap_s: float | None) -> RotatedSecret:
        made, others_until_ms = await self._replace_key(owner, HMAC, overlap_s)
        return RotatedSecret(secret=made.secret, others_until_ms=others_until_ms)

    async def _replace_key(
        self, owner: str, kind: Kind, overlap_s: float | None
    ) -> tuple[NewKey, int]:
        """Return a new key and until when the others sign, or raise ``EndpointConflict``."""
        overlap_s = self._overlap_s if overlap_s is None else overlap_s
        # Without an overlap all others retire at once, so their number does not matter.
        others_max = SIGNING_PER_KIND_MAX - 1 if overlap_s else None
        made = await self._keys.replace_key(owner, kind, overlap_s=overlap_s, others_max=others_max)
        if made is None:
            raise EndpointConflict(
                "too_many_secrets",
                f"{SIGNING_PER_KIND_MAX} secrets sign here, the most there may be; wait until the "
                'overlap of the oldest is over, or send {"overlap_s": 0}, which ends them all.',
            )
        return made, made.key.created_at_ms + round(overlap_s * 1000)

    async def _enabled(self, endpoint_id: str, workspace_id: str) -> Endpoint:
        endpoint = await self.get(endpoint_id, workspace_id=workspace_id)
        if endpoint.disabled_at_ms is not None:
            raise EndpointConflict(
                "endpoint_disabled",
                'This endpoint is disabled; enable it first: PATCH it with {"disabled": false}.',
            )
        return endpoint

    def _too_many(self) -> EndpointConflict:
        return EndpointConflict(
            "too_many_endpoints",
            f"This workspace has {self._endpoints_max} endpoints, the most it may have; "
            "delete one first.",
        )

    def _apply(self, endpoint: Endpoint, changes: EndpointChanges) -> Endpoint:
        values: dict[str, Any] = {
            name: value
            for name in ("url", "description", "events", "models", "schedule_s")
            if (value := getattr(changes, name)) is not UNSET
        }
        if "url" in values:
            values["destination"] = origin_of(values["url"])
        if not isinstance(changes.headers, UnsetType):
            owner = endpoint_owner(endpoint.endpoint_id)
            text = _encode(changes.headers).decode()
            values["headers"] = self._keys.seal(text, owner=owner) if changes.headers else None
            values["header_names"] = tuple(changes.headers)
        if changes.disabled is True and endpoint.disabled_at_ms is None:
            values |= {"disabled_at_ms": self._clock.now_ms(), "disabled_reason": "asked"}
        if changes.disabled is False and endpoint.disabled_at_ms is not None:
            values |= _enabled_again(endpoint)
            if endpoint.listener is not None:
                values["heard_at_ms"] = (
                    self._clock.now_ms()
                )  # the time without a program starts anew
        return replace(endpoint, **values)


def _enabled_again(endpoint: Endpoint) -> dict[str, Any]:
    missed_since_ms = _earliest(
        endpoint.missed_since_ms, endpoint.failing_since_ms, endpoint.disabled_at_ms
    )
    return {
        "disabled_at_ms": None,
        "disabled_reason": None,
        "failing_since_ms": None,
        "warned_percent": 0,
        "missed_since_ms": missed_since_ms,
    }


def _earliest(*times_ms: int | None) -> int | None:
    return min((at_ms for at_ms in times_ms if at_ms is not None), default=None)


def _test_body(endpoint: Endpoint, *, now_ms: int) -> bytes:
    return _encode(
        {
            "type": EventType.ENDPOINT_TEST,
            "timestamp": iso_time(now_ms),
            "data": {
                "endpoint_id": endpoint.endpoint_id,
                "message": "This is a test: the webhooks of jobs will come here like this one.",
            },
        }
    )
