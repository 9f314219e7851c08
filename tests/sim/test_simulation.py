"""The simulation as a test: 250 seeds of 300 steps here, as many as one likes by ``make sim``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringback.storage.sqlite.statements import STATEMENTS
from tests.sim.scenario import run_seed

SEEDS = int(os.environ.get("SEEDS", "250"))
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1_200 + SEEDS)
async def test_every_promise_is_kept_in_every_seed() -> None:
    campaign = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.sim", "--seeds", str(SEEDS)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await campaign.communicate()
    assert campaign.returncode == 0, output.decode()


def test_a_seed_is_always_the_same() -> None:
    first, second = run_seed(7, steps=120), run_seed(7, steps=120)
    assert first.trace == second.trace
    assert first.digest == second.digest


@contextmanager
def planted(name: str, check: str, instead: str = "") -> Iterator[None]:
    """Leave a check out of a statement."""
    before = STATEMENTS[name]
    assert check in before
    STATEMENTS[name] = before.replace(check, instead)
    try:
        yield
    finally:
        STATEMENTS[name] = before


def seeds_that_find_it(most: int) -> int:
    """Return how many seeds it takes until a promise is broken, or 0."""
    for seed in range(most):
        if run_seed(seed).violation is not None:
            return seed + 1
    return 0


@pytest.mark.timeout(120)
def test_the_simulation_finds_a_hold_without_its_epoch_check() -> None:
    with planted("jobs.requeue_jobs", "and jobs.epoch = r.value ->> 1"):
        assert seeds_that_find_it(40)


@pytest.mark.timeout(120)
def test_the_simulation_finds_a_destination_that_is_never_made_due_again() -> None:
    check = "where destination_id = r.value ->> 0"
    with planted("deliveries.hasten_destinations", check, "where destination_id = -1"):
        assert seeds_that_find_it(40)
