"""What was learned of a style, as it is kept, and how much of it a strength asks for: pure."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ringback.errors import EngineError

BANDS = 4
"""Octaves of texture, from the finest on: waves of 2 to 4 points of ``TEXTURE_SIDE``, and so on."""
TEXTURE_SIDE = 512
COLOURS_MAX = 768
_GRAIN_MAX = 0.2
_AWAY = 0.6


class Learned(Struct, frozen=True, kw_only=True):
    """The colours of some pictures, how rough they are at each octave, and how grainy."""

    palette: str  # colours in hexadecimal, three bytes each, as often as they are there
    bands: tuple[float, ...]  # the spread of the brightness in each octave, from 0 to 1
    grain: float  # the spread of what differs from point to point


def encoded(learned: Learned) -> bytes:
    """Return it as it is kept."""
    return msgspec.json.encode(learned)


def decoded(content: bytes) -> Learned:
    """Return what was kept, or raise ``EngineError`` for a file that is no style's."""
    try:
        learned = msgspec.json.decode(content, type=Learned)
        count, odd = divmod(len(bytes.fromhex(learned.palette)), 3)
    except (ValueError, msgspec.MsgspecError) as exc:
        raise EngineError("The file of a style cannot be read; train the style again.") from exc
    if odd or not 1 <= count <= COLOURS_MAX or len(learned.bands) != BANDS:
        raise EngineError("The file of a style cannot be read; train the style again.")
    return learned


def share_of(strength: float) -> float:
    """Return how far to go for a strength from -2 to 2: all the way at 2, away below 0."""
    bounded = max(-2.0, min(2.0, strength))
    share = 1 - (1 - abs(bounded) / 2) ** 2
    return share if bounded >= 0 else -_AWAY * share


def grain_of(styles: tuple[tuple[Learned, float], ...]) -> float:
    """Return how much grain the styles add, as a spread from 0 to 1."""
    total = sum(max(0.0, share_of(strength)) * style.grain for style, strength in styles)
    return min(_GRAIN_MAX, max(0.0, total))
