"""The cost of decoding an input image, under the same limits as an upload."""

from __future__ import annotations

from ringback.errors import EngineError, InvalidMedia
from ringback.files.media.content import Parsed
from ringback.files.media.parsing import parse_picture


def parsed_picture(content: bytes) -> Parsed:
    """Return the facts and kept pieces of an input image, or raise ``EngineError``."""
    try:
        return parse_picture(content)
    except InvalidMedia as exc:
        raise EngineError(f"An input image cannot be read. {exc}") from exc


def cost_s_of(content: bytes) -> float:
    """Return the cost of decoding an input image, or raise ``EngineError`` if it is refused."""
    return parsed_picture(content).cost_s
