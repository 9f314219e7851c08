"""Ports of the store: the delivery log, endpoints, destinations, secrets and bulk operations."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ringback.signing.rotation import SigningKey
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination


class DeliveryFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions on deliveries: all of its members must hold; None holds for every delivery.

    Without a workspace it selects those of all, the operator's included.
    """

    workspace_id: str | None = None
    job_id: str | None = None
    endpoint_id: str | None = None
    destination: str | None = None
    status: DeliveryStatus | None = None
    reason: str | None = None
    event: str | None = None
    since_ms: int | None = None  # made at that time or later
    before_ms: int | None = None  # made earlier

    @property
    def is_timed(self) -> bool:
        """Say whether it has a condition on time."""
        return self.since_ms is not None or self.before_ms is not None


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """A page of the log; it may have few items or none, and yet be followed by another."""

    items: tuple[Delivery, ...]
    next_seq: int | None  # where the next begins; None: the log has no more


class FeedItem(Struct, frozen=True, kw_only=True):
    """An event with the webhook-ids under which it is delivered."""

    event: Event
    webhook_ids: tuple[str, ...]


class BulkOperationKind(StrEnum):
    """Work on many deliveries that survives a restart."""

    REDELIVER = "redeliver"  # every delivery that the filter finds
    RECOVER = "recover"  # the events that an endpoint missed while it was disabled or failing
    MOVE = "move"  # an endpoint's waiting deliveries to its new URL
    DISCARD = "discard"  # every waiting delivery that the filter finds


class BulkOperation(Struct, frozen=True, kw_only=True):
    """A durable, resumable piece of work over many deliveries, done in small steps.

    It looks at the deliveries (``RECOVER``: events) after ``cursor`` up to ``last_seq``.
    """

    bulk_operation_id: str
    workspace_id: str
    kind: BulkOperationKind
    selection: DeliveryFilter
    created_at_ms: int
    rate: int  # deliveries per second
    first_seq: int
    cursor: int
    last_seq: int
    done_count: int = 0
    ended_at_ms: int | None = None
    cancelled: bool = False


class DeliveryLog(Protocol):
    """The log of deliveries, and redelivery."""

    async def get_delivery(self, delivery_id: str) -> Delivery | None:
        """Return the delivery of that id, of any workspace, or None."""

    async def list_deliveries(
        self, selection: DeliveryFilter, *, limit: int, before_seq: int | None = None
    ) -> DeliveryPage:
        """Return a page of deliveries, newest first in the order of commits.

        One call reads a bounded part of the log: without a suitable index it returns the matches of
        that part, and where to go on. In a long log a time is searched for as if times grew with
        commits, give or take a minute.
        """

    async def attempts_of_each(self, delivery_ids: Sequence[str]) -> dict[str, list[Attempt]]:
        """Return the attempts of each of these deliveries, in order, by one statement."""

    async def redeliver(self, delivery: Delivery, *, now_ms: int) -> bool:
        """Begin another round, due at once; False if the delivery has changed hands meanwhile."""

    async def events_after(self, workspace_id: str, *, seq: int, limit: int) -> list[FeedItem]:
        """Return a workspace's events after that position, in the order of commits.

        An event that is committed later has a later position, so that none is ever skipped.
        """

    async def last_event_seq(self, workspace_id: str) -> int:
        """Return the position of a workspace's newest event, or 0."""

    async def get_destination(self, workspace_id: str, origin: str) -> Destination | None:
        """Return a destination, or None."""

    async def list_destinations(
        self, workspace_id: str, *, limit: int, after_origin: str = ""
    ) -> list[Destination]:
        """Return a workspace's destinations, by origin."""

    async def pause_destination(self, destination_id: int, *, paused_at_ms: int | None) -> None:
        """Pause a destination until a person resumes it (None)."""

    async def waiting_at(self, destination_ids: Sequence[int], *, limit: int) -> dict[int, int]:
        """Return how many unclaimed deliveries wait at each destination, counting to a limit."""

    async def waiting_before(self, delivery: Delivery, *, limit: int) -> int:
        """Return how many deliveries of its destination are due before it, counting to a limit."""


class EndpointStore(Protocol):
    """The webhook URLs that workspaces keep."""

    async def add_endpoint(self, endpoint: Endpoint, key: SigningKey, *, limit: int) -> bool:
        """Keep a new endpoint and its first secret; False if the workspace has that many."""

    async def open_listener(
        self, endpoint: Endpoint, key: SigningKey, *, limit: int
    ) -> Endpoint | None:
        """Return the workspace's listener of that name, made now with this key if there was none.

        None, and nothing is kept, if there was none and the workspace has so many endpoints.
        """

    async def unheard_listeners(self, *, before_ms: int, limit: int) -> list[Endpoint]:
        """Return listeners, not disabled, whose program was last connected before then."""

    async def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint of that id, of any workspace, or None."""

    async def list_endpoints(self, workspace_id: str) -> list[Endpoint]:
        """Return a workspace's endpoints, oldest first."""

    async def change_endpoint(self, endpoint: Endpoint, *, before: Endpoint, now_ms: int) -> bool:
        """Write an endpoint as it now is; False when it no longer is as it was before.

        Bulk operations discard the waiting deliveries of one that became disabled, and move those
        of one with a new URL there.
        """

    async def delete_endpoint(self, endpoint_id: str, *, now_ms: int) -> bool:
        """Delete an endpoint and its keys; its log stays, waiting deliveries are discarded."""

    async def add_endpoint_event(
        self, endpoint: Endpoint, event: Event, *, delivery_id: str
    ) -> None:
        """Write an event that is for one endpoint alone, and its delivery, due at once."""


class SecretStore(Protocol):
    """Signing keys, sealed, by owner: a workspace (``workspace:ID``) or an endpoint."""

    async def keys_of(self, owner: str) -> list[SigningKey]:
        """Return the keys of an owner that have not retired when last looked at, newest first."""

    async def all_keys(self) -> list[tuple[str, SigningKey]]:
        """Return every key with its owner."""

    async def add_key(
        self,
        owner: str,
        key: SigningKey,
        *,
        retire_others_at_ms: int | None,
        others_max: int | None = None,
    ) -> bool:
        """Keep a new key; the owner's others of its kind retire at that time, unless sooner.

        False, and nothing is kept, when more of that kind than ``others_max`` sign already.
        """

    async def retire_keys(self, owner: str, *, kind: str, at_ms: int) -> int:
        """Let an owner's keys of a kind sign no longer than that; returns how many."""

    async def reseal_key(self, key: SigningKey) -> None:
        """Write a key sealed anew."""

    async def forget_retired(self, *, before_ms: int, limit: int) -> int:
        """Delete keys that retired before then, at most so many; returns how many."""


class BulkOperationStore(Protocol):
    """Durable work over many deliveries."""

    async def add_bulk_operation(
        self, bulk_operation: BulkOperation, *, running_max: int | None = None
    ) -> BulkOperation:
        """Keep a new bulk operation; it covers the deliveries that exist now.

        Raises ``TooManyBulkOperations`` when its workspace has so many running.
        """

    async def get_bulk_operation(self, bulk_operation_id: str) -> BulkOperation | None:
        """Return the bulk operation of that id, or None."""

    async def list_bulk_operations(self, workspace_id: str, *, limit: int) -> list[BulkOperation]:
        """Return a workspace's bulk operations, newest first."""

    async def open_bulk_operations(self) -> list[BulkOperation]:
        """Return the bulk operations that have not ended, oldest first."""

    async def step_bulk_operation(
        self, bulk_operation: BulkOperation, *, limit: int, now_ms: int
    ) -> BulkOperation:
        """Do the next part of a bulk operation and write how far it is, in one transaction."""

    async def cancel_bulk_operation(self, bulk_operation_id: str, *, now_ms: int) -> bool:
        """End a bulk operation at its present position; False if it has ended or there is none."""
