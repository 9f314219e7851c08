"""The fault lab for tests: it gives jobs faults and advances the emulator's clock."""

from __future__ import annotations

from pathlib import Path

from ringback.jobs.durations import parse_duration
from ringback.jobs.requested_faults import parse_faults
from ringback.lab.script import Rule, Script, parse_script
from ringback.testing.server import RingbackServer


class Lab:
    """Injects faults into the jobs and webhooks of one emulator.

    Faults are texts in the grammar of the header ``X-Ringback-Lab``, like ``deliver=twice``; an
    invalid text raises ``InvalidFaults`` at once.
    """

    def __init__(self, server: RingbackServer) -> None:
        self._server = server

    def header(self, faults: str) -> dict[str, str]:
        """Return the header that gives a submission these faults."""
        return {"X-Ringback-Lab": str(parse_faults(faults))}

    def every_job(self, faults: str) -> None:
        """Give every job from now on these faults; ``none`` stops that."""
        self._server.use_script(Script(rule=(Rule(faults=faults),)))

    def next_jobs(self, *faults: str) -> None:
        """Give the next job the first of these faults, the job after it the second, and so on."""
        rules = (Rule(faults=text, job=number) for number, text in enumerate(faults, 1))
        self._server.use_script(Script(rule=tuple(rules)))

    def script(self, script: str | Path) -> None:
        """Apply a fault script, as a file or its text, to the jobs from now on.

        The files of its prepared answers are relative to the script's folder; those of a text, to
        the working directory.
        """
        if isinstance(script, Path):
            parsed = parse_script(script.read_text("utf-8"), directory=script.parent)
        else:
            parsed = parse_script(script)
        self._server.use_script(parsed)

    def advance(self, duration: str) -> int:
        """Advance the clock by a duration like ``75h``; return how many attempts were made.

        Everything due on the way runs in its order, so a three-day schedule takes a second.
        """
        return self._server.advance(parse_duration(duration) / 1000)

    def reset(self) -> None:
        """Empty the test's workspace: jobs, webhooks, files, endpoints; the clock stays.

        Jobs that run are stopped, and the fault script counts the jobs from 1 again.
        """
        self._server.reset()
