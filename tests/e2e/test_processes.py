"""``ringback serve --processes``: several processes on one port, kept up and drained together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx2
import pytest

from ringback.clock import SystemClock
from ringback.signing.master_key import VARIABLE
from tests.e2e.harness import free_port
from tests.postgres import Databases

COUNT = 2


def children_of(process_id: int) -> list[int]:
    """Return the process ids of a parent's children."""
    path = Path(f"/proc/{process_id}/task/{process_id}/children")
    return [int(child) for child in path.read_text().split()]


def is_alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


async def until_children(process_id: int, *, but: int | None = None) -> list[int]:
    """Return the children once there are so many, and one is not among them."""
    async with asyncio.timeout(60):
        while True:
            found = children_of(process_id)
            if len(found) == COUNT and but not in found:
                return found
            await SystemClock().sleep(0.05)


@pytest.mark.timeout(180)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it looks at processes in /proc")
async def test_a_dead_process_is_replaced_and_all_drain_together(
    databases: Databases, tmp_path: Path
) -> None:
    port = free_port()
    with databases.fresh() as dsn:
        environment = {
            **os.environ,
            "RINGBACK_DATABASE": dsn,
            "RINGBACK_LOG_LEVEL": "warning",
            "RINGBACK_CRASH_WAIT_S": "0",
            VARIABLE: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        }
        command = ("serve", "--roles", "api", "--processes", str(COUNT), "--port", str(port))
        with (tmp_path / "stderr").open("wb") as errors:
            parent = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ringback", *command, "--data", str(tmp_path / "data")),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        try:
            assert parent.stdout is not None
            line = await asyncio.wait_for(parent.stdout.readline(), 60)
            assert line.decode() == f"Ringback is ready at http://127.0.0.1:{port}\n"
            before = await until_children(parent.pid)
            os.kill(before[0], signal.SIGKILL)
            await until_children(parent.pid, but=before[0])
            async with httpx2.AsyncClient(timeout=60) as http:
                # On connections of their own, so that every process is met.
                for _ in range(10):
                    answer = await http.get(
                        f"http://127.0.0.1:{port}/readyz", headers={"connection": "close"}
                    )
                    assert answer.status_code == 200
            left = await until_children(parent.pid)
            parent.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(parent.wait(), 60) == 0
            assert not any(map(is_alive, left))
        finally:
            if parent.returncode is None:
                parent.kill()
                await parent.wait()
    assert b"process_died" in (tmp_path / "stderr").read_bytes()
