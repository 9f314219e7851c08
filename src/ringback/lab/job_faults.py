"""The faults of each submission: those that it requests, or else those of the script."""

from __future__ import annotations

from collections import Counter

from ringback.errors import FieldError, InvalidFaults
from ringback.jobs.requested_faults import Faults, PreparedAnswer, parse_faults
from ringback.lab.script import Answer, Script

_HEADER = "X-Ringback-Lab"


class JobFaults:
    """Decides the faults of one submission after another; each workspace counts its own."""

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or Script()
        self._counts: Counter[str] = Counter()  # of jobs, by workspace

    def use(self, script: Script) -> None:
        """Have the jobs from now on follow another script, which counts them from 1."""
        self._script = script
        self._counts.clear()

    def count_anew(self, workspace_id: str) -> None:
        """Give the workspace's next job the number 1."""
        self._counts.pop(workspace_id, None)

    def prepared(self) -> list[PreparedAnswer]:
        """Return the prepared answers in force, in the order in which they are tried."""
        return [answer.prepared() for answer in self._script.answers]

    def answer(self, name: str) -> Answer | None:
        """Return the script's prepared answer of that name."""
        return self._script.answer(name)

    def of(self, text: str | None, *, model: str, workspace_id: str) -> Faults:
        """Return the faults of the workspace's next job.

        Raises ``InvalidFaults`` naming the header.
        """
        # Every job has its number, so that a header on one does not shift the script's others.
        self._counts[workspace_id] += 1
        job_number = self._counts[workspace_id]
        if text is None:
            return self._script.faults_for(job_number=job_number, model=model)
        try:
            return self._script.resolved(parse_faults(text))
        except InvalidFaults as exc:
            exc.details = (FieldError(f"header:{_HEADER}", str(exc)),)
            raise
