"""Reads the named statements of the .sql files, and fills in the columns that they name.

Statements that both databases share stand once, in ``storage/queries``, in PostgreSQL's spelling;
those that really differ stand in the folder ``queries`` of each store, under the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec.structs import fields

from ringback.files.assets.model import Asset
from ringback.node_apps.model import AppVersion
from ringback.styles.model import Style
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery
from ringback.webhooks.store import BulkOperation

_OF_EVENT = {"engine", "body"}  # columns that a delivery reads from its event
_OF_STYLE = {  # columns that are computed for a style
    "likes_count": "(select count(*) from style_likes l where l.style_id = s.style_id)",
    "orphaned": "not exists (select 1 from tokens t where t.token_id = s.token_id "
    "and t.revoked_at_ms is null)",
}
# Which deliveries a filter holds for; a member that is null holds for all of them.
_IS_SELECTED = " and ".join(
    f"(:{name}::text is null or {name} = :{name}::text)"
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
_IS_SELECTED += (
    " and (:since_ms::bigint is null or created_at_ms >= :since_ms::bigint)"
    " and (:before_ms::bigint is null or created_at_ms < :before_ms::bigint)"
)
_PLACEHOLDERS = {
    "{is_wanted}": _IS_SELECTED,
    "{job_columns}": (
        "job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url, status, "
        "webhook_url, completed_at_ms, result, progress, epoch, deaths, webhook_events, lab, "
        "priority, marks, memo, compute_units, token_id, run_id, step, input_files"
    ),
    "{delivery_columns}": ", ".join(
        f"e.{field.name}" if field.name in _OF_EVENT else f"d.{field.name}"
        for field in fields(Delivery)
    ),
    "{destination_columns}": (
        "destination_id, workspace_id, origin, failures_count, open_until_ms, openings_count, "
        "flight, flying, next_due_at_ms, paused_at_ms"
    ),
    "{bulk_operation_columns}": ", ".join(
        {"selection": "wanted"}.get(field.name, field.name) for field in fields(BulkOperation)
    ),
    "{app_columns}": ", ".join(field.name for field in fields(AppVersion)),
    "{asset_columns}": ", ".join(field.name for field in fields(Asset)),
    "{style_columns}": ", ".join(
        _OF_STYLE.get(field.name, f"s.{field.name}") for field in fields(Style)
    ),
    "{endpoint_columns}": ", ".join(field.name for field in fields(Endpoint)),
}


def read_statements(package: str, *, respell: Callable[[str], str] = str) -> dict[str, str]:
    """Return a store's statements by name, as in ``jobs.get_job`` of queries/jobs.sql.

    ``respell`` turns PostgreSQL's spelling of the shared ones into the store's own.
    """
    own = dict(_named(files(package).joinpath("queries")))
    shared = dict(_named(files("ringback.storage").joinpath("queries")))
    if twice := own.keys() & shared.keys():
        raise ValueError(f"statements of {package} that are shared already: {sorted(twice)}")
    placeholders = {name: respell(text) for name, text in _PLACEHOLDERS.items()}
    statements = own | {name: respell(text) for name, text in shared.items()}
    return {name: _filled(text, placeholders) for name, text in statements.items()}


def _named(folder: Traversable) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        for part in entry.read_text("utf-8").split("-- name: ")[1:]:
            title, _, statement = part.partition("\n")
            yield f"{entry.name.removesuffix('.sql')}.{title.strip()}", statement.strip()


def _filled(statement: str, placeholders: Mapping[str, str]) -> str:
    for placeholder, text in placeholders.items():
        statement = statement.replace(placeholder, text)
    return statement


def read_migrations(package: str) -> list[tuple[int, str]]:
    """Return a store's numbered migrations in order."""
    found = files(package).joinpath("migrations").iterdir()
    scripts = [entry for entry in found if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.read_text("utf-8")) for entry in scripts)
