"""The command line; each command is a module that is imported only when it runs."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper


def main() -> None:
    """Run the command line and exit with a status of ``console/exit_status.py``."""
    _open_standard_descriptors()
    _speak_utf8()
    try:
        from ringback.cli.program import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after a command, which handles its own interrupts
        status = 130
    status = _flushed(status)
    if "obstore" in sys.modules:
        # The S3 client's threads may call into an interpreter that is ending, and abort it.
        if "ringback.log" in sys.modules:
            from ringback.log.outlet import flush

            flush()
        os._exit(status)
    sys.exit(status)


def _speak_utf8() -> None:
    """Begin anew in Python's UTF-8 mode under a locale whose encoding is ASCII.

    Otherwise arguments, file names and output with any other character would be broken. Under
    another locale, characters that it lacks are escaped in the output.
    """
    if sys.getfilesystemencoding() == "ascii" and sys.executable and not sys.flags.utf8_mode:
        with suppress(OSError):
            again = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
            os.execve(sys.executable, again, {**os.environ, "PYTHONUTF8": "1"})
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flushed(status: int) -> int:
    """Write out the output; return the exit status, which a full disk or a gone reader changes."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as exc:
            # The interpreter flushes once more at its end, and would print a trace.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            from ringback.cli.console.exit_status import Status

            if isinstance(exc, BrokenPipeError):
                status = status or Status.READER_GONE
            elif status == 0:  # otherwise the command has given the reason
                status = Status.FAILED
                with suppress(OSError):
                    print(f"ringback: The output was lost ({exc.strerror}).", file=sys.stderr)
    return status


def _open_standard_descriptors() -> None:
    """Open each closed standard descriptor on ``/dev/null``.

    Otherwise a socket or the database would get its number, and receive our error output.
    """
    for standard in (0, 1, 2):
        try:
            os.fstat(standard)
        except OSError:
            with suppress(OSError):  # the lowest free number, which is this one
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
