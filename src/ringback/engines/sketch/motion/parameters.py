"""Reads the size, duration and inputs of a clip from a request, under each model's names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringback.engines.sketch.parameters import is_number
from ringback.errors import EngineError

SECONDS_MAX = 60.0
_SECONDS = {"minimax": 6.0, "google": 8.0}
_SECONDS_USUAL = 5.0
_RATE = 24
_RATES = {"alibaba": 16}  # frames per second of the models that count frames at 16 per second
_SIDE_MIN = 64
_PIXELS_MAX = 3840 * 2160
_SHORT_SIDE = 720
_EDITS = "black-forest-labs/flux-video-edit"  # its start_video is the one to change
_MODES = {"std": 720, "pro": 1080, "master": 1080, "4k": 2160}
_RESOLUTION = re.compile(r"(\d{3,4})[pP]")
_RATIO = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*[:x×/]\s*(\d{1,5}(?:\.\d{1,3})?)")
_SAYS_PIXELS = 100  # a ratio with numbers this large is a size
SHOTS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotRequest:
    """One shot of a clip: its prompt and its number of frames."""

    prompt: str
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """The requested clip."""

    width: int
    height: int
    rate: int  # frames per second
    shots: tuple[ShotRequest, ...]
    loops: bool
    has_sound: bool

    @property
    def frames(self) -> int:
        """The number of frames."""
        return sum(shot.frames for shot in self.shots)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInputs:
    """The URLs of a clip's inputs."""

    start_image: str | None = None
    end_image: str | None = None
    start_video: str | None = None
    end_video: str | None = None
    edited: str | None = None  # a video to edit
    sound: str | None = None
    references: tuple[str, ...] = ()  # images for the colours


def clip_of(inputs: Mapping[str, Any], *, model: str, prompt: str) -> ClipRequest:
    """Return the requested clip, or raise ``EngineError`` if it is too long."""
    width, height = _size_of(inputs)
    provider = model.partition("/")[0]
    counted = next(
        (inputs[name] for name in ("num_frames", "frame_num") if is_number(inputs.get(name))), None
    )
    rate = _RATES.get(provider, _RATE) if counted is not None else _RATE
    frames = (
        max(1, round(float(counted)))
        if counted is not None
        else _frames_in(_seconds_of(inputs, provider), rate)
    )
    shots = _shots_of(inputs, prompt, rate=rate) or (ShotRequest(prompt=prompt, frames=frames),)
    clip = ClipRequest(
        width=width,
        height=height,
        rate=rate,
        shots=shots,
        loops=inputs.get("loop") is True,
        has_sound=inputs.get("generate_audio") is True,
    )
    if clip.frames > SECONDS_MAX * rate:
        raise _too_long(clip.frames / rate)
    return clip


def _frames_in(seconds: float, rate: int) -> int:
    if seconds > SECONDS_MAX:
        raise _too_long(seconds)  # checked before counting: the number is arbitrary
    return max(1, round(seconds * rate))


def _too_long(seconds: float) -> EngineError:
    return EngineError(f"A clip of {seconds:g} s is too long; ask for at most {SECONDS_MAX:g} s.")


def inputs_of(inputs: Mapping[str, Any], *, model: str = "") -> ClipInputs:
    """Return the inputs of the clip."""
    start_video = _url(inputs, "start_video")
    if model == _EDITS:
        return ClipInputs(edited=start_video)
    reference = inputs.get("video_reference")
    edited = (
        _url(inputs, "init_video")
        or _url(inputs, "edit_video")
        or (_url(reference, "url") if isinstance(reference, Mapping) else None)
    )
    return ClipInputs(
        start_image=_url(inputs, "start_image"),
        end_image=_url(inputs, "end_image"),
        start_video=start_video,
        end_video=_url(inputs, "end_video"),
        edited=edited,
        sound=_url(inputs, "audio_url") or next(_urls(inputs.get("reference_audios")), None),
        references=tuple(_references(inputs))[:4],
    )


def _references(inputs: Mapping[str, Any]) -> list[str]:
    found = [url] if (url := _url(inputs, "init_image_url")) else []
    found += _urls(inputs.get("reference_images"))
    for name, field in (("references", "uri"), ("style_references", "url")):
        found += [
            url
            for one in _items(inputs.get(name))
            if isinstance(one, Mapping) and (url := _url(one, field))
        ]
    for name, field in (("element_references", "images"), ("subjects", "image")):
        found += [
            url
            for one in _items(inputs.get(name))
            if isinstance(one, Mapping)
            for url in _urls(one.get(field))
        ]
    return found


def _urls(values: object) -> Iterator[str]:
    return (one for one in _items(values) if isinstance(one, str))


def _shots_of(inputs: Mapping[str, Any], prompt: str, *, rate: int) -> tuple[ShotRequest, ...]:
    shots = []
    for one in _items(inputs.get("multi_prompt"))[:SHOTS_MAX]:
        if isinstance(one, Mapping) and is_number(seconds := one.get("duration")):
            own = one.get("prompt")
            # The clip's own prompt applies to all shots, after their own.
            text = f"{own}. {prompt}" if isinstance(own, str) and own else prompt
            shots.append(ShotRequest(prompt=text, frames=_frames_in(seconds, rate)))
    return tuple(shots)


def _seconds_of(inputs: Mapping[str, Any], provider: str) -> float:
    value = inputs.get("duration")
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("s"))
        except ValueError:
            value = None
    if is_number(value) and value > 0:
        return float(value)
    return _SECONDS.get(provider, _SECONDS_USUAL)


def _size_of(inputs: Mapping[str, Any]) -> tuple[int, int]:
    width, height = inputs.get("width"), inputs.get("height")
    if is_number(width) and is_number(height):
        return _even(float(width), float(height))
    ratio = 16 / 9
    for name in ("aspect_ratio", "ratio"):
        match = _RATIO.fullmatch(str(inputs.get(name) or ""))
        if match and float(match[1]) > 0 and float(match[2]) > 0:
            if float(match[1]) >= _SAYS_PIXELS and float(match[2]) >= _SAYS_PIXELS:
                return _even(float(match[1]), float(match[2]))
            ratio = min(8.0, max(1 / 8, float(match[1]) / float(match[2])))
            break
    short = _short_side(inputs)
    return _even(short * max(1.0, ratio), short * max(1.0, 1 / ratio))


def _short_side(inputs: Mapping[str, Any]) -> float:
    resolution = str(inputs.get("resolution") or "")
    if match := _RESOLUTION.fullmatch(resolution):
        return float(match[1])
    if resolution.upper() == "4K":
        return 2160.0
    return float(_MODES.get(str(inputs.get("mode") or ""), _SHORT_SIDE))


def _even(width: float, height: float) -> tuple[int, int]:
    """Return an even size that can be encoded in time."""
    width, height = max(float(_SIDE_MIN), width), max(float(_SIDE_MIN), height)
    scale = min(1.0, math.sqrt(_PIXELS_MAX / (width * height)), 4096 / width, 4096 / height)
    sides = (max(_SIDE_MIN, round(side * scale / 2) * 2) for side in (width, height))
    return next(sides), next(sides)


def _url(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) and value else None


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
