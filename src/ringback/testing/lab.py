"""The fault lab at hand in tests: faults for jobs, and the emulator's clock."""

from __future__ import annotations

from pathlib import Path

from ringback.lab.durations import parse_duration
from ringback.lab.faults import parse_faults
from ringback.lab.script import Rule, Script, parse_script
from ringback.testing.emulator import Emulator


class Lab:
    """What can be made to go wrong with the jobs and webhooks of one emulator.

    Faults are texts in the grammar of the header ``X-Ringback-Lab``, like ``deliver=twice``; a
    text that is none raises ``InvalidFaults`` at once.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def header(self, faults: str) -> dict[str, str]:
        """Return the header that gives a submission these faults."""
        return {"X-Ringback-Lab": str(parse_faults(faults))}

    def every_job(self, faults: str) -> None:
        """Give every job from now on these faults; ``none`` ends it."""
        self._emulator.use_script(Script(rule=(Rule(faults=faults),)))

    def next_jobs(self, *faults: str) -> None:
        """Give the next job the first of these, the one after it the second; then none."""
        rules = (Rule(faults=text, job=number) for number, text in enumerate(faults, 1))
        self._emulator.use_script(Script(rule=tuple(rules)))

    def script(self, script: str | Path) -> None:
        """Have the jobs from now on follow a fault script: a file, or its text."""
        text = script.read_text("utf-8") if isinstance(script, Path) else script
        self._emulator.use_script(parse_script(text))

    def advance(self, duration: str) -> int:
        """Move time on, like ``75h``; return how many attempts of webhooks that brought.

        What falls due on the way happens in its order, so a three-day schedule takes a second.
        """
        return self._emulator.advance(parse_duration(duration) / 1000)
