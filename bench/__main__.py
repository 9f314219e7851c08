"""``make bench``: every figure, each part in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys

PARTS = (
    "bench.server",
    "bench.sender",
    "bench.dispatch",
    "bench.isolation",
    "bench.neighbours",
    "bench.postgres",
    "bench.retention",
    "bench.secrets",
    "bench.sketch",
    "bench.client",
    "bench.page",
)


def main() -> int:
    """Run the chosen parts, or every part; return how many failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = [part.removeprefix("bench.") for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(known)}")
    chosen = parser.parse_args().parts or known
    if unknown := set(chosen) - set(known):
        parser.error(f"there is no part {min(unknown)}; there are {', '.join(known)}")
    return sum(
        subprocess.run([sys.executable, "-m", f"bench.{part}"], check=False).returncode != 0
        for part in chosen
    )


if __name__ == "__main__":
    sys.exit(main())
