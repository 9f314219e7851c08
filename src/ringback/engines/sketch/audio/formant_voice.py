"""A voice of formants: harmonics of a pitch under moving resonances, and bands of noise. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.audio.phones import Phone, phones_of
from ringback.engines.sketch.audio.voices import Voice
from ringback.engines.sketch.audio.wave import RATE, Mono, samples_in

_PITCH_HZ = 118.0
_FRAMES_PER_S = 250
_HARMONICS_TOP_HZ = 4_200.0
_WIDTHS = (90.0, 120.0, 190.0)
_LEVELS = (1.0, 0.55, 0.28)
_SMOOTH_FRAMES = 9  # 36 ms, in which one phone becomes the next
_PIECE_S = 6.0  # made at once, so that memory does not grow with the text
_TEXT_MAX = 4_000

Progress = Callable[[float], None]
Frames = NDArray[np.float32]


def speak(text: str, voice: Voice, *, rng: np.random.Generator, progress: Progress) -> Mono:
    """Return a text as this voice reads it; empty for a text without letters."""
    pieces = list(_pieces(list(phones_of(text[:_TEXT_MAX]))))
    found = []
    for number, piece in enumerate(pieces):
        progress(number / len(pieces))
        found.append(_voiced_piece(piece, voice, rng))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def _pieces(phones: Sequence[Phone]) -> Iterator[list[Phone]]:
    """Yield runs of phones that end in silence, so that each piece begins and ends in it."""
    piece: list[Phone] = []
    seconds = 0.0
    for phone in phones:
        piece.append(phone)
        seconds += phone.seconds
        if seconds >= _PIECE_S and not (phone.voiced or phone.noise):
            yield piece
            piece, seconds = [], 0.0
    if piece:
        yield piece


def _voiced_piece(phones: Sequence[Phone], voice: Voice, rng: np.random.Generator) -> Mono:
    lengths = [max(1, round(one.seconds / voice.speed * _FRAMES_PER_S)) for one in phones]
    frames = _frames(phones, lengths, voice)
    count = samples_in(len(frames) / _FRAMES_PER_S)
    times = np.arange(count, dtype=np.float64) / RATE * _FRAMES_PER_S
    pitch = np.interp(times, np.arange(len(frames)), frames[:, 0])
    # A steady pitch sounds like a machine: it wavers a little.
    waver = 1 + 0.012 * np.sin(2 * np.pi * 4.7 * times / _FRAMES_PER_S)
    phase = 2 * np.pi * np.cumsum(pitch * waver) / RATE
    sound = _voiced(frames, phase, times)
    sound += _noise(phones, lengths, rng, count)
    return sound


def _frames(phones: Sequence[Phone], lengths: Sequence[int], voice: Voice) -> Frames:
    """Return pitch, level and three formants for each frame, without steps between phones."""
    rows = []
    for phone, number in zip(phones, lengths, strict=True):
        pitch = _PITCH_HZ * voice.pitch * phone.pitch
        formants = [one * voice.formants for one in phone.formants]
        rows += [[pitch, phone.voiced, *formants]] * number
    frames = np.array(rows, dtype=np.float32)
    window = np.hanning(_SMOOTH_FRAMES + 2)[1:-1]
    window /= window.sum()
    half = _SMOOTH_FRAMES // 2
    for column in range(frames.shape[1]):
        padded = np.pad(frames[:, column], half, mode="edge")
        frames[:, column] = np.convolve(padded, window, mode="valid")
    # At both ends there is silence, so that pieces join without a click.
    ends = np.minimum(1, np.arange(len(frames)) / half)
    frames[:, 1] *= ends * ends[::-1]
    return frames


def _voiced(frames: Frames, phase: NDArray[np.float64], times: NDArray[np.float64]) -> Mono:
    sound = np.zeros(len(times), dtype=np.float32)
    pitch, loud, formants = frames[:, 0], frames[:, 1], frames[:, 2:]
    numbers = np.arange(len(frames))
    for harmonic in range(1, int(_HARMONICS_TOP_HZ / max(40.0, float(pitch.min()))) + 1):
        frequency = pitch * harmonic
        level = np.zeros(len(frames), dtype=np.float32)
        for index in range(3):
            off = (frequency - formants[:, index]) / _WIDTHS[index]
            level += np.float32(_LEVELS[index]) / (1 + off * off)
        level *= loud * np.float32(harmonic**-0.35) * (frequency < _HARMONICS_TOP_HZ)
        sound += (np.sin(phase * harmonic) * np.interp(times, numbers, level)).astype(np.float32)
    return sound * np.float32(0.3)


def _noise(
    phones: Sequence[Phone], lengths: Sequence[int], rng: np.random.Generator, count: int
) -> Mono:
    sound = np.zeros(count, dtype=np.float32)
    frame = 0
    for phone, number in zip(phones, lengths, strict=True):
        start, length = samples_in(frame / _FRAMES_PER_S), samples_in(number / _FRAMES_PER_S)
        frame += number
        if not phone.noise or length < 16 or start + length > count:
            continue
        spectrum = np.fft.rfft(rng.standard_normal(length))
        frequencies = np.fft.rfftfreq(length, 1 / RATE)
        centre, width = phone.band
        spectrum *= np.exp(-(((frequencies - centre) / width) ** 2))
        burst = np.fft.irfft(spectrum, length)
        burst *= np.hanning(length) / max(1e-6, float(burst.std()))
        sound[start : start + length] += (burst * phone.noise * 0.5).astype(np.float32)
    return sound
