"""The verbs on endpoints and their secrets, one transaction each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.doorbell import Bells
from ringback.errors import EndpointConflict, EndpointNotFound
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.service.chores import RUNNING_MAX
from ringback.service.secrets import ED25519, HMAC, KeyDesk, Made
from ringback.storage.contract import Store
from ringback.webhooks.desk import Chore, ChoreKind, Chores, DeliveryFilter
from ringback.webhooks.endpoints import Endpoint, listener_url
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.fanout import origin_of
from ringback.webhooks.rotation import (
    SIGNING_PER_KIND_MAX,
    Kind,
    SigningKey,
    endpoint_owner,
    in_force,
    workspace_owner,
)
from ringback.wire.document import iso_time

log = get_logger(__name__)

RECOVERY_PER_S = 100

_encode = msgspec.json.Encoder().encode


class EndpointWish(Struct, frozen=True, kw_only=True):
    """What a client wants an endpoint to be, validated; what is unset stays as it is."""

    url: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    events: tuple[str, ...] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    headers: Mapping[str, str] | UnsetType = UNSET
    schedule_s: tuple[float, ...] | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class Rotated(Struct, frozen=True, kw_only=True):
    """A new secret, shown this once, and until when its predecessors sign beside it."""

    secret: str
    others_until_ms: int


class EndpointDesk:
    """What a workspace does to its endpoints."""

    def __init__(
        self,
        store: Store,
        chores: Chores,
        keys: KeyDesk,
        *,
        clock: Clock,
        ids: Ids,
        bells: Bells,
        endpoints_max: int,
        overlap_s: float,
    ) -> None:
        self._store = store
        self._chores = chores
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._bells = bells
        self._endpoints_max = endpoints_max
        self._overlap_s = overlap_s

    async def create(self, workspace_id: str, wish: EndpointWish) -> tuple[Endpoint, str]:
        """Keep a new endpoint; returns it and its secret, which is shown this once.

        Raises ``EndpointConflict`` when the workspace has as many as it may.
        """
        assert isinstance(wish.url, str)
        endpoint_id = self._ids.uuid7()
        blank = Endpoint(
            endpoint_id=endpoint_id,
            workspace_id=workspace_id,
            url=wish.url,
            destination=origin_of(wish.url),
            created_at_ms=self._clock.now_ms(),
        )
        endpoint = self._as_wished(blank, wish)
        made = self._keys.make(endpoint_owner(endpoint_id))
        if not await self._store.add_endpoint(endpoint, made.key, limit=self._endpoints_max):
            raise self._too_many()
        return endpoint, made.secret

    async def open_listener(
        self, workspace_id: str, name: str, wish: EndpointWish
    ) -> tuple[Endpoint, str | None]:
        """Return the workspace's listener of that name, made as wished if there was none.

        With it comes the secret of one that was made, which is shown this once. Raises
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
        wanted = self._as_wished(blank, wish)
        made = self._keys.make(endpoint_owner(blank.endpoint_id))
        opened = await self._store.open_listener(wanted, made.key, limit=self._endpoints_max)
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

    async def change(self, endpoint_id: str, wish: EndpointWish, *, workspace_id: str) -> Endpoint:
        """Make an endpoint what is wished, and return it.

        One that is enabled again is as good as new, and remembers since when it has missed events.
        """
        while True:
            before = await self.get(endpoint_id, workspace_id=workspace_id)
            if before.listener is not None and wish.url is not UNSET:
                raise EndpointConflict(
                    "listener_has_no_url",
                    "A listener has no URL: its program says where it posts to; leave url out.",
                )
            after = self._as_wished(before, wish)
            if after == before:
                return after
            now_ms = self._clock.now_ms()
            if await self._store.change_endpoint(after, before=before, now_ms=now_ms):
                self._bells.owed.ring()
                return after
            # An attempt has changed it between the read and the write: look again.

    async def delete(self, endpoint_id: str, *, workspace_id: str) -> None:
        """Forget an endpoint; what waits for it is discarded, its log stays."""
        await self.get(endpoint_id, workspace_id=workspace_id)
        if not await self._store.delete_endpoint(endpoint_id, now_ms=self._clock.now_ms()):
            raise EndpointNotFound
        log.info("endpoint_deleted", endpoint_id=endpoint_id)

    async def send_test(self, endpoint_id: str, *, workspace_id: str) -> str:
        """Owe an endpoint a test event, whatever it listens to; returns its delivery's id."""
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
        await self._store.owe(endpoint, event, delivery_id=delivery_id)
        self._bells.owed.ring()
        self._bells.told.tell(workspace_id)
        return delivery_id

    async def recover(
        self, endpoint_id: str, *, workspace_id: str, since_ms: int | None = None
    ) -> Chore | None:
        """Have an endpoint sent what it missed since then; None when nothing says since when.

        Without a time it is since it first failed, or was disabled.
        """
        endpoint = await self._enabled(endpoint_id, workspace_id)
        if since_ms is None:
            since_ms = _earliest(endpoint.missed_since_ms, endpoint.failing_since_ms)
        if since_ms is None:
            return None
        wanted = DeliveryFilter(
            workspace_id=workspace_id, endpoint_id=endpoint_id, since_ms=since_ms
        )
        chore = await self._chores.add_chore(
            Chore(
                chore_id=self._ids.uuid7(),
                workspace_id=workspace_id,
                kind=ChoreKind.RECOVER,
                wanted=wanted,
                created_at_ms=self._clock.now_ms(),
                rate=RECOVERY_PER_S,
                first_seq=0,
                cursor=0,
                last_seq=0,
            ),
            running_max=RUNNING_MAX,
        )
        recovering = replace(endpoint, missed_since_ms=None)
        # Should it have changed just now, it goes on offering: asked twice, nothing comes twice.
        await self._store.change_endpoint(recovering, before=endpoint, now_ms=self._clock.now_ms())
        return chore

    async def rotate_endpoint_secret(
        self, endpoint_id: str, *, workspace_id: str, overlap_s: float | None = None
    ) -> Rotated:
        """Give an endpoint a new secret; the old one signs on for the overlap."""
        await self.get(endpoint_id, workspace_id=workspace_id)
        return await self._rotate(endpoint_owner(endpoint_id), overlap_s)

    async def rotate_workspace_secret(
        self, workspace_id: str, *, overlap_s: float | None = None
    ) -> Rotated:
        """Give a workspace a new secret for the URLs that come with jobs."""
        return await self._rotate(workspace_owner(workspace_id), overlap_s)

    async def owner_of(self, endpoint_id: str | None, *, workspace_id: str) -> str:
        """Return whose keys sign for an endpoint of the workspace, or for its jobs' own URLs."""
        if endpoint_id is None:
            return workspace_owner(workspace_id)
        await self.get(endpoint_id, workspace_id=workspace_id)
        return endpoint_owner(endpoint_id)

    async def public_keys(self, owner: str) -> list[SigningKey]:
        """Return the Ed25519 keys that sign for an owner now, newest first."""
        keys = in_force(await self._store.keys_of(owner), now_ms=self._clock.now_ms())
        return [key for key in keys if key.kind == ED25519]

    async def add_public_key(self, owner: str, *, overlap_s: float | None = None) -> SigningKey:
        """Sign with a new Ed25519 key too; the owner's older ones sign on for the overlap."""
        made, _ = await self._replace_key(owner, ED25519, overlap_s)
        return made.key

    async def drop_public_keys(self, owner: str) -> int:
        """Sign with no Ed25519 key any more; returns how many there were."""
        return await self._store.retire_keys(owner, kind=ED25519, at_ms=self._clock.now_ms())

    async def _rotate(self, owner: str, overlap_s: float | None) -> Rotated:
        made, others_until_ms = await self._replace_key(owner, HMAC, overlap_s)
        return Rotated(secret=made.secret, others_until_ms=others_until_ms)

    async def _replace_key(
        self, owner: str, kind: Kind, overlap_s: float | None
    ) -> tuple[Made, int]:
        """Return a new key, and until when the others sign; raises ``EndpointConflict``."""
        overlap_s = self._overlap_s if overlap_s is None else overlap_s
        # Without an overlap the others sign no more, however many they are.
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

    def _as_wished(self, endpoint: Endpoint, wish: EndpointWish) -> Endpoint:
        changes: dict[str, Any] = {
            name: value
            for name in ("url", "description", "events", "models", "schedule_s")
            if (value := getattr(wish, name)) is not UNSET
        }
        if "url" in changes:
            changes["destination"] = origin_of(changes["url"])
        if not isinstance(wish.headers, UnsetType):
            owner = endpoint_owner(endpoint.endpoint_id)
            text = _encode(wish.headers).decode()
            changes["headers"] = self._keys.seal(text, owner=owner) if wish.headers else None
            changes["header_names"] = tuple(wish.headers)
        if wish.disabled is True and endpoint.disabled_at_ms is None:
            changes |= {"disabled_at_ms": self._clock.now_ms(), "disabled_reason": "asked"}
        if wish.disabled is False and endpoint.disabled_at_ms is not None:
            changes |= _enabled_again(endpoint)
            if endpoint.listener is not None:
                changes["heard_at_ms"] = self._clock.now_ms()  # its silence begins anew
        return replace(endpoint, **changes)


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
