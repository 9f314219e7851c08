"""The finding of one check of ``ringback doctor``."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check; ``todo`` is the remedy for a problem."""

    name: str
    found: str
    todo: str | None = None

    @property
    def is_well(self) -> bool:
        """Say whether the check found no problem."""
        return self.todo is None

    def document(self) -> dict[str, object]:
        """Return the finding for programs."""
        return {"ok": self.is_well, **asdict(self)}
