"""``make bench``: every figure, each part in a process of its own."""

from __future__ import annotations

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
    """Run every part; return how many failed."""
    return sum(
        subprocess.run([sys.executable, "-m", part], check=False).returncode != 0 for part in PARTS
    )


if __name__ == "__main__":
    sys.exit(main())
