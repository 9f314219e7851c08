"""Which way of showing pictures a terminal understands, by what it says of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Protocol(StrEnum):
    """A way of sending a picture to a terminal."""

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
# They keep their own idea of the screen, and most let no picture through.
_MULTIPLEXERS = ("TMUX", "STY", "ZELLIJ")
_MULTIPLEXED = ("tmux", "screen")
_KONSOLE_MIN = 220_400  # the first that knows kitty's way


def protocol_of(environment: Mapping[str, str], *, is_terminal: bool) -> Protocol | None:
    """Return how to show a picture here; None where it would be noise, or nobody knows.

    Only what a terminal says of itself counts: one that is asked may answer into the next prompt.
    """
    term = environment.get("TERM", "")
    if not is_terminal or term in ("", "dumb") or _is_multiplexed(environment, term):
        return None
    if environment.get("KITTY_WINDOW_ID"):
        return Protocol.KITTY
    program = environment.get("TERM_PROGRAM", "")
    if program in _BY_PROGRAM:
        return _BY_PROGRAM[program]
    if environment.get("LC_TERMINAL") == "iTerm2":  # which ssh hands on
        return Protocol.ITERM2
    if _is_konsole_with_pictures(environment):
        return Protocol.KITTY
    return _BY_TERM.get(term) or (Protocol.SIXEL if "sixel" in term else None)


def _is_multiplexed(environment: Mapping[str, str], term: str) -> bool:
    return any(environment.get(name) for name in _MULTIPLEXERS) or term.startswith(_MULTIPLEXED)


def _is_konsole_with_pictures(environment: Mapping[str, str]) -> bool:
    version = environment.get("KONSOLE_VERSION", "")
    return version.isascii() and version.isdigit() and int(version[:9]) >= _KONSOLE_MIN
