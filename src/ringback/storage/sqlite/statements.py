"""The named statements of the .sql files beside this module."""

from __future__ import annotations

from importlib.resources import files
from types import SimpleNamespace

from msgspec.structs import fields

from ringback.jobs.model import Job
from ringback.webhooks.desk import Chore
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.model import Delivery

JOB_COLUMNS = (
    "job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url, status, "
    "webhook_url, completed_at_ms, result, progress, epoch, deaths, webhook_events, lab, "
    "marks"
)
_OF_EVENT = {"engine", "body"}  # what a delivery reads from its event
DELIVERY_COLUMNS = ", ".join(
    f"e.{field.name}" if field.name in _OF_EVENT else f"d.{field.name}"
    for field in fields(Delivery)
)
DESTINATION_COLUMNS = (
    "destination_id, workspace_id, origin, failures_count, open_until_ms, openings_count, flight, "
    "flying, next_due_at_ms, paused_at_ms"
)
CHORE_COLUMNS = ", ".join(field.name for field in fields(Chore))
ENDPOINT_COLUMNS = ", ".join(field.name for field in fields(Endpoint))
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
assert JOB_COLUMNS.split(", ") == [field.name for field in fields(Job)]


def _load(name: str, columns: str) -> SimpleNamespace:
    text = files(__package__).joinpath("queries", f"{name}.sql").read_text("utf-8")
    statements = {}
    for part in text.split("-- name: ")[1:]:
        title, _, statement = part.partition("\n")
        statements[title.strip()] = (
            statement.strip()
            .replace("{columns}", columns)
            .replace("{destination_columns}", DESTINATION_COLUMNS)
            .replace("{endpoint_columns}", ENDPOINT_COLUMNS)
            .replace("{is_wanted}", _IS_WANTED)
            .replace("{chore_columns}", CHORE_COLUMNS)
        )
    return SimpleNamespace(**statements)


JOBS = _load("jobs", JOB_COLUMNS)
DELIVERIES = _load("deliveries", DELIVERY_COLUMNS)
WORKSPACES = _load("workspaces", "")
SECRETS = _load("secrets", "")
ENDPOINTS = _load("endpoints", "")
CHORES = _load("chores", "")
LEDGER = _load("ledger", "")
RETENTION = _load("retention", "")
LOG = _load("log", DELIVERY_COLUMNS)


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order."""
    found = files(__package__).joinpath("migrations").iterdir()
    scripts = [entry for entry in found if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.read_text("utf-8")) for entry in scripts)
