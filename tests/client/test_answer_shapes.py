"""The client reads a job's results and reasons in the shapes in which servers differ."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ringback.client.models import JobDocument, job_document
from tests.answer_shapes import BASE64, DATA_URL, REASONS, RESULTS

OF_OBJECTS = [(result, urls) for result, urls in RESULTS if isinstance(result, dict)]


def a_job(status: str, result: Any, **more: Any) -> JobDocument:
    document = {"job_id": "j", "status": status, "result": result, **more}
    return job_document(msgspec.json.encode(document))


@pytest.mark.parametrize(("result", "urls"), OF_OBJECTS)
def test_urls_are_those_of_the_result_in_any_shape(result: Any, urls: list[str]) -> None:
    found = a_job("completed", result).urls
    assert [DATA_URL if url.endswith(BASE64) else url for url in found] == urls


@pytest.mark.parametrize(("reason", "sentence"), REASONS)
def test_the_error_is_the_reason_in_any_shape_and_place(reason: Any, sentence: str) -> None:
    for status in ("failed", "cancelled"):
        assert a_job(status, {"error": reason}).error == (sentence or None)
        assert a_job(status, None, error=reason).error == (sentence or None)
        if isinstance(reason, dict):
            assert a_job(status, reason).error == (sentence or None)


def test_a_completed_job_has_no_error_and_its_notes() -> None:
    job = a_job("completed", {"urls": [], "message": "done", "notes": ["File 1 is missing."]})
    assert (job.error, job.notes) == (None, ("File 1 is missing.",))
    assert a_job("completed", {"notes": "none"}).notes == ()
