"""The voice of a speech: its pitch, speed and language, from its id and its text. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ringback.engines.sketch.reading import words_of

_VARIANTS = ("m1", "f2", "m3", "f3", "m4", "f4", "m7", "f5")
_WORDS = (
    "yang dan di ini itu dengan untuk dari tidak akan pada adalah saya kami kita anda ke "
    "sudah telah bisa ada juga selamat terima kasih apa bagaimana"
)
_INDONESIAN = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One voice, in shares of the usual."""

    pitch: float = 1.0
    speed: float = 1.0
    formants: float = 1.0  # a small head's are higher
    variant: str = ""  # by its name in espeak-ng
    language: str = "en"


def voice_of(voice_id: str, text: str) -> Voice:
    """Return the voice of an id: the same for the same id, and another for most others."""
    language = _language(text)
    if not voice_id:
        return Voice(language=language)
    digest = hashlib.sha256(voice_id.encode("utf-8", "replace")).digest()
    variant = _VARIANTS[digest[0] % len(_VARIANTS)]
    is_high = variant.startswith("f")
    return Voice(
        pitch=(1.25 if is_high else 0.8) + digest[1] / 255 * 0.3,
        speed=0.9 + digest[2] / 255 * 0.2,
        formants=(1.12 if is_high else 0.96) + digest[3] / 255 * 0.08,
        variant=variant,
        language=language,
    )


def _language(text: str) -> str:
    words = words_of(text)
    known = sum(word in _INDONESIAN for word in words)
    return "id" if known * 8 >= max(1, len(words)) else "en"
