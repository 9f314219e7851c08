"""Jobs as the command line prints them."""

from __future__ import annotations

from ringback.cli.console.job_output import job_lines
from ringback.client.models import JobDocument
from tests.client.test_answer_shapes import a_job


def test_a_job_has_a_line_for_each_file_and_each_note() -> None:
    job: JobDocument = a_job(
        "completed", {"urls": ["https://x.example/1"], "notes": ["File 2 is missing: gone."]}
    )
    lines = list(job_lines(job))
    assert "result        https://x.example/1" in lines
    assert "note          File 2 is missing: gone." in lines
