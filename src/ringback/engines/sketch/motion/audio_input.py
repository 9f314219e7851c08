"""Decodes sound from untrusted files, only in the confined process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, AudioResampler, AudioStream
from av.container import InputContainer

from ringback.engines.sketch.motion.decoding import SOUNDS, best_stream, codec_of, open_media
from ringback.engines.sketch.motion.sound import RATE, Wave
from ringback.errors import EngineError

_UNREADABLE = "A sound cannot be read; send a WAV, MP3, FLAC or Ogg file."


class _NotDecodedError(Exception):
    """No decoder knows the codec, or none of its packets can be decoded."""


def decode_audio(path: Path, *, seconds: float) -> Wave | None:
    """Return that much of a file's sound in stereo, padded with silence; None if it has none.

    It raises ``EngineError`` with the codec's name for a sound that cannot be decoded.
    """
    with open_media(path, kinds=SOUNDS, unreadable=_UNREADABLE) as (container, codecs):
        stream = best_stream(container, "audio")
        if not isinstance(stream, AudioStream):
            return None
        try:
            return _decode_audio(container, stream, max(1, round(seconds * RATE)))
        except _NotDecodedError as exc:
            raise EngineError(
                f"A sound is coded as {codec_of(stream, codecs)}, which cannot be decoded; "
                "send it as WAV, MP3 or AAC."
            ) from exc


def _decode_audio(container: InputContainer, stream: AudioStream, count: int) -> Wave:
    sound = np.zeros((2, count), dtype=np.float32)
    at: int | None = None
    for seconds, block in _blocks(container, stream):
        if at is None:
            # A film's sound may begin before or after its first frame.
            at = round((seconds - _start_s(container, seconds)) * RATE)
        ours = block[:, max(0, -at) : max(0, count - at)]
        begin = max(0, at)
        sound[:, begin : begin + ours.shape[1]] = ours
        at += block.shape[1]
        if at >= count:
            break
    return np.clip(np.nan_to_num(sound), -1, 1).astype(np.float32)


def _blocks(container: InputContainer, stream: AudioStream) -> Iterator[tuple[float, Wave]]:
    """Yield the sound as it is decoded, each block with the time of its frame."""
    resampler, form = None, None
    seconds = 0.0
    for frame in _frames(container, stream):
        if resampler is None or form != _form(frame):
            if resampler is not None:
                yield from _resampled(resampler, None, seconds)
            resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE)
            form = _form(frame)
        seconds = frame.time or 0.0
        yield from _resampled(resampler, frame, seconds)
    if resampler is not None:
        yield from _resampled(resampler, None, seconds)


def _resampled(
    resampler: AudioResampler, frame: AudioFrame | None, seconds: float
) -> Iterator[tuple[float, Wave]]:
    for part in resampler.resample(frame):
        yield seconds, np.asarray(part.to_ndarray(), dtype=np.float32)


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield the frames, without those of broken packets; if all are, raise an error."""
    if stream.codec_context is None:
        raise _NotDecodedError
    packets = frames = 0
    for packet in container.demux(stream):
        packets += bool(packet.size)
        # As players do, since many writers cut the first or the last packet.
        with suppress(av.error.InvalidDataError, av.error.PatchWelcomeError):
            for frame in packet.decode():
                frames += 1
                yield frame
    if packets and not frames:
        raise _NotDecodedError


def _start_s(container: InputContainer, seconds: float) -> float:
    """Return the time of a film's first frame; of a sound alone, its own first time."""
    video = best_stream(container, "video")
    if video is None or video.start_time is None or video.time_base is None:
        return seconds
    return float(video.start_time * video.time_base)
