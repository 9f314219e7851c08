"""The sounds of a text: letters to phones, with lengths, pitches and pauses. Pure.

The rules are few: the rhythm and the length of the text are kept, not each word's pronunciation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One sound: formants of a voiced part, a band of noise, or silence."""

    seconds: float
    formants: tuple[float, float, float] = (500.0, 1500.0, 2500.0)
    voiced: float = 0.0  # level
    noise: float = 0.0  # level
    band: tuple[float, float] = (0.0, 0.0)  # of the noise: its centre and width
    pitch: float = 1.0  # a share of the voice's


_VOWELS = {
    "a": (730, 1250, 2500), "e": (530, 1840, 2480), "i": (300, 2250, 2950),
    "o": (520, 900, 2400), "u": (320, 870, 2240), "ə": (500, 1400, 2450),
    "æ": (660, 1720, 2410), "ɔ": (590, 850, 2450),
}  # fmt: skip
_LIQUIDS = {
    "l": (360, 1200, 2700), "r": (340, 1150, 1650), "w": (300, 650, 2200),
    "y": (280, 2200, 2900), "m": (260, 1050, 2200), "n": (260, 1450, 2400), "ŋ": (260, 1900, 2600),
}  # fmt: skip
# The noise's centre, its width, its level, and the level of a voice beside it.
_FRICATIVES = {
    "s": (6500, 2200, 0.20, 0.0), "z": (6300, 2200, 0.13, 0.25), "ʃ": (3000, 1400, 0.22, 0.0),
    "ʒ": (2900, 1400, 0.14, 0.25), "f": (5000, 4500, 0.08, 0.0), "v": (4500, 4500, 0.05, 0.3),
    "θ": (5600, 4000, 0.08, 0.0), "h": (1500, 1600, 0.09, 0.0),
}  # fmt: skip
_PLOSIVES = {
    "p": (900, 0.0), "b": (800, 0.2), "t": (4200, 0.0), "d": (3600, 0.2), "k": (2000, 0.0),
    "g": (1800, 0.2),
}  # fmt: skip
_SPELLED = (
    ("tion", "ʃən"), ("ough", "ɔ"), ("igh", "ai"), ("tch", "tʃ"), ("sch", "ʃ"), ("ng", "ŋ"),
    ("ny", "ny"), ("sh", "ʃ"), ("ch", "tʃ"), ("th", "θ"), ("ph", "f"), ("wh", "w"), ("ck", "k"),
    ("qu", "kw"), ("ee", "ii"), ("ea", "ii"), ("oo", "uu"), ("ou", "au"), ("ow", "ou"),
    ("ai", "ei"), ("ay", "ei"), ("oy", "oi"), ("au", "ɔ"), ("er", "ər"), ("c", "k"), ("x", "ks"),
    ("j", "dʒ"), ("q", "k"),
)  # fmt: skip
_DIGITS = ("zero", "wan", "tuu", "θrii", "foor", "faiv", "siks", "seven", "eit", "nain")
_PAUSES = {",": 0.16, ";": 0.22, ":": 0.2, ".": 0.34, "!": 0.34, "?": 0.34, "\n": 0.3, "…": 0.4,
           "—": 0.2, "。": 0.34, "、": 0.16, "！": 0.34, "？": 0.34}  # fmt: skip
_WORD_S = 0.035
_TOKENS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d|[,;:.!?\n…—。、！？]")
_LETTERS_MAX = 60  # of a word
_FALL = 0.22  # of the pitch along a sentence
_RISE = 0.3


def phones_of(text: str) -> Iterator[Phone]:
    """Yield the phones of a text, sentence by sentence."""
    for tokens in _sentences(text):
        words = [one for one in tokens if one not in _PAUSES]
        asks = tokens[-1] in ("?", "？")
        read = 0
        for token in tokens:
            if token in _PAUSES:
                yield Phone(seconds=_PAUSES[token])
                continue
            at = read / max(1, len(words) - 1)
            pitch = 1.08 - _FALL * at
            if asks and read >= len(words) - 1:
                pitch += _RISE
            is_last = read == len(words) - 1
            yield from _word(token, pitch=pitch, stretch=1.2 if is_last else 1.0)
            yield Phone(seconds=_WORD_S)
            read += 1


def _sentences(text: str) -> Iterator[list[str]]:
    tokens: list[str] = []
    for token in _TOKENS.findall(text):
        tokens.append(token)
        if token in _PAUSES and _PAUSES[token] >= 0.3:
            yield tokens
            tokens = []
    if tokens:
        yield tokens


def _word(word: str, *, pitch: float, stretch: float) -> Iterator[Phone]:
    sounds = _sounds(word)
    stress = next((at for at, one in enumerate(sounds) if one in _VOWELS), 0)
    for at, sound in enumerate(sounds):
        high = pitch * (1.06 if at == stress else 1.0)
        # The vowel of the stress is the longest.
        long = stretch * (1.25 if at == stress else 0.9)
        yield from _phone(sound, pitch=high, stretch=long)


def _sounds(word: str) -> str:
    """Return the sounds of a word, one letter each; letters of other scripts are vowels by chance.

    An e at a word's end is silent in most English words of more than three letters."""
    if word.isdigit() and len(word) == 1:
        return _DIGITS[unicodedata.digit(word, 0)]
    plain = unicodedata.normalize("NFD", word[:_LETTERS_MAX].casefold())
    letters = "".join(one for one in plain if one.isalpha())
    if len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiou":
        letters = letters[:-1]
    for spelled, sounds in _SPELLED:
        letters = letters.replace(spelled, sounds)
    return "".join(one if _is_known(one) else "kaæmeniso"[ord(one) % 9] for one in letters)


def _is_known(sound: str) -> bool:
    return any(sound in table for table in (_VOWELS, _LIQUIDS, _FRICATIVES, _PLOSIVES))


def _phone(sound: str, *, pitch: float, stretch: float) -> Iterator[Phone]:
    if sound in _VOWELS:
        yield Phone(
            seconds=0.095 * stretch, formants=_three(_VOWELS[sound]), voiced=1.0, pitch=pitch
        )
    elif sound in _LIQUIDS:
        yield Phone(
            seconds=0.065 * stretch, formants=_three(_LIQUIDS[sound]), voiced=0.55, pitch=pitch
        )
    elif sound in _FRICATIVES:
        centre, width, noise, voiced = _FRICATIVES[sound]
        yield Phone(
            seconds=0.085 * stretch,
            voiced=voiced,
            noise=noise,
            band=(centre, width),
            pitch=pitch,
        )
    else:
        centre, voiced = _PLOSIVES[sound]
        yield Phone(seconds=0.045 * stretch, voiced=voiced * 0.4, pitch=pitch)
        yield Phone(seconds=0.022, noise=0.22, band=(centre, centre * 0.5), pitch=pitch)


def _three(values: tuple[int, int, int]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
