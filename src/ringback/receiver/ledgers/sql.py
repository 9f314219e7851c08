"""A ledger in the program's own database, through SQLAlchemy: PostgreSQL, SQLite, MySQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from ringback.receiver.ledgers.contract import (
    STORED,
    BaseLedger,
    Held,
    LeaseLost,
    Receipt,
    TransactionalLedger,
)

metadata = MetaData()
"""The two tables, for programs that make their schema by migrations of their own."""

receipts = Table(
    "ringback_receipts",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("webhook_id", String(256), nullable=False),
    Column("type", String(200), nullable=False),
    Column("job_id", String(255)),
    Column("timestamp_s", Integer, nullable=False),
    Column("body", LargeBinary(2**24), nullable=False),
    Column("received_at_s", Float(53), nullable=False),
    # Or the lease's end; null: handled or given up.
    Column("due_at_s", Float(53)),
    Column("attempts_count", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False, default=0),
    Column("error", Text),
    Index("ringback_receipts_due", "due_at_s"),
)
expected = Table(
    "ringback_expected",
    metadata,
    Column("job_id", String(255), primary_key=True),
    Column("since_s", Float(53), nullable=False),
    Column("has_ended", Integer, nullable=False, default=0),
    Index("ringback_expected_since", "has_ended", "since_s"),
)


class SqlAlchemyLedger(BaseLedger, TransactionalLedger):
    """``TransactionalLedger`` in the database of an engine.

    The tables are made when they are missing, unless ``create`` is False.
    """

    def __init__(self, engine: Engine, *, create: bool = True) -> None:
        self._engine = engine
        if create:
            metadata.create_all(engine)

    def add(self, receipt: Receipt, *, connection: Connection | None = None) -> bool:
        """Keep a receipt; False, and nothing changed, when its key is there already.

        With a connection the receipt joins the transaction there, so that an effect
        and its receipt are committed together or not at all.
        """
        if connection is not None:
            return _add(connection, receipt)
        with self._engine.begin() as own:
            return _add(own, receipt)

    def claim(self, *, now_s: float, lease_s: float, limit: int) -> list[Held]:
        due = (
            select(receipts)
            .where(receipts.c.due_at_s <= now_s)
            .order_by(receipts.c.due_at_s)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            return [
                Held(
                    receipt=_receipt(row),
                    attempts_count=row.attempts_count + 1,
                    epoch=row.epoch + 1,
                )
                for row in connection.execute(due).all()
                if _claim_row(connection, row, now_s + lease_s)
            ]

    def _settle(self, held: Held, due_at_s: float | None, error: str | None = None) -> bool:
        with self._engine.begin() as connection:
            return _settle(connection, held, due_at_s, error=error)

    @contextmanager
    def transaction(self, held: Held) -> Iterator[Connection]:
        """Open a transaction that has marked the receipt; see ``TransactionalLedger``."""
        with self._engine.begin() as connection:
            if not _settle(connection, held, None):
                raise LeaseLost(held.receipt.key)
            yield connection

    def next_due_s(self) -> float | None:
        with self._engine.connect() as connection:
            found: float | None = connection.execute(
                select(func.min(receipts.c.due_at_s))
            ).scalar_one()
        return found

    def expect(self, job_id: str, *, now_s: float, connection: Connection | None = None) -> None:
        """Note a job that this program has started; a connection's transaction is joined."""
        if connection is not None:
            _expect(connection, job_id, now_s)
            return
        with self._engine.begin() as own:
            _expect(own, job_id, now_s)

    def expects(self, job_id: str) -> bool:
        query = select(expected.c.job_id).where(expected.c.job_id == job_id)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def overdue(self, *, before_s: float, limit: int) -> list[str]:
        query = (
            select(expected.c.job_id)
            .where(expected.c.has_ended == 0, expected.c.since_s < before_s)
            .order_by(expected.c.since_s)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def forget(self, *, before_s: float) -> int:
        old = delete(receipts).where(
            receipts.c.due_at_s.is_(None), receipts.c.received_at_s < before_s
        )
        with self._engine.begin() as connection:
            connection.execute(delete(expected).where(expected.c.since_s < before_s))
            return connection.execute(old).rowcount


def _add(connection: Connection, receipt: Receipt) -> bool:
    row = {name: getattr(receipt, name) for name in STORED}
    if not _inserted(connection, receipts, {**row, "due_at_s": receipt.first_due_at_s}):
        return False
    if receipt.ends_job:
        connection.execute(
            update(expected).where(expected.c.job_id == receipt.job_id).values(has_ended=1)
        )
    return True


def _expect(connection: Connection, job_id: str, now_s: float) -> None:
    _inserted(connection, expected, {"job_id": job_id, "since_s": now_s})


def _inserted(connection: Connection, table: Table, row: dict[str, object]) -> bool:
    """Insert a row unless its key is there, without breaking the transaction."""
    if (insert_of := _INSERTS.get(connection.dialect.name)) is not None:
        statement = insert_of(table).values(**row).on_conflict_do_nothing()
        (key,) = table.primary_key.columns
        return connection.execute(statement.returning(key)).first() is not None
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(**row))
    except IntegrityError:
        return False
    return True


_INSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def _claim_row(connection: Connection, row: Row[tuple[object, ...]], until_s: float) -> bool:
    # Guarded, for databases that do not lock the rows that a transaction has read.
    claimed = connection.execute(
        update(receipts)
        .where(receipts.c.key == row.key, receipts.c.epoch == row.epoch)
        .where(receipts.c.due_at_s == row.due_at_s)
        .values(due_at_s=until_s, attempts_count=row.attempts_count + 1, epoch=row.epoch + 1)
    )
    return claimed.rowcount == 1


def _settle(
    connection: Connection, held: Held, due_at_s: float | None, *, error: str | None = None
) -> bool:
    values: dict[str, object] = {"due_at_s": due_at_s}
    if error is not None:
        values["error"] = error
    changed = connection.execute(
        update(receipts)
        .where(receipts.c.key == held.receipt.key, receipts.c.epoch == held.epoch)
        .where(receipts.c.due_at_s.is_not(None))
        .values(**values)
    )
    return changed.rowcount == 1


def _receipt(row: Row[tuple[object, ...]]) -> Receipt:
    return Receipt(**{name: getattr(row, name) for name in STORED})
