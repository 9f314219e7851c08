"""The statements of the .sql files, as SQLite spells them."""

from __future__ import annotations

import re

from ringback.storage.mapping.statements import read_migrations, read_statements

_ANY = re.compile(r"= any\((:\w+)::\w+\[\]\)")
_CAST = re.compile(r"(?<=\w)::\w+(\[\])?")


def respelled(statement: str) -> str:
    """Return a statement in PostgreSQL's spelling as SQLite reads it.

    A list arrives as JSON, so ``= any(:names::text[])`` looks into that; casts are left out.
    """
    return _CAST.sub("", _ANY.sub(r"in (select value from json_each(\1))", statement))


STATEMENTS = read_statements("ringback.storage.sqlite", respell=respelled)


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    return read_migrations("ringback.storage.sqlite")
