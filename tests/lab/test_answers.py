"""Prepared answers: files and errors that jobs end with, by rule, by name and by URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ringback.errors import InvalidFaults
from ringback.jobs.requested_faults import Faults
from ringback.lab.script import parse_script
from ringback.testing.emulator import Emulator
from tests.media_files import png, wav

NULL = "/generate/image/ringback/null"
FLUX = "/generate/image/bfl/flux-1-dev"
SCRIPT = """
[[answers]]
model = "bfl/*"
files = ["fox.png", "sounds/fox.wav"]
after = "5ms"

[[answers]]
name = "blocked"
error = "The prompt was flagged as unsafe."

[[answers]]
job = 2
error = "out of credit"

[[rule]]
job = 3
faults = "result=blocked; deliver=twice"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "fox.png").write_bytes(png(size=(64, 48)))
    (tmp_path / "sounds/fox.wav").write_bytes(wav())
    return tmp_path


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("answers")) as made:
        yield made


@pytest.fixture
def http(emulator: Emulator) -> Iterator[httpx2.Client]:
    headers = {"authorization": "Bearer dev"}
    with httpx2.Client(base_url=emulator.url, headers=headers, timeout=60) as client:
        yield client


def ended(http: httpx2.Client, path: str, faults: str | None = None) -> dict[str, Any]:
    headers = {"prefer": "wait=50"} | ({} if faults is None else {"x-ringback-lab": faults})
    answer = http.post(path, json={"prompt": "a fox"}, headers=headers)
    job: dict[str, Any] = answer.raise_for_status().json()
    return job


def test_the_first_answer_that_matches_decides_before_any_rule(folder: Path) -> None:
    script = parse_script(SCRIPT, directory=folder)
    blocked = "The prompt was flagged as unsafe."
    assert script.faults_for(job_number=1, model="bfl/x") == Faults(result="1", slow_ms=5)
    assert script.faults_for(job_number=2, model="ringback/null") == Faults(error="out of credit")
    third = script.faults_for(job_number=3, model="ringback/null")
    assert third == Faults(error=blocked, deliver="twice")
    assert script.faults_for(job_number=4, model="ringback/null") == Faults()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("[[answers]]", "files or an error"),
        ('[[answers]]\nfiles = ["fox.png"]\nerror = "no"', "files or an error"),
        ('[[answers]]\nfiles = ["none.png"]', "is not there"),
        ('[[answers]]\nfiles = ["sounds"]', "is not there"),
        ('[[answers]]\nerror = "no; never"', "is wrong"),
        ('[[answers]]\nerror = "no"\nafter = "soon"', "slow takes"),
        ('[[answers]]\nname = "1"\nerror = "no"', "name"),
        ('[[rule]]\nfaults = "result=fox"', "no answer 'fox'"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_script(
    folder: Path, script: str, sentence: str
) -> None:
    with pytest.raises(InvalidFaults, match=sentence):
        parse_script(script, directory=folder)


def test_jobs_end_as_their_answers_say(
    emulator: Emulator, http: httpx2.Client, folder: Path
) -> None:
    emulator.use_script(parse_script(SCRIPT, directory=folder))
    first = ended(http, FLUX)
    assert first["status"] == "completed"
    picture, sound = (http.get(url) for url in first["result"]["urls"])
    assert picture.content == (folder / "fox.png").read_bytes()
    assert sound.headers["content-type"] == "audio/wav"
    failed = ended(http, NULL)
    assert (failed["status"], failed["result"]["error"]) == ("failed", "out of credit")
    named = ended(http, NULL, "result=blocked")
    assert named["result"]["error"] == "The prompt was flagged as unsafe."
    assert ended(http, NULL, "error=no credit")["result"]["error"] == "no credit"


def test_a_prepared_file_of_an_unknown_type_is_kept_with_a_note(
    emulator: Emulator, http: httpx2.Client, folder: Path
) -> None:
    (folder / "fox.png").write_bytes(b"\x00no picture")
    emulator.use_script(parse_script(SCRIPT, directory=folder))
    job = ended(http, FLUX)
    kept = http.get(job["result"]["urls"][0])
    assert (kept.headers["content-type"], kept.content) == (
        "application/octet-stream",
        b"\x00no picture",
    )
    assert job["result"]["notes"] == [
        "File 1 is of a type that is not known here; it is kept as it came."
    ]


def test_a_job_has_the_file_of_its_headers_url(http: httpx2.Client, folder: Path) -> None:
    files = {"file": (folder / "fox.png").read_bytes()}
    asset = http.post("/assets", files=files).json()["image_url"]
    job = ended(http, NULL, f"result={asset}")
    assert job["status"] == "completed", job
    assert http.get(job["result"]["urls"][0]).content == http.get(asset).content
    away = ended(http, NULL, f"result={asset[:-8]}00000000")
    assert away["status"] == "failed"
    assert "could not fetch" in away["result"]["error"]


def test_an_answer_that_is_not_there_refuses_the_submission(
    emulator: Emulator, http: httpx2.Client, folder: Path
) -> None:
    emulator.use_script(parse_script(SCRIPT, directory=folder))
    refused = http.post(NULL, json={"prompt": "x"}, headers={"x-ringback-lab": "result=fox"})
    assert refused.status_code == 400
    assert "There is no answer 'fox'; there are blocked." in refused.text


def test_a_file_that_was_deleted_fails_its_jobs_with_its_name(
    emulator: Emulator, http: httpx2.Client, folder: Path
) -> None:
    emulator.use_script(parse_script(SCRIPT, directory=folder))
    (folder / "fox.png").unlink()
    job = ended(http, FLUX)
    assert job["result"]["error"] == "The lab cannot read fox.png: No such file or directory."
