"""A disk that fills up while the server runs: new jobs are refused, the old ones are delivered."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ringback.testing import respond
from tests.e2e.harness import AuditStore, ServerProcess

NULL = "/generate/image/ringback/null"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("only root can mount the small disk that this test fills")
    yield folder
    # Lazily: when the test failed, its server may still be in there.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, *, leave_bytes: int) -> Path:
    """Fill the disk until only this room is left, also while the server writes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while (too_much := free_bytes(disk) - leave_bytes) > 0:
                file.write(bytes(min(too_much, 1 << 20)))
        except OSError as exc:
            if exc.errno != errno.ENOSPC:
                raise
        # The server may have taken some of the room that it was to find.
        file.truncate(max(0, file.tell() - max(0, leave_bytes - free_bytes(disk))))
    return ballast


def free_bytes(disk: Path) -> int:
    room = os.statvfs(disk)
    return room.f_bavail * room.f_frsize


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("reserve_bytes", "leave_bytes"),
    [
        pytest.param(40 << 20, 36 << 20, id="the reserve keeps new work off"),
        pytest.param(0, 64 << 10, id="the database itself finds no room"),
    ],
)
async def test_a_full_disk_refuses_new_jobs_and_loses_none(
    small_disk: Path, reserve_bytes: int, leave_bytes: int
) -> None:
    server = ServerProcess(
        small_disk / "data",
        environment={
            "RINGBACK_DISK_RESERVE_BYTES": str(reserve_bytes),
            "RINGBACK_ACTIVE_MAX": "1000",
            "RINGBACK_BREAKER_FAILURES_MAX": "1000",
        },
    )
    await server.start()
    books = AuditStore()
    soon = respond(503, headers=[("retry-after", "1")])
    async with (
        books.receiver(*[soon] * 20) as receiver,
        httpx2.AsyncClient(base_url=server.url, timeout=20) as http,
    ):
        http.headers["authorization"] = "Bearer dev"
        http.headers["x-webhook-url"] = receiver.url

        async def submit(prompt: str) -> httpx2.Response:
            return await http.post(NULL, json={"prompt": prompt})

        for number in range(20):
            books.acknowledged.append((await submit(f"job {number}")).json()["job_id"])
        await receiver.wait_for(20)

        ballast = fill(small_disk, leave_bytes=leave_bytes)
        # The server looks at the disk once a second.
        async with asyncio.timeout(10):
            while (refused := await submit("x" * 1_500)).status_code == 200:
                books.acknowledged.append(refused.json()["job_id"])
        assert refused.status_code == 507, refused.text
        assert refused.json()["code"] == "storage_full"
        assert "disk" in refused.json()["error"]
        assert (await http.get("/jobs")).status_code == 200
        if reserve_bytes:
            await books.until_brought(set(books.acknowledged), timeout_s=20)

        ballast.unlink()
        await books.until_brought(set(books.acknowledged), timeout_s=30)
        async with asyncio.timeout(10):
            while (await submit("there is room again")).status_code != 200:
                continue
        assert books.ended_twice == []
        assert books.changed == []
    assert await server.stop() == 0, server.errors
    await server.audit()


@pytest.mark.timeout(60)
async def test_a_server_starts_on_a_full_disk_and_runs_what_its_predecessor_held_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    server = ServerProcess(
        small_disk / "data",
        # An hour's lease: what is rescued soon is not rescued by its time.
        environment={"RINGBACK_LEASE_S": "3600"},
        errors=tmp_path / "stderr",
    )
    await server.start()
    async with httpx2.AsyncClient(base_url=server.url, timeout=20) as http:
        http.headers["authorization"] = "Bearer dev"
        picture = {"prompt": "a galaxy", "width": 2048, "height": 2048}
        job = (await http.post("/generate/image/bfl/flux-1-dev", json=picture)).json()["job_id"]
        async with asyncio.timeout(10):
            while (await http.get(f"/jobs/{job}")).json()["status"] == "queued":
                continue
        await server.kill()

        ballast = fill(small_disk, leave_bytes=0)
        await server.start()
        async with asyncio.timeout(10):
            while "storage_full" not in server.errors:
                assert (await http.get("/readyz")).status_code == 200
        assert (await http.get(f"/jobs/{job}")).json()["status"] != "queued"

        ballast.unlink()
        ended = (await http.get(f"/jobs/{job}?wait=20")).json()
        assert ended["status"] == "completed", ended
    assert await server.stop() == 0, server.errors
    await server.audit()
