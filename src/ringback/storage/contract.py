"""The port of the store: jobs, deliveries and workspaces under one transaction."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Protocol

from msgspec import Struct

from ringback.clock import Clock
from ringback.files.assets.store import AssetStore
from ringback.jobs.budget import Budgets
from ringback.jobs.model import Job
from ringback.jobs.store import JobStore, Prompts
from ringback.node_apps.store import NodeAppStore
from ringback.signing.rotation import SigningKey
from ringback.storage.activity import ActivityStore
from ringback.storage.audit import AuditReport
from ringback.storage.retention import Kept, Pruned
from ringback.styles.store import StyleStore
from ringback.webhooks.outbox import Outbox
from ringback.webhooks.store import BulkOperationStore, DeliveryLog, EndpointStore, SecretStore


class Workspace(Struct, frozen=True, kw_only=True):
    """An owner of jobs."""

    workspace_id: str
    created_at_ms: int


class Token(Struct, frozen=True, kw_only=True):
    """A bearer credential, known by its SHA-256 alone; ``hint`` is its beginning, for people."""

    token_id: str
    workspace_id: str
    digest: str
    hint: str
    created_at_ms: int
    revoked_at_ms: int | None = None


class Counts(Struct, frozen=True, kw_only=True):
    """How many jobs and deliveries there are, by status."""

    jobs: dict[str, int]
    deliveries: dict[str, int]


class EmptiedWorkspace(Struct, frozen=True, kw_only=True):
    """The numbers of a workspace's deleted rows, its jobs that had not ended, and its files."""

    jobs_count: int
    deliveries_count: int
    events_count: int
    endpoints_count: int  # with listeners
    assets_count: int
    styles_count: int
    apps_count: int
    pending_job_ids: tuple[str, ...]
    files: tuple[str, ...]  # the names of artifacts that the rows named


class WorkspaceStore(Protocol):
    """Workspaces and the tokens that open them."""

    async def open_workspace(self, workspace: Workspace, key: SigningKey) -> Workspace:
        """Return the workspace of that id, made now with this key if there was none."""

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""

    async def list_workspaces(self) -> list[Workspace]:
        """Return every workspace, by id."""

    async def empty_workspace(self, workspace_id: str) -> EmptiedWorkspace:
        """Delete everything of a workspace but itself, its tokens, its keys and its budgets.

        It is one transaction. Later writes of holders find nothing and change nothing.
        """

    async def add_token(self, token: Token) -> None:
        """Keep a new token."""

    async def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest if it has not been revoked."""

    async def list_tokens(self) -> list[Token]:
        """Return every token, oldest first."""

    async def revoke_token(self, token_id: str, *, now_ms: int) -> bool:
        """Make a token open nothing; False when none has that id or it was revoked before."""


class EndedSessions(Protocol):
    """Sessions of the dashboard that a person ended by logging out."""

    async def end_session(self, session_id: str, *, forget_at_ms: int, now_ms: int) -> None:
        """Remember until then that a session has ended, and forget those whose time is over."""

    async def is_session_ended(self, session_id: str) -> bool:
        """Say whether a session was ended."""


class AuditStore(Protocol):
    """The audit: counters against rows."""

    async def ledger(
        self, workspace_id: str | None = None, *, on_rule: Callable[[str], None] = ...
    ) -> AuditReport:
        """Return the audit of one workspace or of all, as of one moment.

        Takes time in the number of rows; calls ``on_rule``, from a thread, with each rule's name.
        """


class Queued(Struct, frozen=True, kw_only=True):
    """Jobs of one model that wait for a worker."""

    engine: str
    model: str
    count: int
    oldest_at_ms: int


class Holder(Struct, frozen=True, kw_only=True):
    """A worker that holds jobs, and until when the last of its leases lasts."""

    worker_id: str
    jobs_count: int
    lease_until_ms: int


class DueStats(Struct, frozen=True, kw_only=True):
    """The number of due deliveries, the time of the oldest, and the number that is held."""

    due_count: int
    oldest_at_ms: int | None
    held_count: int


class Control(Protocol):
    """Leases and roles that processes share, and figures for operators."""

    async def lead(self, kind: str, *, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or keep a leader's lease; False while another holder has it."""

    async def drain_role(self, role: str, *, now_ms: int) -> None:
        """Let no process claim in that role from now on."""

    async def undrain_role(self, role: str) -> None:
        """Let processes claim in that role again."""

    async def drained_roles(self) -> frozenset[str]:
        """Return the roles in which no process may claim."""

    async def last_written_ms(self) -> int:
        """Return the latest time of the rows that are written in order of time, or 0."""

    async def move_times(self, by_ms: int, *, now_ms: int) -> None:
        """Move times of rows that are due or leased after ``now_ms``, in one transaction.

        For a clock that was set back: a wait of a minute stays a wait of a minute.
        """

    async def move_keys(self, by_ms: int) -> None:
        """Move the times at which idempotency keys were used, for a clock that was set."""

    async def queued(self) -> list[Queued]:
        """Return the jobs that wait for a worker, by engine and model."""

    async def holders(self) -> list[Holder]:
        """Return the workers that hold jobs."""

    async def held_jobs(self, worker_id: str, *, limit: int) -> list[Job]:
        """Return jobs that a worker holds."""

    async def due_stats(self, *, now_ms: int) -> DueStats:
        """Return how many deliveries are due, since when, and how many are held."""


class Pruning(Protocol):
    """The deletion of rows past their retention."""

    async def prune(self, kind: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Read the next rows and delete those that were made, and have ended, before that time.

        The position of the last step is kept, so a step costs the same however many there are.
        """

    async def files_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return the names of the files of the jobs that such a step would delete."""

    async def forget_bulk_operations(self, *, before_ms: int, limit: int) -> int:
        """Delete bulk operations that ended before then, at most so many; returns how many."""


class Store(
    JobStore,
    Prompts,
    Outbox,
    DeliveryLog,
    EndpointStore,
    WorkspaceStore,
    EndedSessions,
    SecretStore,
    BulkOperationStore,
    NodeAppStore,
    AssetStore,
    StyleStore,
    AuditStore,
    Pruning,
    Control,
    Budgets,
    ActivityStore,
    Protocol,
):
    """All ports together; every implementation passes tests/storage/contract."""

    @property
    def is_shared(self) -> bool:
        """Say whether other servers may use it at the same time, with leases of their own."""

    @property
    def clock(self) -> Clock:
        """The clock of its data: times that are handed to it should come from there."""

    def pass_on(self, job_id: str) -> None:
        """Wake other processes that wait for a provider's news of a job; this may fail."""

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""

    async def maintain(self) -> None:
        """Have the database reclaim pruned space; may take long, and blocks no other call."""

    @property
    def is_away(self) -> bool:
        """Say whether the database is known to be unreachable at present."""

    async def close(self, *, within_s: float = inf) -> None:
        """Finish the accepted calls, for at most so long, and close; no call may follow."""
