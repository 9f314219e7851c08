"""Makes one clip; deterministic in its arguments. Runs in its own process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from ringback.engines.sketch.motion import camera, film, grade
from ringback.engines.sketch.motion.audio_input import decode_audio
from ringback.engines.sketch.motion.clip_spec import Clip, ShotSpec
from ringback.engines.sketch.motion.edited_shot import EditedShot
from ringback.engines.sketch.motion.footage import check_cost, first_of, last_of, seconds_of
from ringback.engines.sketch.motion.picture import PictureShot
from ringback.engines.sketch.motion.plates import View
from ringback.engines.sketch.motion.reel import Dissolved, Shot, Take, frames_of
from ringback.engines.sketch.motion.sound import Wave, sound_of
from ringback.engines.sketch.motion.stage import Stage
from ringback.engines.sketch.motion.style import apply_styles
from ringback.engines.sketch.pictures import decode
from ringback.engines.sketch.reading import read, seed_of
from ringback.engines.sketch.style.features import decode_features
from ringback.engines.sketch.subprocess_task import ProgressReporter

_DRAWN_PIXELS = 600_000  # of a drawn frame, as of a still image
_FINE_PIXELS = 922_000  # with input images, or for larger clips
_PREVIEW_SIDE = 640
_PREVIEWS = 4
_TELL_EVERY = 4  # frames
_PROMPT_CHARACTERS_MAX = 4_000
_DISSOLVES = (0.35, 0.85)  # of a shot from one image to another


def make(clip: Clip, reporter: ProgressReporter) -> None:
    """Write the clip to its output path, or raise ``EngineError``."""
    takes = _takes(clip)
    count = sum(take.frames for take in takes)
    frames = frames_of(takes, rate=clip.rate, loops=clip.loops)
    if clip.references and not _has_pictures(clip):
        frames = _grade(frames, [_image(path) for path in clip.references])
    if clip.trained:
        frames = apply_styles(
            frames, [(decode_features(one), strength) for one, strength in clip.trained]
        )
    film.write(
        Path(clip.out),
        _with_progress(frames, count, reporter),
        size=(clip.width, clip.height),
        rate=clip.rate,
        sound=_sound(clip, seconds=count / clip.rate),
        metadata=_metadata(clip),
    )


def _takes(clip: Clip) -> tuple[Take, ...]:
    chance = (clip.seed, seed_of(clip.prompt))
    view = _view_of(clip)
    if clip.edited is not None:
        path = Path(clip.edited)
        frames = _frames_of_edited(clip, path)
        check_cost(path, seconds=frames / clip.rate)
        make = partial(EditedShot, path, clip.prompt, chance=chance, view=view)
        return (Take(make=make, frames=frames),)
    start, end = _pictures(clip)
    last = len(clip.shots) - 1
    takes = []
    for number, spec in enumerate(clip.shots):
        make_shot = partial(
            _shot,
            spec,
            chance=(*chance, number) if number else chance,
            view=view,
            rate=clip.rate,
            loops=clip.loops,
            start=start if number == 0 else None,
            end=end if number == last else None,
        )
        takes.append(Take(make=make_shot, frames=spec.frames))
    return tuple(takes)


def _shot(
    spec: ShotSpec,
    *,
    chance: tuple[int, ...],
    view: View,
    rate: int,
    loops: bool,
    start: Image.Image | None,
    end: Image.Image | None,
) -> Shot:
    """Return a shot of the scene or of the start image, dissolving into the end image."""
    seconds = spec.frames / rate
    path = camera.Path(move=spec.move, returns=loops)
    pictured = partial(
        PictureShot, prompt=spec.prompt, chance=chance, view=view, path=path, seconds=seconds
    )
    shot: Shot = (
        Stage(spec.prompt, chance=chance, view=view, path=path, seconds=seconds)
        if start is None
        else pictured(start, is_end=False)
    )
    if end is None:
        return shot
    starts, ends = _DISSOLVES
    return Dissolved(shot, pictured(end, is_end=True), starts=starts, ends=ends)


def _pictures(clip: Clip) -> tuple[Image.Image | None, Image.Image | None]:
    """Return the images that the clip starts and ends with, where it has them."""
    start = end = None
    if clip.start_image is not None:
        start = _image(clip.start_image)
    elif clip.start_video is not None:
        start = last_of(Path(clip.start_video))
    if clip.end_image is not None:
        end = _image(clip.end_image)
    elif clip.end_video is not None:
        end = first_of(Path(clip.end_video))
    return start, end


def _has_pictures(clip: Clip) -> bool:
    paths = (clip.start_image, clip.end_image, clip.start_video, clip.end_video)
    return any(one is not None for one in paths)


def _frames_of_edited(clip: Clip, path: Path) -> int:
    requested = sum(spec.frames for spec in clip.shots)
    own = round(seconds_of(path) * clip.rate)
    if own < 1:
        return requested
    return min(own, requested) if clip.has_duration else min(own, film.FRAMES_MAX)


def _view_of(clip: Clip) -> View:
    """Return the size at which frames are drawn; the encoder enlarges them."""
    pixels = clip.width * clip.height
    is_fine = clip.edited is not None or _has_pictures(clip) or pixels > _FINE_PIXELS
    scale = min(1.0, math.sqrt((_FINE_PIXELS if is_fine else _DRAWN_PIXELS) / pixels))
    return max(16, round(clip.width * scale)), max(16, round(clip.height * scale))


def _grade(frames: Iterator[Image.Image], references: list[Image.Image]) -> Iterator[Image.Image]:
    table = None
    for frame in frames:
        table = table or grade.towards(frame, references)
        yield frame.filter(table)


def _with_progress(
    frames: Iterator[Image.Image], count: int, reporter: ProgressReporter
) -> Iterator[Image.Image]:
    """Yield the frames, reporting the progress and some previews."""
    for number, frame in enumerate(frames):
        if number % max(1, count // _PREVIEWS) == 0:
            reporter.preview(_still(frame))
        if number % _TELL_EVERY == 0:
            reporter.progress(number / count)
        yield frame


def _still(frame: Image.Image) -> bytes:
    small = frame.copy()
    small.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    output = BytesIO()
    small.save(output, "JPEG", quality=82)
    return output.getvalue()


def _sound(clip: Clip, *, seconds: float) -> Wave | None:
    """Return the input sound, the edited video's, or the scene's if requested."""
    for path in (clip.sound, clip.edited):
        if path is not None and (sound := decode_audio(Path(path), seconds=seconds)) is not None:
            return sound
    if not clip.has_sound:
        return None
    chance = (clip.seed, seed_of(clip.prompt))
    return sound_of(read(clip.prompt), seconds=seconds, chance=chance)


def _image(path: str) -> Image.Image:
    return decode(Path(path).read_bytes())


def _metadata(clip: Clip) -> dict[str, str]:
    """Return the file's metadata, so that nobody mistakes it for a model's output."""
    prompt = clip.prompt[:_PROMPT_CHARACTERS_MAX].replace("\0", "")
    return {
        "comment": f"Made by Ringback's sketch engine for {clip.model}, seed {clip.seed}",
        "description": prompt,
    }
