"""A server with a bug in it: a job that asks for something deadly ends the whole process.

``python crashing.py dev …`` runs Ringback so; other jobs of its null engine take two seconds.
"""

from __future__ import annotations

import os
import signal

from ringback.cli import main
from ringback.clock import SystemClock
from ringback.engines.contract import EngineIO, EngineRequest, Made
from ringback.engines.null import NullEngine

_WORK_S = 2.0
_LIVES_S = 0.3

_run = NullEngine.run


async def run_or_crash(self: NullEngine, request: EngineRequest, io: EngineIO) -> Made:
    """Take a while, and end the process if the job asks for it."""
    if request.input["prompt"] == "deadly":
        await SystemClock().sleep(_LIVES_S)
        os.kill(os.getpid(), signal.SIGKILL)
    await SystemClock().sleep(_WORK_S)
    return await _run(self, request, io)


if __name__ == "__main__":
    NullEngine.run = run_or_crash  # type: ignore[method-assign]
    main()
