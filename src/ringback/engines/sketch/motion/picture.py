"""A shot that starts or ends with an input image, over which the camera moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops, ImageOps

from ringback.engines.sketch.motion.camera import MARGIN_X, MARGIN_Y, Path, room_for
from ringback.engines.sketch.motion.hours import hours_of
from ringback.engines.sketch.motion.plates import Plate, View, show
from ringback.engines.sketch.motion.stage import rotate
from ringback.engines.sketch.motion.strata import WATERY
from ringback.engines.sketch.motion.sway import Sway
from ringback.engines.sketch.motion.weather import Weather
from ringback.engines.sketch.palette import palette_of
from ringback.engines.sketch.reading import read

_SETTLES_S = (
    1.0  # the image is unchanged at its end of the shot, and starts to move within this time
)
_WAY = 0.62  # of a move, limited by the margin around the image

# The light of each time of day: the share of each colour that is left.
_LIGHT = {
    "dawn": (1.0, 0.86, 0.80),
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.78, 0.60),
    "dusk": (0.62, 0.56, 0.78),
    "night": (0.30, 0.36, 0.62),
}


class PictureShot:
    """A shot of an input image, which is entirely visible in the first or the last frame."""

    def __init__(
        self,
        image: Image.Image,
        prompt: str,
        *,
        chance: tuple[int, ...],
        view: View,
        path: Path,
        seconds: float,
        is_end: bool,
    ) -> None:
        scene = read(prompt)
        first, last = hours_of(prompt, first=scene.time)
        self._view, self._seconds, self._is_end = view, seconds, is_end
        if not path.returns:
            ways = (-_WAY, 0.0) if is_end else (0.0, _WAY)
            path = replace(path, first=ways[0], last=ways[1])
        self._path = path
        self._plate = _surrounded(image, view)
        self._light = None if first == last else (_LIGHT[first], _LIGHT[last])
        self._weather = Weather(scene, palette_of(scene), view, chance)
        self._palette = palette_of(scene)
        kind = "ripples" if scene.kind in WATERY else "none"
        self._sway = Sway(view, np.random.default_rng((*chance, 8)), kind=kind)
        self._rotation_zoom = room_for(2 * path.at(1.0).degrees, view) if path.move.roll else 1.0

    def frame(self, share: float, seconds: float) -> Image.Image:
        """Return the frame at that fraction of the shot and that many seconds after its start."""
        pose = self._path.at(share, seconds=seconds)
        frame = Image.new("RGB", self._view)
        show(frame, self._plate, pose, rows_end=self._view[1])
        away = self._seconds - seconds if self._is_end else seconds
        alive = min(1.0, max(0.0, away / _SETTLES_S))
        if alive <= 0:
            return frame
        as_given = frame.copy()
        self._sway.stir(frame, seconds, strength=alive)
        self._weather.show(frame, self._palette, seconds=seconds, shift=0.0)
        if self._light is not None:
            frame = ImageChops.multiply(frame, self._tint(share))
        if self._rotation_zoom > 1:
            closer = 1 + (self._rotation_zoom - 1) * alive
            frame = rotate(frame, pose.degrees * alive, closer)
        return frame if alive >= 1 else Image.blend(as_given, frame, alive)

    def _tint(self, share: float) -> Image.Image:
        assert self._light is not None
        one, other = self._light
        # The image was taken at one of the two times, and is left unchanged there.
        base = other if self._is_end else one
        parts = (
            min(1.0, (a + (b - a) * share) / c) for a, b, c in zip(one, other, base, strict=True)
        )
        red, green, blue = (int(255 * part) for part in parts)
        return Image.new("RGB", self._view, (red, green, blue))


def _surrounded(image: Image.Image, view: View) -> Plate:
    """Return the image fitted to the view, mirrored at its edges as a margin for the camera."""
    fitted = ImageOps.fit(image, view, Image.Resampling.LANCZOS)
    x, y = round(view[0] * MARGIN_X), round(view[1] * MARGIN_Y)
    pixels = np.pad(np.asarray(fitted), ((y, y), (x, x), (0, 0)), mode="reflect")
    colours = Image.fromarray(pixels)
    return Plate(colours=colours, mask=None, size=colours.size, top=0, solid_from=0, depth=0.5)
