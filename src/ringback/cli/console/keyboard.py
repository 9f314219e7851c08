"""Reads single key presses from a terminal, and restores the terminal afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    import termios
    import tty
except ImportError:  # Windows has no termios, so keys do nothing there
    termios = tty = None  # type: ignore[assignment]

_BYTES_MAX = 64


@contextmanager
def keys_pressed(on_key: Callable[[str], None]) -> Iterator[bool]:
    """Call back with every key that is pressed, in the running event loop.

    Yields whether standard input is a terminal. Keys are not echoed and need no Enter; Ctrl-C
    and Ctrl-Z work as usual.
    """
    if termios is None or not _is_terminal():
        yield False
        return
    number = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(number)

    def read() -> None:
        try:
            data = os.read(number, _BYTES_MAX)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            loop.remove_reader(number)
        for key in data.decode("ascii", "ignore"):
            on_key(key)

    # After Ctrl-Z the shell has changed the terminal's mode.
    loop.add_signal_handler(signal.SIGCONT, tty.setcbreak, number)
    tty.setcbreak(number)
    loop.add_reader(number, read)
    try:
        yield True
    finally:
        loop.remove_reader(number)
        loop.remove_signal_handler(signal.SIGCONT)
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _is_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):  # closed, or there is none
        return False
