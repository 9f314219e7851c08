"""The features of a style, their file format, and the meaning of a strength. Pure."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ringback.errors import EngineError

BANDS = 4
"""Octaves of texture, the finest first: waves of 2 to 4 points of ``TEXTURE_SIDE``, and so on."""
TEXTURE_SIDE = 512
COLOURS_MAX = 768
_GRAIN_MAX = 0.2
_AWAY = 0.6


class StyleFeatures(Struct, frozen=True, kw_only=True):
    """The colours of some images, their texture at each octave, and their grain."""

    palette: str  # hexadecimal, three bytes per colour, repeated by frequency
    bands: tuple[float, ...]  # the spread of the brightness in each octave, from 0 to 1
    grain: float  # the spread of pixel noise


def encode_features(learned: StyleFeatures) -> bytes:
    """Return the content of a style's file."""
    return msgspec.json.encode(learned)


def decode_features(content: bytes) -> StyleFeatures:
    """Return the features in a style's file, or raise ``EngineError``."""
    try:
        learned = msgspec.json.decode(content, type=StyleFeatures)
        count, odd = divmod(len(bytes.fromhex(learned.palette)), 3)
    except (ValueError, msgspec.MsgspecError) as exc:
        raise EngineError("The file of a style cannot be read; train the style again.") from exc
    if odd or not 1 <= count <= COLOURS_MAX or len(learned.bands) != BANDS:
        raise EngineError("The file of a style cannot be read; train the style again.")
    return learned


def share_of(strength: float) -> float:
    """Return the share for a strength from -2 to 2: all at 2, negative below 0."""
    bounded = max(-2.0, min(2.0, strength))
    share = 1 - (1 - abs(bounded) / 2) ** 2
    return share if bounded >= 0 else -_AWAY * share


def grain_of(styles: tuple[tuple[StyleFeatures, float], ...]) -> float:
    """Return the grain that the styles add, as a spread from 0 to 1."""
    total = sum(max(0.0, share_of(strength)) * style.grain for style, strength in styles)
    return min(_GRAIN_MAX, max(0.0, total))
