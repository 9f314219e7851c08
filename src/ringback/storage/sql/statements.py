"""The named statements of a store's .sql files, and the columns that they speak of."""

from __future__ import annotations

from importlib.resources import files

from msgspec.structs import fields

from ringback.apps.model import AppVersion
from ringback.assets.model import Asset
from ringback.jobs.model import Job
from ringback.styles.model import Style
from ringback.webhooks.desk import Chore
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery

_OF_EVENT = {"engine", "body"}  # what a delivery reads from its event
_OF_STYLE = {  # what is counted and looked up for a style
    "likes_count": "(select count(*) from style_likes l where l.style_id = s.style_id)",
    "orphaned": "not exists (select 1 from tokens t where t.token_id = s.token_id "
    "and t.revoked_at_ms is null)",
}
COLUMNS = {
    "{job_columns}": ", ".join(field.name for field in fields(Job)),
    "{delivery_columns}": ", ".join(
        f"e.{field.name}" if field.name in _OF_EVENT else f"d.{field.name}"
        for field in fields(Delivery)
    ),
    "{destination_columns}": (
        "destination_id, workspace_id, origin, failures_count, open_until_ms, openings_count, "
        "flight, flying, next_due_at_ms, paused_at_ms"
    ),
    "{chore_columns}": ", ".join(field.name for field in fields(Chore)),
    "{app_columns}": ", ".join(field.name for field in fields(AppVersion)),
    "{asset_columns}": ", ".join(field.name for field in fields(Asset)),
    "{style_columns}": ", ".join(
        _OF_STYLE.get(field.name, f"s.{field.name}") for field in fields(Style)
    ),
    "{endpoint_columns}": ", ".join(field.name for field in fields(Endpoint)),
}


def read_statements(package: str, *, placeholders: dict[str, str]) -> dict[str, str]:
    """Return a store's statements by name, as in ``jobs.get_job`` of its queries/jobs.sql."""
    found: dict[str, str] = {}
    for entry in files(package).joinpath("queries").iterdir():
        for part in entry.read_text("utf-8").split("-- name: ")[1:]:
            title, _, statement = part.partition("\n")
            for placeholder, text in placeholders.items():
                statement = statement.replace(placeholder, text)
            found[f"{entry.name.removesuffix('.sql')}.{title.strip()}"] = statement.strip()
    return found


def read_migrations(package: str) -> list[tuple[int, str]]:
    """Return a store's numbered migrations in order."""
    found = files(package).joinpath("migrations").iterdir()
    scripts = [entry for entry in found if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.read_text("utf-8")) for entry in scripts)
