"""What a store promises: jobs, deliveries and workspaces under one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from ringback.apps.shelf import Apps
from ringback.assets.shelf import Assets
from ringback.clock import Clock
from ringback.jobs.budget import Budgets
from ringback.jobs.model import Job
from ringback.jobs.queue import JobQueue, Prompts
from ringback.ledger import Ledger
from ringback.retention import Kept, Pruned
from ringback.styles.shelf import Styles
from ringback.webhooks.desk import Chores, DeliveryLog, Endpoints, Secrets
from ringback.webhooks.outbox import Outbox
from ringback.webhooks.rotation import SigningKey


class Workspace(Struct, frozen=True, kw_only=True):
    """Whose jobs they are."""

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


class Workspaces(Protocol):
    """Workspaces and the tokens that open them."""

    async def open_workspace(self, workspace: Workspace, key: SigningKey) -> Workspace:
        """Return the workspace of that id, made now with this key if there was none."""

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""

    async def list_workspaces(self) -> list[Workspace]:
        """Return every workspace, by id."""

    async def add_token(self, token: Token) -> None:
        """Keep a new token."""

    async def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest if it has not been revoked."""

    async def list_tokens(self) -> list[Token]:
        """Return every token, oldest first."""

    async def revoke_token(self, token_id: str, *, now_ms: int) -> bool:
        """Make a token open nothing; False when none has that id or it was revoked before."""


class Books(Protocol):
    """What was promised, against what is there."""

    async def ledger(
        self, workspace_id: str | None = None, *, on_rule: Callable[[str], None] = ...
    ) -> Ledger:
        """Return the books of one workspace or of all, as of one moment.

        Takes time in the number of rows, and tells ``on_rule``, from a thread, what it looks at.
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
    """Deliveries that are due, since when the oldest is, and how many dispatchers hold."""

    due_count: int
    oldest_at_ms: int | None
    held_count: int


class Control(Protocol):
    """What processes agree on, and what an operator sees of them."""

    async def lead(self, what: str, *, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or keep the lead in something; False while somebody else has it."""

    async def drain_role(self, role: str, *, now_ms: int) -> None:
        """Let no process claim in that role from now on."""

    async def undrain_role(self, role: str) -> None:
        """Let processes claim in that role again."""

    async def drained_roles(self) -> frozenset[str]:
        """Return the roles in which nobody may claim."""

    async def queued(self) -> list[Queued]:
        """Return what waits for a worker, by engine and model."""

    async def holders(self) -> list[Holder]:
        """Return the workers that hold jobs."""

    async def held_jobs(self, worker_id: str, *, limit: int) -> list[Job]:
        """Return jobs that a worker holds."""

    async def due_stats(self, *, now_ms: int) -> DueStats:
        """Return how many deliveries are due, since when, and how many are held."""


class Pruning(Protocol):
    """Forgetting what is past its time."""

    async def prune(self, what: Kept, *, before_ms: int, limit: int) -> Pruned:
        """Look at the next rows and delete what was made, and has ended, before that time.

        The place of the last step is kept, so a step costs the same however much there is.
        """

    async def urls_past(self, *, before_ms: int, limit: int) -> tuple[str, ...]:
        """Return where the results are of the jobs that such a step would delete."""

    async def forget_chores(self, *, before_ms: int, limit: int) -> int:
        """Delete chores that ended before then, at most so many; returns how many."""


class Store(
    JobQueue,
    Prompts,
    Outbox,
    DeliveryLog,
    Endpoints,
    Workspaces,
    Secrets,
    Chores,
    Apps,
    Assets,
    Styles,
    Books,
    Pruning,
    Control,
    Budgets,
    Protocol,
):
    """Everything that is remembered; any implementation passes the suite of tests/contract."""

    @property
    def is_shared(self) -> bool:
        """Say whether other servers may be working on it: then their leases are theirs."""

    @property
    def clock(self) -> Clock:
        """The time that its data live in, which whoever hands it times should take them from."""

    def pass_on(self, job_id: str) -> None:
        """Ring in other processes for whoever waits for a provider's news of a job; it may fail."""

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""

    async def maintain(self) -> None:
        """Have the database tidy up after what was pruned; may take long, and stops nobody."""

    async def close(self) -> None:
        """Finish what was accepted and let go of the data; no call may follow."""
