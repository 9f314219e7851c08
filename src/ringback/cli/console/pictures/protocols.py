"""Detects a terminal's picture protocol from its environment variables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Protocol(StrEnum):
    """A protocol for pictures in a terminal."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"


_BY_PROGRAM = {
    "ghostty": Protocol.KITTY,
    "iTerm.app": Protocol.ITERM2,
    "WezTerm": Protocol.ITERM2,
    "mintty": Protocol.ITERM2,
}
_BY_TERM = {
    "xterm-kitty": Protocol.KITTY,
    "xterm-ghostty": Protocol.KITTY,
    "foot": Protocol.SIXEL,
    "foot-extra": Protocol.SIXEL,
    "foot-direct": Protocol.SIXEL,
    "mlterm": Protocol.SIXEL,
    "yaft-256color": Protocol.SIXEL,
    "contour": Protocol.SIXEL,
}
# Multiplexers redraw the screen themselves, and most let no picture through.
_MULTIPLEXERS = ("TMUX", "STY", "ZELLIJ")
_MULTIPLEXED = ("tmux", "screen")
_KONSOLE_MIN = 220_400  # the first version with kitty's protocol


def protocol_of(environment: Mapping[str, str], *, is_terminal: bool) -> Protocol | None:
    """Return the protocol for pictures, or None if the terminal has none or is unknown.

    Only the environment counts: a query to the terminal might be answered into the next prompt.
    """
    term = environment.get("TERM", "")
    if not is_terminal or term in ("", "dumb") or _is_multiplexed(environment, term):
        return None
    if environment.get("KITTY_WINDOW_ID"):
        return Protocol.KITTY
    program = environment.get("TERM_PROGRAM", "")
    if program in _BY_PROGRAM:
        return _BY_PROGRAM[program]
    if environment.get("LC_TERMINAL") == "iTerm2":  # ssh forwards this one
        return Protocol.ITERM2
    if _is_konsole_with_pictures(environment):
        return Protocol.KITTY
    return _BY_TERM.get(term) or (Protocol.SIXEL if "sixel" in term else None)


def _is_multiplexed(environment: Mapping[str, str], term: str) -> bool:
    return any(environment.get(name) for name in _MULTIPLEXERS) or term.startswith(_MULTIPLEXED)


def _is_konsole_with_pictures(environment: Mapping[str, str]) -> bool:
    version = environment.get("KONSOLE_VERSION", "")
    return version.isascii() and version.isdigit() and int(version[:9]) >= _KONSOLE_MIN
