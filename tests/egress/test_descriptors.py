"""Every descriptor of a connection has one owner: failures leave none open, and close none twice.

``make descriptors FAILURES=1000`` has that many connections fail at every stage through every door.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.egress.descriptors import stages

FAILURES = int(os.environ.get("FAILURES", "3"))  # 576 connections
DOORS = 2 * 2 * 4  # http and https, directly and through a proxy, four that dial

# One of these is among the reasons; on a busy machine time may run out before it comes to that.
EXPECTED = {
    "refused": {"connect"},
    "reset before the hello": {"tls", "protocol"},
    "reset by the proxy": {"connect"},
    "reset after the hello": {"tls", "protocol"},
    "wrong certificate": {"tls"},
    "no answer to connect": {"connect"},
    "no answer to the hello": {"timeout"},
    "no answer": {"timeout"},
    "cancelled at connect": {"cancelled"},
    "cancelled at the hello": {"cancelled"},
    "cancelled anywhere": {"cancelled"},
    "cancelled at the answer": {"cancelled"},
}


def built_counter(folder: Path) -> Path | None:
    """Build the counter of second closes; None where there is no compiler, or none of Linux."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    source, built = Path(__file__).with_name("descriptors.c"), folder / "descriptors.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
    return built


@pytest.mark.slow
@pytest.mark.timeout(120 + FAILURES * 20)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_connections_that_fail_at_any_stage_leave_no_descriptor_and_close_none_twice(
    tmp_path: Path, loop: str
) -> None:
    counter = built_counter(tmp_path)
    preloaded = {} if counter is None else {"LD_PRELOAD": str(counter)}
    async with stages() as met:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.egress.descriptors"),
            *(loop, str(FAILURES), msgspec.json.encode(met).decode()),
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **preloaded},
        )
        printed, errors = await process.communicate()
    # An event loop logs what it could not raise: not a word of it either.
    assert (process.returncode, errors.decode()) == (0, "")
    report = json.loads(printed)
    for stage, reasons in report["reasons"].items():
        assert sum(reasons.values()) == FAILURES * DOORS
        assert reasons.keys() & EXPECTED[stage], (stage, reasons)
        assert "None" not in reasons, f"{stage}: a connection did not fail"
    assert report["descriptors_left"] in (0, None)  # None: the system does not say
    if counter is None:
        pytest.skip("no compiler here for what counts the numbers that are closed twice")
    assert report["second_closes"] == 0
