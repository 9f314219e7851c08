"""The report on a receiver, as values."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Verdict(StrEnum):
    """The verdict of a check."""

    PASS = "pass"
    WARN = "warn"  # it works, and may not always
    FAIL = "fail"


class Finding(Struct, frozen=True, kw_only=True):
    """One check: its verdict, why it matters, and the observed behaviour."""

    name: str
    verdict: Verdict
    why: str
    seen: str


class Report(Struct, frozen=True, kw_only=True):
    """All findings about one receiver, and the checks that were left out."""

    url: str
    findings: tuple[Finding, ...]
    not_tried: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Say whether no check failed."""
        return self.count(Verdict.FAIL) == 0

    def count(self, verdict: Verdict) -> int:
        """Return how many checks have that verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "url": self.url,
            "ok": self.is_well,
            "findings": [
                {
                    "name": finding.name,
                    "verdict": finding.verdict.value,
                    "why": finding.why,
                    "seen": finding.seen,
                }
                for finding in self.findings
            ],
            "not_tried": list(self.not_tried),
        }
