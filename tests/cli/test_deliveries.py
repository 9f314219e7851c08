"""The log of webhooks from the command line, beside a running server."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ringback.testing import FakeReceiver, respond
from tests.cli.program import Program

_TRIES = 40


def submit(url: str, *, webhook_url: str | None = None, token: str = "dev") -> str:
    """Submit a job that ends at once, and return its id."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    if webhook_url is not None:
        headers["x-webhook-url"] = webhook_url
    request = urllib.request.Request(
        f"{url}/generate/image/ringback/null", data=b'{"prompt": "a fox"}', headers=headers
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        job_id: str = json.load(answer)["job_id"]
    return job_id


async def run(ringback: Program, *arguments: str) -> str:
    """Return a command's output, and fail with its error output."""
    done = await asyncio.to_thread(ringback.run, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def shown(ringback: Program, delivery_id: str, *, attempts_count: int) -> dict[str, Any]:
    """Return the delivery once so many attempts are recorded."""
    for _ in range(_TRIES):
        found: dict[str, Any] = json.loads(
            await run(ringback, "deliveries", "show", delivery_id, "--json")
        )
        if len(found["attempts"]) >= attempts_count:
            return found
    raise AssertionError(f"no {attempts_count} attempts were recorded")


@pytest.mark.timeout(90)
async def test_a_failed_webhook_is_found_explained_sent_again_and_cancelled(
    ringback: Program,
) -> None:
    hostile = respond(503, body=b"\x1b[2Jsorry\r\n")
    async with FakeReceiver([hostile], then=500) as receiver:
        server = ringback.start("dev", "--port", "0", "--json")
        url = (await asyncio.to_thread(server.ready))["url"]
        job_id = await asyncio.to_thread(submit, url, webhook_url=receiver.url)
        (first,) = await receiver.wait_for(1)
        delivery_id = first.header("webhook-id")
        assert delivery_id is not None
        found = await shown(ringback, delivery_id, attempts_count=1)
        assert (found["workspace"], found["job_id"], found["reason"]) == ("dev", job_id, "status")
        assert found["attempts"][0]["response"] == "\x1b[2Jsorry\r\n"

        text = await run(ringback, "deliveries", "show", delivery_id)
        assert r"\x1b[2Jsorry\r\n" in text
        assert "\x1b" not in text
        assert "attempt 1 at 20" in text
        listing = await run(ringback, "deliveries", "list", "--job-id", job_id)
        assert delivery_id in listing
        filters = ("--workspace", "dev", "--status", "waiting", "--reason", "status")
        (one,) = json.loads(await run(ringback, "deliveries", "list", *filters, "--json"))
        assert one["delivery_id"] == delivery_id
        assert await run(ringback, "deliveries", "list", "--workspace", "rival") == ""
        explained = await run(ringback, "deliveries", "explain", delivery_id)
        assert explained.startswith("Attempt ")

        before = receiver.requests_count
        await run(ringback, "deliveries", "redeliver", delivery_id)
        again = (await receiver.wait_for(before + 1))[-1]
        assert (again.header("webhook-id"), again.body) == (delivery_id, first.body)
        await shown(ringback, delivery_id, attempts_count=before + 1)
        await run(ringback, "deliveries", "cancel", delivery_id, "--workspace", "dev")
        ended = await run(ringback, "deliveries", "explain", delivery_id, "--json")
        assert json.loads(ended)["codes"] == ["cancelled"]


@pytest.mark.timeout(60)
async def test_many_webhooks_are_sent_again_by_a_running_server(ringback: Program) -> None:
    async with FakeReceiver(then=204) as receiver:
        server = ringback.start("dev", "--port", "0", "--json")
        url = (await asyncio.to_thread(server.ready))["url"]
        for _ in range(3):
            await asyncio.to_thread(submit, url, webhook_url=receiver.url)
        first = {request.header("webhook-id") for request in await receiver.wait_for(3)}
        options = ("--workspace", "dev", "--status", "delivered", "--rate", "100", "--json")
        bulk_operation = json.loads(await run(ringback, "deliveries", "redeliver-all", *options))
        again = (await receiver.wait_for(6))[3:]
        assert {request.header("webhook-id") for request in again} == first
        for _ in range(_TRIES):
            listed = await run(ringback, "deliveries", "bulk-operations", "--workspace", "dev")
            if "ended" in listed:
                break
        assert listed.split() == [
            bulk_operation["bulk_operation_id"],
            bulk_operation["created_at"],
            "ended",
            "100%",
            "3",
            "again",
        ]
        for arguments in (("--workspace", "dev"), ("--workspace", "nobody", "--event", "x")):
            refused = await asyncio.to_thread(
                ringback.run, "deliveries", "redeliver-all", *arguments
            )
            assert refused.returncode != 0


def test_missing_deliveries_and_wrong_filters_are_one_sentence(
    ringback: Program, tmp_path: Path
) -> None:
    assert ringback.run("keys", "create", "--workspace", "studio").returncode == 0
    for arguments, status, sentence in (
        (("show", "nobody"), 4, "no delivery with that id"),
        (("cancel", "nobody"), 4, "no delivery with that id"),
        (("list", "--status", "done"), 1, "status must be one of"),
        (("list", "--since", "yesterday"), 1, "since must be an ISO 8601 time"),
        (("list", "--data", "slip"), 1, "There is no Ringback database in slip"),
    ):
        done = ringback.run("deliveries", *arguments)
        assert (done.returncode, done.stdout) == (status, "")
        assert sentence in done.stderr
    assert not (tmp_path / "slip").exists()
    assert ringback.run("deliveries", "list").stderr == "No deliveries.\n"
