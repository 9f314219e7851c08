"""Triggers that note every change in the database itself, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

Row = Sequence[Any]
"""A change: its place, its transaction, what it is, whose it is, and up to nine more values."""

_TRIGGERS = Path(__file__).with_name("audit.sql").read_text("utf-8")
_TRIGGER = re.compile(r"create trigger (\w+) (after .+?) begin(.+?)^end;", re.DOTALL | re.MULTILINE)
_SQLITE_TABLE = (
    "create table audit (seq integer primary key, tx, what text, id, a, b, c, d, e, f, g, h, i);"
)
_POSTGRES_TABLE = (
    "create table audit (seq bigserial, "
    "tx bigint not null default pg_current_xact_id()::text::bigint, "
    f"{', '.join(f'{name} text' for name in ('what', 'id', *'abcdefghi'))});"
)


def sqlite_audit() -> str:
    """Return what has a SQLite database note its changes."""
    return _SQLITE_TABLE + _TRIGGERS


def postgres_audit() -> str:
    """Return what has a PostgreSQL database note its changes, and whose transaction made each."""
    made = [_POSTGRES_TABLE]
    for name, when, body in _TRIGGER.findall(_TRIGGERS):
        made.append(
            f"create function {name}() returns trigger language plpgsql as "
            f"$$ begin {body} return null; end $$;"
            f"create trigger {name} {when} for each row execute function {name}();"
        )
    return "".join(made)


def changes_after(seq: int) -> str:
    """Return the query for the changes that come after that one."""
    return f"select * from audit where seq > {seq} order by seq"  # noqa: S608 - a number of ours


def changes_taken() -> str:
    """Return what takes the changes that were committed and not yet taken.

    On PostgreSQL a change can have an earlier place than others and be committed after them: who
    asks for what comes after a place would never see it.
    """
    return "with taken as (delete from audit returning *) select * from taken order by seq"


def commits_of(rows: Iterable[Row]) -> list[list[Row]]:
    """Return a PostgreSQL database's changes by transaction, as if one had come after the other.

    A transaction that changed what another had changed before did so after that one's commit, so
    its last change has the later place.
    """
    read = [[_value(value) for value in row] for row in rows]
    by_transaction = groupby(sorted(read, key=lambda row: (row[1], row[0])), key=lambda row: row[1])
    commits: list[list[Row]] = [list(changes) for _, changes in by_transaction]
    return sorted(commits, key=lambda changes: changes[-1][0])


def _value(noted: Any) -> Any:
    """Return what was noted as a text as the number that it was."""
    is_number = isinstance(noted, str) and noted.removeprefix("-").isdigit()
    return int(noted) if is_number else noted
