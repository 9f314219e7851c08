"""The main job, end to end, as a user has it: real processes, real sockets."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path

import httpx2
import pytest
import standardwebhooks

from ringback.testing import FakeReceiver
from tests.e2e.harness import ServerProcess, contract_folder

MOUNTAINS = {
    "prompt": "a serene mountain landscape at sunset",
    "width": 1024,
    "height": 576,
}


async def submit(http: httpx2.AsyncClient, path: str, body: object, receiver_url: str) -> str:
    answer = await http.post(path, json=body, headers={"x-webhook-url": receiver_url})
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


async def test_a_job_is_submitted_a_picture_is_made_and_the_webhook_comes(
    server: ServerProcess, http: httpx2.AsyncClient
) -> None:
    async with FakeReceiver() as receiver:
        job_id = await submit(http, "/generate/image/bfl/flux-1-dev", MOUNTAINS, receiver.url)
        (request,) = await receiver.wait_for(1, timeout_s=15)
    job = standardwebhooks.Webhook(server.ready["secret"]).verify(
        request.body.decode(), dict(request.headers)
    )
    assert (job["job_id"], job["status"]) == (job_id, "completed")
    polled = (await http.get(f"/jobs/{job_id}")).json()
    assert {key: polled[key] for key in job} == job
    (url,) = job["result"]["urls"]
    picture = await http.get(url)
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"
    width, height = picture.content[16:20], picture.content[20:24]
    assert (int.from_bytes(width), int.from_bytes(height)) == (1024, 576)
    assert b"engine\0sketch" in picture.content


async def test_a_running_picture_is_cancelled_before_it_is_drawn(http: httpx2.AsyncClient) -> None:
    async with FakeReceiver() as receiver:
        big = {**MOUNTAINS, "width": 2368, "height": 2368}
        job_id = await submit(http, "/generate/image/bfl/flux-1-dev", big, receiver.url)
        while (await http.get(f"/jobs/{job_id}")).json()["status"] == "queued":
            continue
        assert (await http.delete(f"/jobs/{job_id}")).json() == {}
        await receiver.wait_for(1)
    job = (await http.get(f"/jobs/{job_id}")).json()
    assert job["status"] == "cancelled"
    assert job["result"] == {"error": "The job was cancelled."}


async def test_a_stopped_server_finishes_what_runs_and_delivers_it(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    await server.start()
    async with FakeReceiver() as receiver, httpx2.AsyncClient(base_url=server.url) as http:
        http.headers["authorization"] = "Bearer dev"
        path = "/generate/image/bfl/flux-1-dev"
        job_id = await submit(http, path, MOUNTAINS, receiver.url)
        while (await http.get(f"/jobs/{job_id}")).json()["status"] == "queued":
            continue
        assert await server.stop() == 0, server.errors
        assert receiver.requests_count == 1


async def test_what_a_stopped_server_had_queued_runs_after_its_restart(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", environment={"RINGBACK_GRACE_S": "0.5"})
    await server.start()
    async with FakeReceiver() as receiver:
        async with httpx2.AsyncClient(base_url=server.url) as http:
            http.headers["authorization"] = "Bearer dev"
            for _ in range(6):
                await submit(http, "/generate/image/bfl/flux-1-dev", MOUNTAINS, receiver.url)
        assert await server.stop() == 0, server.errors
        await server.start()
        await receiver.wait_for(6, timeout_s=20)
        assert await server.stop() == 0, server.errors


async def test_a_second_server_on_the_same_data_is_refused(server: ServerProcess) -> None:
    second = ServerProcess(server.data)
    with pytest.raises(AssertionError, match="Another Ringback server"):
        await second.start()


def snippets() -> dict[str, str]:
    """Return the code blocks of the documentation page, by language."""
    page = (contract_folder() / "webhooks-page.txt").read_text("utf-8")
    blocks = re.findall(r"```(\w+)[^\n]*\n(.*?)```", page, re.DOTALL)
    return {
        language: "\n".join(line.removeprefix("  ") for line in code.splitlines())
        for language, code in reversed(blocks)
    }


NODE = """
const response = await fetch("https://api.krea.ai/generate/image/bfl/flux-1-dev", {
  method: "POST",
  headers: {
    Authorization: "Bearer " + process.env.KREA_API_KEY,
    "Content-Type": "application/json",
    "X-Webhook-URL": "https://your-server.com/webhook",
  },
  body: JSON.stringify({
    prompt: "a serene mountain landscape at sunset", width: 1024, height: 576,
  }),
});
const job = await response.json();
console.log(`Job ID: ${job.job_id}`);
"""


@pytest.mark.timeout(90)  # the Go compiler takes its time
@pytest.mark.parametrize(
    ("language", "file", "command"),
    [
        ("bash", "snippet.sh", ["bash", "snippet.sh"]),
        ("python", "snippet.py", [sys.executable, "snippet.py"]),
        ("go", "snippet.go", ["go", "run", "snippet.go"]),
        ("node", "snippet.mjs", ["node", "snippet.mjs"]),
    ],
)
async def test_the_documentation_pages_snippets_work_with_another_base_url(
    server: ServerProcess,
    http: httpx2.AsyncClient,
    tmp_path: Path,
    language: str,
    file: str,
    command: list[str],
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    code = NODE if language == "node" else snippets()[language]
    (tmp_path / file).write_text(code.replace("https://api.krea.ai", server.url), "utf-8")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found = re.search(rb"[0-9a-f]{8}-[0-9a-f-]{27}", output)
    assert found is not None, output
    # A token names a workspace: each snippet's is its own.
    tokens = ("YOUR_API_TOKEN", "your-token-secret", "undefined")
    answers = [
        await http.get(
            f"/jobs/{found[0].decode()}?wait=15", headers={"authorization": f"Bearer {t}"}
        )
        for t in tokens
    ]
    assert "completed" in [answer.json().get("status") for answer in answers]
