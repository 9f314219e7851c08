from __future__ import annotations

import asyncio
import subprocess
import sys

from structlog.testing import capture_logs

from ringback.server.shutdown import Shutdown

HANGS = """
import time
from ringback.server.shutdown import Shutdown, cut_after_grace
shutdown = Shutdown(0.1, on_begin=lambda: cut_after_grace(shutdown, 0.1))
shutdown.begin()
print("begun", flush=True)
time.sleep(600)
"""


async def test_a_step_that_does_not_end_is_abandoned_by_name_and_the_next_one_is_done() -> None:
    shutdown = Shutdown(0.0)
    shutdown.begin()
    done = asyncio.Event()

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def breaks() -> None:
        raise OSError("the disk caught fire")

    async def closes() -> None:
        done.set()

    with capture_logs() as logs:
        await shutdown.step("senders", hangs())
        await shutdown.step("engines", breaks())
        await shutdown.step("store", closes())
    assert [(one["event"], one["what"]) for one in logs] == [
        ("stop_abandoned", "senders"),
        ("stop_broke", "engines"),
    ]
    assert shutdown.has_abandoned
    assert done.is_set()


def test_the_time_counts_from_the_first_signal_and_every_share_is_of_the_whole() -> None:
    begun = []
    shutdown = Shutdown(1_000.0, on_begin=lambda: begun.append(True))
    assert shutdown.left_until_s(0.25) == 250.0
    assert shutdown.left_s == 1_000.5
    shutdown.begin()
    shutdown.begin()
    assert begun == [True]
    assert 240.0 < shutdown.left_until_s(0.25) <= 250.0
    assert 590.0 < shutdown.left_until_s(0.6) <= 600.0
    assert 990.0 < shutdown.left_s <= 1_000.5


def test_a_process_that_hangs_for_good_ends_itself_after_its_grace_time() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "begun" in ended.stdout
    assert "stop_cut" in ended.stdout + ended.stderr
