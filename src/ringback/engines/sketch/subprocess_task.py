"""The main module of a subprocess for one long task that reports its progress.

The server writes one task to the process's input and reads messages from its output. The process
has limits on memory and time, and is killed when nobody waits for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import BinaryIO, Protocol

import msgspec

from ringback.errors import EngineError
from ringback.files.media.process import confine

PROGRESS, PREVIEW, DONE, REFUSED, FULL = b"p", b"v", b"+", b"-", b"f"
LENGTH_BYTES = 4
CPU_SECONDS_MAX = 175  # built-in engines' jobs have three minutes
_FILE_BYTES_MAX = 2 << 30


class ProgressReporter(Protocol):
    """The interface by which a task reports its progress."""

    def progress(self, fraction: float) -> None:
        """Report the fraction done, from 0 to 1."""

    def preview(self, picture: bytes) -> None:
        """Show the current result, a JPEG."""


class _PipeReporter:
    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def progress(self, fraction: float) -> None:
        self.write(PROGRESS, msgspec.msgpack.encode(fraction))

    def preview(self, picture: bytes) -> None:
        self.write(PREVIEW, picture)

    def write(self, kind: bytes, payload: bytes = b"") -> None:
        self._output.write(kind + len(payload).to_bytes(LENGTH_BYTES) + payload)
        self._output.flush()


def main(name: str, source: BinaryIO, output: BinaryIO) -> None:
    """Run the task of that name from the input, and report how it ended."""
    reporter = _PipeReporter(output)
    _limit()
    try:
        _run(name, source.read(), reporter)
    except EngineError as exc:
        reporter.write(REFUSED, str(exc).encode())
    except MemoryError:
        reporter.write(REFUSED, b"This needs too much memory; request less.")
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        reporter.write(FULL)
    else:
        reporter.write(DONE)


def _run(name: str, task: bytes, reporter: ProgressReporter) -> None:
    if name == "clip":
        from ringback.engines.sketch.motion.clip import make
        from ringback.engines.sketch.motion.clip_spec import Clip

        make(msgspec.msgpack.decode(task, type=Clip), reporter)
    elif name == "sound":
        from ringback.engines.sketch.audio.making import make as make_sound
        from ringback.engines.sketch.audio.recording import Recording

        make_sound(msgspec.msgpack.decode(task, type=Recording), reporter)
    else:
        from ringback.engines.sketch.enhance.enhancement import Enhancement
        from ringback.engines.sketch.enhance.pipeline import enhance

        enhance(msgspec.msgpack.decode(task, type=Enhancement), reporter)


def _limit() -> None:
    """Limit the memory, the processor time and the file size of this process."""
    # One thread suffices; on a large machine a thread pool would use up the address space.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    confine()
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES_MAX, _FILE_BYTES_MAX))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
