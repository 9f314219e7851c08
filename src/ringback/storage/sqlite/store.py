"""The store on SQLite: every write through the writer, every read beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ringback.jobs.model import Job
from ringback.jobs.queue import Accepted, JobFilter, Submission
from ringback.storage.contract import Counts, Token, Workspace
from ringback.storage.sqlite import verbs
from ringback.storage.sqlite.files import (
    DATABASE,
    DirectoryLock,
    check_library,
    connect,
    make_directory,
    migrate,
    migrate_unserved,
)
from ringback.storage.sqlite.rows import as_json, attempt_from, delivery_from, job_from
from ringback.storage.sqlite.statements import DELIVERIES, JOBS, WORKSPACES
from ringback.storage.sqlite.writer import Writer
from ringback.webhooks.model import Attempt, Delivery
from ringback.webhooks.outbox import Ending

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqliteStore:
    """A ``Store`` in one data directory, for one server process and its command line."""

    def __init__(self, directory: Path, lock: DirectoryLock | None) -> None:
        path = directory / DATABASE
        self._lock = lock
        self._connection = connect(path)
        if lock is None:
            migrate_unserved(self._connection, directory)
        else:
            migrate(self._connection)
        self._writer = Writer(self._connection, asyncio.get_running_loop())
        # Lookups by key take microseconds and are done in place; scans get a thread.
        self._reader = connect(path, read_only=True)
        self._scanner = connect(path, read_only=True)
        self._scans = ThreadPoolExecutor(1, thread_name_prefix="ringback-scans")

    @classmethod
    async def open(cls, directory: Path, *, exclusive: bool = True) -> SqliteStore:
        """Open the store of a directory, or raise ``SetupError``.

        A server opens it exclusively: a second server is refused. The command line does not, and
        may look and write beside a running server.
        """
        check_library()
        make_directory(directory)
        lock = DirectoryLock(directory) if exclusive else None
        try:
            return cls(directory, lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @property
    def commits_count(self) -> int:
        """How many synced transactions there have been since opening."""
        return self._writer.commits_count

    def limit_size(self, pages_max: int) -> None:
        """Let the database file grow to so many pages and no further."""
        self._connection.pragma("max_page_count", pages_max)

    async def close(self) -> None:
        """Finish what was accepted, then let go of the files."""
        await self._writer.stop()
        self._scans.shutdown()
        for connection in (self._scanner, self._reader, self._connection):
            connection.close()
        if self._lock is not None:
            self._lock.release()

    # jobs

    async def submit(self, submission: Submission) -> Accepted:
        """Write a new job within its workspace's limits."""
        accepted: Accepted = await self._writer.call(verbs.submit, submission)
        return accepted

    async def forget_keys(self, *, used_before_ms: int, limit: int) -> int:
        """Delete idempotency keys that were used before then; returns how many."""
        return len(await self._write(JOBS.forget_keys, used_before_ms=used_before_ms, limit=limit))

    async def claim_jobs(
        self, *, engine: str, limit: int, worker_id: str, lease_until_ms: int
    ) -> list[Job]:
        """Take the longest-queued jobs of an engine."""
        wish = verbs.ClaimJobs(
            engine=engine, limit=limit, worker_id=worker_id, lease_until_ms=lease_until_ms
        )
        claimed: list[Job] = await self._writer.call(verbs.claim_jobs, wish)
        return claimed

    async def hold_job(self, job: Job, *, lease_until_ms: int) -> bool:
        """Write where a held job stands and extend its lease."""
        return bool(await self._writer.call(verbs.hold_jobs, (job, lease_until_ms)))

    async def extend_lease(self, job: Job, *, lease_until_ms: int) -> bool:
        """Extend the lease of a held job."""
        return bool(await self._writer.call(verbs.extend_leases, (job, lease_until_ms)))

    async def requeue_job(self, job: Job) -> bool:
        """Give a held job back to the queue."""
        return bool(await self._writer.call(verbs.requeue_jobs, job))

    async def expired_jobs(self, *, now_ms: int, limit: int) -> list[Job]:
        """Return held jobs whose lease is over."""
        rows = self._read(JOBS.expired_jobs, now_ms=now_ms, limit=limit)
        return [job_from(row) for row in rows]

    async def get_job(self, job_id: str) -> Job | None:
        """Return the job with that id, or None."""
        rows = self._read(JOBS.get_job, job_id=job_id)
        return job_from(rows[0]) if rows else None

    async def list_jobs(self, wanted: JobFilter) -> list[Job]:
        """Return a workspace's jobs, newest first."""
        rows = await self._scan(
            JOBS.list_jobs,
            workspace_id=wanted.workspace_id,
            before_id=wanted.before_id or _ID_AFTER_ALL,
            types=as_json(wanted.types) if wanted.types else None,
            status=wanted.status.value if wanted.status else None,
            limit=wanted.limit,
        )
        return [job_from(row) for row in rows]

    async def queued_engines(self) -> list[str]:
        """Return the engines that have queued jobs."""
        return [row[0] for row in self._read(JOBS.queued_engines)]

    # deliveries

    async def end_job(self, ending: Ending) -> bool:
        """Write the terminal status and the owed delivery in one transaction."""
        return bool(await self._writer.call(verbs.end_jobs, ending))

    async def claim_due(
        self,
        *,
        now_ms: int,
        limit: int,
        limit_each: int,
        lease_until_ms: int,
        busy: Sequence[str] = (),
    ) -> list[Delivery]:
        """Take deliveries that are due."""
        first_due_ms = await self.next_due_ms()
        if first_due_ms is None or first_due_ms > now_ms:
            return []  # nothing to take is no reason to write
        wish = verbs.ClaimDue(
            now_ms=now_ms,
            limit=limit,
            limit_each=limit_each,
            lease_until_ms=lease_until_ms,
            busy=tuple(busy),
        )
        claimed: list[Delivery] = await self._writer.call(verbs.claim_due, wish)
        return claimed

    async def record_attempt(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Write an attempt and the delivery as it is after."""
        return bool(await self._writer.call(verbs.record_attempts, (delivery, attempt)))

    async def release_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Give claimed deliveries back, unattempted."""
        await self._writer.call(verbs.release_deliveries, tuple(deliveries))

    async def rescue_deliveries(self, *, now_ms: int) -> int:
        """Give back deliveries whose lease is over."""
        return len(await self._write(DELIVERIES.rescue_deliveries, now_ms=now_ms))

    async def next_due_ms(self) -> int | None:
        """Return when the next delivery is due."""
        origins = self._read(DELIVERIES.due_origins)
        return origins[0][1] if origins else None

    async def deliveries_of(self, job_id: str) -> list[Delivery]:
        """Return the deliveries of a job."""
        return [delivery_from(row) for row in self._read(DELIVERIES.deliveries_of, job_id=job_id)]

    async def attempts_of(self, delivery_id: str) -> list[Attempt]:
        """Return a delivery's attempts, in order."""
        rows = self._read(DELIVERIES.attempts_of, delivery_id=delivery_id)
        return [attempt_from(row) for row in rows]

    # workspaces

    async def open_workspace(self, workspace: Workspace) -> Workspace:
        """Return the workspace of that id, made now if there was none."""
        known = await self.get_workspace(workspace.workspace_id)
        if known is not None:
            return known
        await self._write(
            WORKSPACES.open_workspace,
            workspace_id=workspace.workspace_id,
            secret=workspace.secret,
            created_at_ms=workspace.created_at_ms,
        )
        known = await self.get_workspace(workspace.workspace_id)
        assert known is not None
        return known

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""
        rows = self._read(WORKSPACES.get_workspace, workspace_id=workspace_id)
        return _workspace(rows[0]) if rows else None

    async def list_workspaces(self) -> list[Workspace]:
        """Return every workspace, by id."""
        return [_workspace(row) for row in await self._scan(WORKSPACES.list_workspaces)]

    async def rotate_secret(self, workspace_id: str, secret: str) -> bool:
        """Replace the signing secret."""
        return bool(
            await self._write(WORKSPACES.rotate_secret, workspace_id=workspace_id, secret=secret)
        )

    async def add_token(self, token: Token) -> None:
        """Keep a new token."""
        await self._write(
            WORKSPACES.add_token,
            token_id=token.token_id,
            workspace_id=token.workspace_id,
            digest=token.digest,
            hint=token.hint,
            created_at_ms=token.created_at_ms,
        )

    async def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest if it has not been revoked."""
        rows = self._read(WORKSPACES.find_token, digest=digest)
        return _token(rows[0]) if rows else None

    async def list_tokens(self) -> list[Token]:
        """Return every token, oldest first."""
        return [_token(row) for row in await self._scan(WORKSPACES.list_tokens)]

    async def revoke_token(self, token_id: str, *, now_ms: int) -> bool:
        """Make a token open nothing."""
        return bool(await self._write(WORKSPACES.revoke_token, token_id=token_id, now_ms=now_ms))

    # books

    async def counts(self) -> Counts:
        """Return how many jobs and deliveries there are, by status."""
        return Counts(
            jobs=dict(await self._scan(JOBS.count_jobs)),
            deliveries=dict(await self._scan(DELIVERIES.count_deliveries)),
        )

    def _read(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._reader.execute(statement, bindings).fetchall()
        return rows

    async def _scan(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        def scan() -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = self._scanner.execute(statement, bindings).fetchall()
            return rows

        return await asyncio.get_running_loop().run_in_executor(self._scans, scan)

    async def _write(self, statement: str, **bindings: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = await self._writer.call(verbs.run_each, (statement, bindings))
        return rows


def _workspace(row: tuple[Any, ...]) -> Workspace:
    return Workspace(workspace_id=row[0], secret=row[1], created_at_ms=row[2])


def _token(row: tuple[Any, ...]) -> Token:
    return Token(
        token_id=row[0],
        workspace_id=row[1],
        digest=row[2],
        hint=row[3],
        created_at_ms=row[4],
        revoked_at_ms=row[5],
    )
