"""A shot made from an input video, redrawn in the light of the prompt."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps

from ringback.engines.sketch.motion.footage import Footage
from ringback.engines.sketch.motion.grade import as_scene
from ringback.engines.sketch.motion.plates import View
from ringback.engines.sketch.motion.weather import Weather
from ringback.engines.sketch.palette import palette_of
from ringback.engines.sketch.reading import Scene, read

_GREY = re.compile(r"\b(black and white|monochrome|noir|grayscale|greyscale|hitam putih)\b", re.I)
_POSTER = re.compile(r"\b(cartoon|comic|anime|poster|cel|kartun|komik)\b", re.I)
_DRAWN = re.compile(r"\b(sketch|pencil|drawing|drawn|charcoal|line art|sketsa|pensil)\b", re.I)
_PLAIN = Scene()


class EditedShot:
    """The frames of an input video, graded, with the prompt's weather, drawn where it asks so."""

    def __init__(self, path: Path, prompt: str, *, chance: tuple[int, ...], view: View) -> None:
        scene = read(prompt)
        described = (scene.time, scene.weather, scene.mood, scene.colours, scene.season)
        plain = (_PLAIN.time, _PLAIN.weather, _PLAIN.mood, _PLAIN.colours, _PLAIN.season)
        self._footage = Footage(path, view)
        self._grade = as_scene(
            scene,
            strength=0.55 if described != plain else 0.28,
            is_grey=_GREY.search(prompt) is not None,
        )
        self._palette = palette_of(scene)
        self._weather = Weather(scene, self._palette, view, chance)
        self._is_poster = _POSTER.search(prompt) is not None
        self._is_drawn = _DRAWN.search(prompt) is not None

    def frame(self, share: float, seconds: float) -> Image.Image:
        """Return the edited frame of that moment."""
        frame = self._footage.at(seconds)
        if self._is_poster or self._is_drawn:
            frame = frame.filter(ImageFilter.SMOOTH_MORE)
        lines = _lines(frame) if self._is_poster or self._is_drawn else None
        frame = frame.filter(self._grade)
        if self._is_drawn and lines is not None:
            pale = Image.blend(frame, Image.new("RGB", frame.size, (250, 246, 238)), 0.62)
            frame = ImageChops.multiply(pale, lines)
        elif lines is not None:
            frame = ImageChops.multiply(ImageOps.posterize(frame, 3), lines)
        frame = frame.copy()  # the original frame may be used again
        self._weather.show(frame, self._palette, seconds=seconds, shift=0.0)
        return frame


def _lines(frame: Image.Image) -> Image.Image:
    """Return the outlines of an image, dark on white."""
    edges = frame.convert("L").filter(ImageFilter.FIND_EDGES)
    dark = edges.point([255 - min(255, max(0, value - 8) * 7) for value in range(256)])
    return Image.merge("RGB", (dark, dark, dark))
