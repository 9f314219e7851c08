"""Every answer fits our own description and, where it has the route, the contract's too."""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from ringback.jobs.model import JobResult
from ringback.jobs.transitions import JobEvent
from tests.world import BASE_URL, FLUX, NULL, WEBHOOK_URL, World, a_world

BEFORE = date(2026, 5, 27)  # the day of the whole description
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


class Description:
    """An OpenAPI document, against which answers are checked."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", re.escape(path).replace(r"\{", "{"))), path)
            for path in document["paths"]
        ]

    def responses(self, answer: httpx2.Response) -> dict[str, Any] | None:
        """Return the described responses of the operation, or None if it is not described."""
        request = answer.request
        for pattern, path in self._paths:
            if pattern.fullmatch(request.url.path.replace("\\", "")):
                operation = self.document["paths"][path].get(request.method.lower())
                return None if operation is None else dict(operation["responses"])
        return None

    def check(self, answer: httpx2.Response, described: dict[str, Any]) -> None:
        """Raise unless the answer fits its description."""
        if "$ref" in described:
            name = described["$ref"].removeprefix("#/components/responses/")
            described = self.document["components"]["responses"][name]
        content = described.get("content")
        if content is None:
            return
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document.get("components", {}),
            **content["application/json"]["schema"],
        }
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())


class Descriptions:
    """Our description and the contract's."""

    def __init__(self, ours: Description, contract: Description | None) -> None:
        self._ours = ours
        self._contract = contract

    def check(self, answer: httpx2.Response) -> None:
        """Raise unless the answer fits."""
        operation = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        described = self._ours.responses(answer)
        assert described is not None, f"we do not describe {operation}"
        status = str(answer.status_code)
        response = described.get(status, described.get("default"))
        assert response is not None, f"we do not describe {operation}"
        self._ours.check(answer, response)
        if self._contract is None:
            return
        theirs = (self._contract.responses(answer) or {}).get(status)
        if theirs is not None:
            self._contract.check(answer, theirs)


def _contract() -> Description | None:
    directory = os.environ.get("RINGBACK_CONTRACT_DIR")
    if not directory:
        return None
    return Description(json.loads((Path(directory) / "krea-openapi.json").read_text("utf-8")))


CONTRACT = _contract()
needs_contract = pytest.mark.skipif(
    CONTRACT is None, reason="RINGBACK_CONTRACT_DIR names no directory with the contract"
)


async def _descriptions(client: httpx2.AsyncClient) -> Descriptions:
    return Descriptions(Description((await client.get("/openapi.json")).json()), CONTRACT)


async def test_the_answers_about_a_job_fit_in_each_of_its_statuses(
    world: World, client: httpx2.AsyncClient
) -> None:
    descriptions = await _descriptions(client)

    async def check_status(job_id: str, status: str) -> None:
        for answer in (await client.get(f"/jobs/{job_id}"), await client.get("/jobs?limit=1")):
            descriptions.check(answer)
            document = answer.json()
            assert document.get("status", status) == status

    submitted = await client.post(
        FLUX, json={"prompt": "x"}, headers={"x-webhook-url": WEBHOOK_URL}
    )
    descriptions.check(submitted)
    job_id = submitted.json()["job_id"]
    await check_status(job_id, "queued")
    job = await world.claim()
    await check_status(job_id, "processing")
    job = await world.service.report(job, JobEvent.SAMPLE, lease_s=15, progress=0.25)
    await check_status(job_id, "sampling")
    urls = (f"{BASE_URL}/artifacts/a.png",)
    job = await world.service.report(job, JobEvent.PREVIEW, lease_s=15, progress=0.5, urls=urls)
    await check_status(job_id, "intermediate-complete")
    await world.service.finish(job, result=JobResult(urls=urls))
    await check_status(job_id, "completed")
    descriptions.check(await client.delete(f"/jobs/{job_id}"))

    failing = (await world.submit())["job_id"]
    await world.service.fail(await world.claim(), error="The brush broke.")
    await check_status(failing, "failed")
    cancelled = (await world.submit())["job_id"]
    descriptions.check(await client.delete(f"/jobs/{cancelled}"))
    await check_status(cancelled, "cancelled")


async def test_repeated_backlogged_and_refused_submissions_fit(tmp_path: Path) -> None:
    async with a_world(tmp_path, active_max=1, backlog_max=1) as world, world.client() as client:
        descriptions = await _descriptions(client)
        headers = {"idempotency-key": "k"}
        answers = [
            await client.post(NULL, json={"prompt": "x"}, headers=headers),
            await client.post(NULL, json={"prompt": "x"}, headers=headers),
            await client.post(NULL, json={"prompt": "y"}, headers=headers),
            await client.post(FLUX, json={"prompt": "x"}),
            await client.post(FLUX, json={"prompt": "x"}),
            await client.post(FLUX, json={"prompt": 7, "width": "wide", "colour": 1}),
            await client.post(FLUX, json={"prompt": "x"}, headers={"x-webhook-url": "ftp://x"}),
            await client.post(FLUX, content=b"<xml/>", headers={"content-type": "text/xml"}),
            await client.post(FLUX, content=b"[" + b"1," * 600_000 + b"1]"),
        ]
        world.service.drain()
        answers.append(await client.post(FLUX, json={"prompt": "x"}))
    assert [answer.status_code for answer in answers] == [
        200, 200, 409, 200, 429, 400, 400, 415, 413, 503,
    ]  # fmt: skip
    for answer in answers:
        descriptions.check(answer)


async def test_a_submission_that_waited_fits_our_description(world: World) -> None:
    # The contract knows no Prefer header, and its submission is always pending.
    async with world.client() as client:
        ours = Descriptions(Description((await client.get("/openapi.json")).json()), None)
        headers = {"idempotency-key": "k"}
        await client.post(NULL, json={"prompt": "x"}, headers=headers)
        await world.complete()
        answer = await client.post(
            NULL, json={"prompt": "x"}, headers={**headers, "prefer": "wait=5"}
        )
    assert answer.json()["status"] == "completed"
    ours.check(answer)


async def test_refusals_of_strangers_and_of_the_unknown_fit(
    world: World, client: httpx2.AsyncClient
) -> None:
    descriptions = await _descriptions(client)
    async with world.client(token=None) as stranger:
        descriptions.check(await stranger.post(FLUX, json={"prompt": "x"}))
        descriptions.check(await stranger.get("/jobs"))
        descriptions.check(await stranger.get(f"/jobs/{UNKNOWN}"))
        descriptions.check(await stranger.delete(f"/jobs/{UNKNOWN}"))
    descriptions.check(await client.get(f"/jobs/{UNKNOWN}"))
    descriptions.check(await client.delete(f"/jobs/{UNKNOWN}"))
    descriptions.check(await client.get("/jobs?status=done"))
    descriptions.check(await client.get("/models"))
    descriptions.check(await client.get("/healthz"))
    descriptions.check(await client.get("/readyz"))


async def test_a_page_and_the_next_fit(world: World, client: httpx2.AsyncClient) -> None:
    descriptions = await _descriptions(client)
    for _ in range(3):
        await world.submit()
    first = await client.get("/jobs?limit=2")
    descriptions.check(first)
    descriptions.check(await client.get("/jobs", params={"cursor": first.json()["next_cursor"]}))


def _bodies() -> list[dict[str, Any]]:
    """Return each generate route's body as the contract has it: schema and example."""
    if CONTRACT is None:
        return []
    return [
        {"path": path, **operations["post"]["requestBody"]["content"]["application/json"]}
        for path, operations in CONTRACT.document["paths"].items()
        if path.startswith("/generate/")
    ]


@needs_contract
@pytest.mark.parametrize("body", _bodies(), ids=lambda body: body["path"])
async def test_the_contracts_own_example_is_accepted_where_it_fits_the_contract(
    tmp_path: Path, body: dict[str, Any]
) -> None:
    example = body.get("example", {"prompt": "a fox"})
    # One of its examples leaves out a field that the contract requires.
    fits = jsonschema_rs.validator_for(body["schema"]).is_valid(example)
    async with a_world(tmp_path, krea_as_of=BEFORE) as world, world.client() as client:
        answer = await client.post(body["path"], json=example)
        assert answer.status_code == (200 if fits else 400), answer.text
        (await _descriptions(client)).check(answer)
