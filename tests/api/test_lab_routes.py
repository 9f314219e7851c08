"""The emulator's lab over HTTP."""

from __future__ import annotations

import httpx2
import pytest

from ringback.jobs.requested_faults import Faults
from ringback.lab.job_faults import JobFaults
from ringback.lab.script import parse_script
from tests.lab.emulator import HourlyLab
from tests.world import NULL, World

BEGINNING = "2027-01-15T08:00:00.000Z"


@pytest.fixture
def world_with_lab(world: World) -> World:
    world.serve_with(lab=HourlyLab())
    return world


@pytest.fixture
def client(world_with_lab: World) -> httpx2.AsyncClient:
    return world_with_lab.client()


@pytest.fixture
def dev(world: World) -> httpx2.AsyncClient:
    world.serve_with(faults=JobFaults())
    return world.client()


async def test_the_clock_is_shown_and_moved(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/lab/clock")).json() == {"now": BEGINNING, "ahead": "0s"}
    moved = await client.post("/lab/clock", json={"advance": "75h"})
    assert moved.status_code == 200
    after = "2027-01-18T11:00:00.000Z"
    assert moved.json() == {"before": BEGINNING, "now": after, "attempts": 75}
    assert (await client.get("/lab/clock")).json() == {"now": after, "ahead": "75h"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "one duration"),
        ({"advance": 75}, "one duration"),
        ({"advance": "75h", "rewind": "1h"}, "one duration"),
        ({"advance": "-75h"}, "is not a duration"),
        ({"advance": "0s"}, "out of bounds"),
    ],
)
async def test_a_wrong_duration_moves_nothing(
    client: httpx2.AsyncClient, body: dict[str, object], says: str
) -> None:
    refused = await client.post("/lab/clock", json=body)
    assert refused.status_code == 400
    assert says in refused.json()["error"]
    assert (await client.get("/lab/clock")).json()["now"] == BEGINNING


async def test_the_clock_stops_before_its_years_cannot_be_written(world: World) -> None:
    lab = HourlyLab(ahead_ms=220_045_000_000_000)  # some days before the year 9000
    world.serve_with(lab=lab)
    async with world.client() as client:
        taken = await client.post("/lab/clock", json={"advance": "1d"})
        refused = await client.post("/lab/clock", json={"advance": "366d"})
        now = (await client.get("/lab/clock")).json()["now"]
    assert (taken.status_code, refused.status_code) == (200, 400)
    assert "year 9000" in refused.json()["error"]
    assert now == taken.json()["now"]


async def test_the_clock_needs_a_token(world_with_lab: World) -> None:
    async with world_with_lab.client(token=None) as nobody:
        assert (await nobody.get("/lab/clock")).status_code == 401
        assert (await nobody.post("/lab/clock", json={"advance": "1h"})).status_code == 401


async def test_a_server_has_no_lab(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/lab/clock")).status_code == 404
        assert (await client.post("/lab/clock", json={"advance": "1h"})).status_code == 404


def test_a_header_decides_alone_and_every_job_has_its_number() -> None:
    script = parse_script('rule = [{every = 2, faults = "hold=1"}]')
    faults = JobFaults(script)
    found = [
        faults.of(text, model="luma/ray", workspace_id="studio")
        for text in (None, None, "none", None)
    ]
    assert found == [Faults(), Faults(hold=1), Faults(), Faults(hold=1)]
    assert faults.of("job=fail", model="luma/ray", workspace_id="studio") == Faults(job="fail")


def test_without_a_script_there_are_the_headers_faults_alone() -> None:
    faults = JobFaults()
    assert faults.of(None, model="luma/ray", workspace_id="studio") == Faults()
    assert faults.of("hold=2", model="luma/ray", workspace_id="studio") == Faults(hold=2)


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"job=explode"])
async def test_a_wrong_header_is_named(dev: httpx2.AsyncClient, value: bytes) -> None:
    answer = await dev.post(NULL, json={"prompt": "x"}, headers=[(b"x-ringback-lab", value)])
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_faults"
    assert [one["path"] for one in answer.json()["details"]] == ["header:X-Ringback-Lab"]


@pytest.mark.parametrize("status", [402, 410, 429])
async def test_a_refused_submission_is_answered_as_the_contract_has_it(
    dev: httpx2.AsyncClient, status: int
) -> None:
    headers = {"x-ringback-lab": f"answer={status}"}
    answer = await dev.post(NULL, json={"prompt": "x"}, headers=headers)
    assert answer.status_code == status
    document = answer.json()
    assert document["error"]
    assert document["error"] == document["message"]
    assert ("retry-after" in answer.headers) is (status == 429)


async def test_a_server_without_a_lab_reads_no_header_of_faults(world: World) -> None:
    async with world.client() as client:
        headers = {"x-ringback-lab": "answer=402"}
        answer = await client.post(NULL, json={"prompt": "x"}, headers=headers)
    assert answer.status_code == 200
