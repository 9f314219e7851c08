"""What may not be: settings that each make sense, and together do not."""

from __future__ import annotations

from ringback.errors import SetupError
from ringback.settings import ROLES, Settings

_ONE = (
    "SQLite keeps the data in one directory, which one process serves alone; give a "
    "PostgreSQL database in RINGBACK_DATABASE (docs/scale.md says how to move there), or {or_}."
)


def check_scale(settings: Settings) -> None:
    """Raise ``SetupError`` for roles or processes that these settings cannot have."""
    if settings.is_dev and not settings.is_alone:
        raise SetupError(
            "The emulator keeps its data in a directory; unset database, or use ringback serve."
        )
    if settings.is_alone and set(settings.roles) != set(ROLES):
        raise SetupError(_ONE.format(or_="let one ringback serve do all of it"))
    if settings.is_alone and settings.processes > 1:
        raise SetupError(_ONE.format(or_="leave --processes out"))
    if settings.processes > 1 and settings.port == 0 and settings.probe_port == 0:
        raise SetupError("Several processes cannot share a probe_port of 0; name one.")
