"""``ringback`` on a machine whose clock is wrong, allowed to call receivers on loopback.

``python fleet_program.py serve …`` is ``ringback serve …`` but for the wall clock, which is
RINGBACK_TEST_SKEW_MS ahead, and the target policy, which is the emulator's.
"""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

from ringback import clock
from ringback.cli import main
from ringback.egress.policy import TargetPolicy
from ringback.server import resources
from ringback.settings import Settings

SKEW_NS = int(os.environ.get("RINGBACK_TEST_SKEW_MS", "0")) * 1_000_000


def _lenient(_settings: Settings, listening: tuple[str, int] | None) -> TargetPolicy:
    own = frozenset() if listening is None else frozenset({listening})
    return TargetPolicy.dev(own_addresses=own)


if __name__ == "__main__":
    # The machine's time has one reader, so it is wrong everywhere.
    vars(clock)["time"] = SimpleNamespace(
        time_ns=lambda: time.time_ns() + SKEW_NS, monotonic=time.monotonic
    )
    vars(resources)["policy_for"] = _lenient
    main()
