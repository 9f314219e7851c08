"""A ledger in a SQLite file, by the standard library: for programs on one machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

from ringback.receiver.ledgers.contract import (
    STORED,
    BaseLedger,
    Held,
    LeaseLost,
    Receipt,
    TransactionalLedger,
)

_SCHEMA = """
create table if not exists ringback_receipts (
    key            text primary key,
    webhook_id     text not null,
    type           text not null,
    job_id         text,
    timestamp_s    integer not null,
    body           blob not null,
    received_at_s  real not null,
    due_at_s       real,                -- or the lease's end; null: handled or given up
    attempts_count integer not null default 0,
    epoch          integer not null default 0,
    error          text
) without rowid;
create index if not exists ringback_receipts_due on ringback_receipts (due_at_s)
 where due_at_s is not null;
create index if not exists ringback_receipts_old on ringback_receipts (received_at_s)
 where due_at_s is null;
create table if not exists ringback_expected (
    job_id      text primary key,
    since_s     real not null,
    has_ended   integer not null default 0
) without rowid;
create index if not exists ringback_expected_since on ringback_expected (since_s)
 where has_ended = 0;
"""
_CLAIM = """
update ringback_receipts
   set due_at_s = ?, attempts_count = attempts_count + 1, epoch = epoch + 1
 where key in (select key from ringback_receipts where due_at_s <= ? order by due_at_s limit ?)
returning key, webhook_id, type, job_id, timestamp_s, body, received_at_s, attempts_count, epoch
"""
_BUSY_S = 10.0


class SqliteLedger(BaseLedger, TransactionalLedger):
    """``TransactionalLedger`` in a file, which may be the program's own database."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._connection = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._lock = threading.RLock()
        with self._lock:
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, receipt: Receipt, *, connection: sqlite3.Connection | None = None) -> bool:
        """Keep a receipt; False, and nothing changed, when its key is there already.

        With a connection the receipt joins the transaction there.
        """
        if connection is not None:
            return _add(connection, receipt)
        with self._writing() as own:
            return _add(own, receipt)

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        with self._writing() as connection:
            rows = connection.execute(
                _CLAIM,
                (now_s + lease_s, now_s, limit),
            ).fetchall()
        return sorted(map(_held, rows), key=lambda held: held.receipt.received_at_s)

    def _settle(self, held: Held, due_at_s: float | None, error: str | None = None) -> bool:
        with self._writing() as connection:
            return _settle(connection, held, due_at_s, error)

    @contextmanager
    def transaction(self, held: Held) -> Iterator[sqlite3.Connection]:
        """Open a transaction that has marked the receipt; see ``TransactionalLedger``."""
        with self._writing() as connection:
            if not _settle(connection, held, None, None):
                raise LeaseLost(held.receipt.key)
            yield connection

    def next_due_s(self) -> float | None:
        with self._lock:
            row = self._connection.execute(
                "select min(due_at_s) from ringback_receipts where due_at_s is not null"
            ).fetchone()
        found: float | None = row[0]
        return found

    def expect(self, job_id: str, *, now_s: float) -> None:
        with self._writing() as connection:
            connection.execute(
                "insert into ringback_expected (job_id, since_s) values (?, ?) "
                "on conflict do nothing",
                (job_id, now_s),
            )

    def expects(self, job_id: str) -> bool:
        with self._lock:
            found = self._connection.execute(
                "select 1 from ringback_expected where job_id = ?", (job_id,)
            ).fetchone()
        return found is not None

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        with self._lock:
            rows = self._connection.execute(
                "select job_id from ringback_expected where has_ended = 0 and since_s < ? "
                "order by since_s limit ?",
                (before_s, limit),
            ).fetchall()
        return [job_id for (job_id,) in rows]

    def forget(self, *, before_s: float) -> int:
        with self._writing() as connection:
            connection.execute("delete from ringback_expected where since_s < ?", (before_s,))
            return connection.execute(
                "delete from ringback_receipts where due_at_s is null and received_at_s < ?",
                (before_s,),
            ).rowcount

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")


def _add(connection: sqlite3.Connection, receipt: Receipt) -> bool:
    added = connection.execute(
        "insert into ringback_receipts (key, webhook_id, type, job_id, timestamp_s, body, "
        "received_at_s, due_at_s) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        (*(getattr(receipt, name) for name in STORED), receipt.first_due_at_s),
    ).rowcount
    if added and receipt.ends_job:
        connection.execute(
            "update ringback_expected set has_ended = 1 where job_id = ?", (receipt.job_id,)
        )
    return bool(added)


def _settle(
    connection: sqlite3.Connection, held: Held, due_at_s: float | None, error: str | None
) -> bool:
    changed = connection.execute(
        "update ringback_receipts set due_at_s = ?, error = coalesce(?, error) "
        "where key = ? and epoch = ? and due_at_s is not null",
        (due_at_s, error, held.receipt.key, held.epoch),
    ).rowcount
    return bool(changed)


def _held(row: tuple[Any, ...]) -> Held:
    *stored, attempts_count, epoch = row
    receipt = Receipt(**dict(zip(STORED, stored, strict=True)))
    return Held(receipt=receipt, attempts_count=attempts_count, epoch=epoch)
