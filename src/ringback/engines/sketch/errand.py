"""What the server has done in a process of its own: long work that tells how far it has come.

The server writes one errand to the process's input and reads what it tells from its output. The
process may take so much memory and time, and is killed when nobody waits for it any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import BinaryIO, Protocol

import msgspec

from ringback.errors import EngineError
from ringback.media.process import limit_memory

PROGRESS, PREVIEW, DONE, REFUSED, FULL = b"p", b"v", b"+", b"-", b"f"
LENGTH_BYTES = 4
CPU_SECONDS_MAX = 175  # built-in engines' jobs have three minutes
_FILE_BYTES_MAX = 2 << 30


class Tell(Protocol):
    """How an errand says how far it has come."""

    def progress(self, fraction: float) -> None:
        """Say how much is done, from 0 to 1."""

    def preview(self, picture: bytes) -> None:
        """Show what there is so far: a JPEG."""


class _Teller:
    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def progress(self, fraction: float) -> None:
        self.say(PROGRESS, msgspec.msgpack.encode(fraction))

    def preview(self, picture: bytes) -> None:
        self.say(PREVIEW, picture)

    def say(self, kind: bytes, payload: bytes = b"") -> None:
        self._output.write(kind + len(payload).to_bytes(LENGTH_BYTES) + payload)
        self._output.flush()


def main(name: str, source: BinaryIO, output: BinaryIO) -> None:
    """Do the errand of that name that the source describes, and say how it ended."""
    teller = _Teller(output)
    _limit()
    try:
        _do(name, source.read(), teller)
    except EngineError as exc:
        teller.say(REFUSED, str(exc).encode())
    except MemoryError:
        teller.say(REFUSED, b"This needs more memory than it may have; ask for less.")
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        teller.say(FULL)
    else:
        teller.say(DONE)


def _do(name: str, described: bytes, tell: Tell) -> None:
    if name == "clip":
        from ringback.engines.sketch.motion.clip import make
        from ringback.engines.sketch.motion.clipped import Clip

        make(msgspec.msgpack.decode(described, type=Clip), tell)
    else:
        from ringback.engines.sketch.enhance.described import Enhancement
        from ringback.engines.sketch.enhance.restored import enhance

        enhance(msgspec.msgpack.decode(described, type=Enhancement), tell)


def _limit() -> None:
    """Keep this process within its memory, its time and its room on the disk."""
    # One thread works: a pool of threads would only take address space, on a large machine all.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    limit_memory()
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_MAX, _FILE_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
