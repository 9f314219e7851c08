"""The short form of ``bench.neighbours``: who misbehaves keeps nothing from anybody else."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("scenario", ["hang-40", "hang-300", "silent-upload", "asset-url"])
async def test_a_tenant_that_misbehaves_keeps_nothing_from_its_neighbours(scenario: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.neighbours", "--short", "--json", "--scenario", scenario),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, notes = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # it ends its server, and itself
            await process.wait()
    assert printed, notes.decode()
    (result,) = json.loads(printed)
    assert result["server_ended"] is None
    assert result["beside"]["asked_count"] > 0
    assert result["beside"]["undelivered_count"] == 0, (result, notes.decode())
