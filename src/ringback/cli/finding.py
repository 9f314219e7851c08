"""What a check of the doctor found."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; ``todo`` says what to do when it is not well."""

    name: str
    found: str
    todo: str | None = None

    @property
    def is_well(self) -> bool:
        """Say whether nothing need be done."""
        return self.todo is None

    def document(self) -> dict[str, object]:
        """Return the finding for programs."""
        return {"ok": self.is_well, **asdict(self)}
