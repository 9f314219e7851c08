"""``python -m tests.sim`` runs seeds of the simulation, or replays one and prints its log.

A campaign prints how far it is, and of every seed that fails what broke
and how to replay it alone; it ends with status 1 if any did.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.sim.scenario import STEPS, run_seed

Found = tuple[int, str | None, dict[str, int]]


def _try(seed: int, steps: int) -> Found:
    outcome = run_seed(seed, steps=steps)
    return seed, outcome.violation, dict(outcome.seen)


def campaign(first: int, count: int, steps: int) -> int:
    """Run so many seeds on every core; return how many broke a promise."""
    failed, seen = 0, Counter[str]()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seeds = range(first, first + count)
        for done, (seed, violation, happened) in enumerate(
            pool.map(_try, seeds, [steps] * count, chunksize=4), start=1
        ):
            seen.update(happened)
            if violation is not None:
                failed += 1
                print(
                    f"seed {seed}: {violation}\n  replay: python -m tests.sim --seed {seed}",
                    flush=True,
                )
            if done % 100 == 0 or done == count:
                print(f"{done:,} of {count:,} seeds, {failed} failed", file=sys.stderr, flush=True)
    missing = [what for what in EXPECTED if not seen[what]]
    if missing and count >= 100:
        print(f"never happened, so nothing was proven about it: {', '.join(missing)}")
        return failed + 1
    return failed


EXPECTED = (
    "accepted",
    "replayed",
    "delivered",
    "exhausted",
    "discarded",
    "cancelled",
    "redelivered",
    "job_rescued",
    "engine_process_died",
    "deliveries_rescued",
    "lease_lost",
    "storage_full",
    "secret_rotated",
    "breaker opened",
    "breaker closed",
    "stale attempt refused",
    "retry-after",
)
"""What a campaign must have seen happen, or it has proven less than it says."""


def main() -> int:
    """Run what the command line asks for; return how many seeds failed, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("--seed", type=int, help="replay this one, with its trace")
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    if options.seed is None:
        return min(1, campaign(options.first, options.seeds, options.steps))
    outcome = run_seed(options.seed, steps=options.steps)
    print("\n".join(outcome.trace))
    print(outcome.violation or "every promise was kept")
    return int(outcome.violation is not None)


if __name__ == "__main__":
    sys.exit(main())
