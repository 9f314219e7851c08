"""The emulator's lab over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx2
import pytest
from api.world import World
from lab.emulator import HourlyLab

from ringback.api.app import create_api
from ringback.api.headers import RequestHeaders
from ringback.api.lab import AskedFaults, refusal
from ringback.errors import InvalidFaults
from ringback.lab.faults import Faults
from ringback.lab.script import parse_script

BEGINNING = "2027-01-15T08:00:00.000Z"


@pytest.fixture
def world_with_lab(world: World) -> World:
    world.app = create_api(replace(world.deps, lab=HourlyLab()))
    return world


@pytest.fixture
def client(world_with_lab: World) -> httpx2.AsyncClient:
    return world_with_lab.client()


async def test_the_clock_is_told_and_moved(client: httpx2.AsyncClient) -> None:
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
    world.app = create_api(replace(world.deps, lab=lab))
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


def headers(value: bytes | None) -> RequestHeaders:
    return RequestHeaders([] if value is None else [(b"x-ringback-lab", value)])


def test_a_header_decides_alone_and_every_job_has_its_number() -> None:
    script = parse_script('rule = [{every = 2, faults = "hold=1"}]')
    asked = AskedFaults(script)
    found = [asked.of(headers(value), model="luma/ray") for value in (None, None, b"none", None)]
    assert found == [Faults(), Faults(hold=1), Faults(), Faults(hold=1)]
    assert asked.of(headers(b"job=fail"), model="luma/ray") == Faults(job="fail")


def test_without_a_script_there_are_the_headers_faults_alone() -> None:
    asked = AskedFaults()
    assert asked.of(headers(None), model="luma/ray") == Faults()
    assert asked.of(headers(b"hold=2"), model="luma/ray") == Faults(hold=2)


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"job=explode"])
def test_a_wrong_header_is_named(value: bytes) -> None:
    with pytest.raises(InvalidFaults) as caught:
        AskedFaults().of(headers(value), model="luma/ray")
    assert [detail.path for detail in caught.value.details] == ["header:X-Ringback-Lab"]


@pytest.mark.parametrize("status", [402, 410, 429])
def test_a_refused_submission_is_answered_as_the_contract_has_it(status: int) -> None:
    answer = refusal(status)
    assert answer.status == status
    document = json.loads(answer.body)
    assert document["error"]
    assert document["error"] == document["message"]
    assert (b"retry-after" in dict(answer.headers)) is (status == 429)
