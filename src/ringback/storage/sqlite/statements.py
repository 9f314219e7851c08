"""The statements of the .sql files beside this module."""

from __future__ import annotations

from ringback.storage.sql.statements import COLUMNS, read_migrations, read_statements

# Which deliveries a filter holds for; whatever is null holds for all of them.
_IS_WANTED = " and ".join(
    f"(:{name} is null or {name} = :{name})"
    for name in (
        "workspace_id",
        "job_id",
        "endpoint_id",
        "destination",
        "status",
        "reason",
        "event",
    )
)
_IS_WANTED += (
    " and (:since_ms is null or created_at_ms >= :since_ms)"
    " and (:before_ms is null or created_at_ms < :before_ms)"
)

STATEMENTS = read_statements(
    "ringback.storage.sqlite", placeholders={**COLUMNS, "{is_wanted}": _IS_WANTED}
)


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    return read_migrations("ringback.storage.sqlite")
