"""Draws the scene of a prompt as moving layers, composed from back to front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageChops

from ringback.engines.sketch.canvas import Canvas, blank
from ringback.engines.sketch.compose import begin
from ringback.engines.sketch.layers.weather import vignette
from ringback.engines.sketch.motion.camera import Path, Pose, room_for
from ringback.engines.sketch.motion.hours import hours_of
from ringback.engines.sketch.motion.plates import (
    Plate,
    View,
    blend,
    canvas_size,
    cut,
    show,
    solid_row,
)
from ringback.engines.sketch.motion.sky import PassingSky, clouds_of, sky_of
from ringback.engines.sketch.motion.strata import BEFORE, BEHIND, WATERY, Stratum
from ringback.engines.sketch.motion.sway import Sway
from ringback.engines.sketch.motion.water import Water
from ringback.engines.sketch.motion.weather import Weather
from ringback.engines.sketch.palette import Palette, between, palette_of
from ringback.engines.sketch.reading import read

_LIGHT_STEPS = 96


class Stage:
    """A shot of a drawn scene."""

    def __init__(
        self, prompt: str, *, chance: tuple[int, ...], view: View, path: Path, seconds: float
    ) -> None:
        scene = read(prompt)
        first, last = hours_of(prompt, first=scene.time)
        self._path, self._seconds, self._view = path, seconds, view
        size = canvas_size(view)
        canvas = begin(replace(scene, time=first), chance=chance, width=size[0], height=size[1])
        then = None
        if last != first:
            later = replace(scene, time=last)
            then = replace(canvas, scene=later, palette=palette_of(later))
        self.scene, self._canvas, self._then = canvas.scene, canvas, then
        self._sky = sky_of(_with_chance(canvas, chance, 0), then)
        self._clouds = clouds_of(_with_chance(canvas, chance, 3), seconds=seconds)
        self._behind = self._cut(BEHIND[scene.kind], chance, 4)
        self._before = self._cut(BEFORE.get(scene.kind, []), chance, 5)
        self._water = Water(_with_chance(canvas, chance, 6), view) if scene.kind in WATERY else None
        self._weather = Weather(scene, canvas.palette, view, chance)
        self._sway = Sway(view, np.random.default_rng((*chance, 7)), kind=scene.kind)
        self._vignette = _vignette_of(canvas, view)
        self._rotation_zoom = room_for(2 * path.at(1.0).degrees, view) if path.move.roll else 1.0
        self._lit: tuple[int, list[Plate]] = (-1, [])

    def frame(self, share: float, seconds: float) -> Image.Image:
        """Return the frame at that fraction of the shot and that many seconds after its start."""
        pose = self._path.at(share, seconds=seconds)
        palette = self._palette(share)
        frame = Image.new("RGB", self._view)
        self._sky.show(frame, pose, seconds=seconds, share=share)
        plates = self._plates(share)
        ends = self._ends(plates, pose)
        if self._clouds is not None:
            plate, speed = self._clouds
            shift = max(0.0, speed * seconds)
            light = self._cloud_light(plate, share)
            show(frame, light, pose, rows_end=ends[0], shift=shift)
        behind = len(self._behind)
        self._show(frame, plates[:behind], self._behind, ends, pose, seconds)
        if self._water is not None:
            sun = self._sky.sun_at(share)
            self._water.show(
                frame,
                pose,
                palette,
                seconds=seconds,
                sun_x=None if sun is None else sun[0],
                glow=self._glow(share),
            )
        self._show(frame, plates[behind:], self._before, ends[behind:], pose, seconds)
        self._sway.stir(frame, seconds)
        shift = pose.way * self._path.move.truck * 0.1 * self._view[0]
        self._weather.show(frame, palette, seconds=seconds, shift=shift)
        frame = ImageChops.multiply(frame, self._vignette)
        return (
            rotate(frame, pose.degrees, self._rotation_zoom) if self._rotation_zoom > 1 else frame
        )

    def _cut(
        self, strata: Sequence[Stratum], chance: tuple[int, ...], number: int
    ) -> list[tuple[Stratum, Plate, Plate | None]]:
        """Return the plates of strata, and those of the later time with the same shapes."""
        canvas = _with_chance(self._canvas, chance, number)
        later = None if self._then is None else _with_chance(self._then, chance, number)
        cuts = []
        for stratum in strata:
            plate = cut(canvas, stratum.layers, depth=stratum.depth)
            then = None if later is None else cut(later, stratum.layers, depth=stratum.depth)
            if plate is not None:
                cuts.append((stratum, plate, then))
        return cuts

    def _plates(self, share: float) -> list[Plate]:
        """Return every plate in the light of that moment."""
        cuts = [*self._behind, *self._before]
        if self._then is None:
            return [plate for _, plate, _ in cuts]
        step = round(share * _LIGHT_STEPS)
        if self._lit[0] != step:
            self._lit = (
                step,
                [
                    plate if then is None else blend(plate, then, step / _LIGHT_STEPS)
                    for _, plate, then in cuts
                ],
            )
        return self._lit[1]

    def _cloud_light(self, plate: Plate, share: float) -> Plate:
        if self._then is None:
            return plate
        palette = self._palette(share)
        light = float(palette.horizon.mean() / max(0.05, self._canvas.palette.horizon.mean()))
        step = min(255, int(255 * light))
        tint = Image.new("RGB", (1, 1), tuple(min(255, int(step * one)) for one in (1.0, 0.96, 1)))
        return replace(
            plate,
            colours=ImageChops.multiply(plate.colours, tint.resize(plate.colours.size)),
        )

    def _ends(self, plates: list[Plate], pose: Pose) -> list[int]:
        """Return for each plate the row of the view from which nearer ones hide it."""
        ends, end = [], self._view[1]
        for plate in reversed(plates):
            ends.append(end)
            end = min(end, solid_row(plate, pose, self._view))
        ends.append(end)  # of the clouds
        return ends[::-1]

    def _show(
        self,
        frame: Image.Image,
        plates: list[Plate],
        cuts: list[tuple[Stratum, Plate, Plate | None]],
        ends: list[int],
        pose: Pose,
        seconds: float,
    ) -> None:
        for plate, (stratum, _, _), end in zip(plates, cuts, ends[1:], strict=False):
            drift = (seconds - self._seconds / 2) * stratum.drifts * self._view[0]
            show(frame, plate, pose, rows_end=end, shift=-drift)

    def _palette(self, share: float) -> Palette:
        if self._then is None:
            return self._canvas.palette
        return between(self._canvas.palette, self._then.palette, share)

    def _glow(self, share: float) -> float:
        if isinstance(self._sky, PassingSky):
            return max(0.0, 1 - 1.6 * self._sky.darkness(share))
        return 1.0


def rotate(frame: Image.Image, degrees: float, closer: float) -> Image.Image:
    """Return the frame rotated clockwise, enlarged to hide its corners."""
    width, height = frame.size
    angle = np.deg2rad(degrees)
    cos, sin = float(np.cos(angle)) / closer, float(np.sin(angle)) / closer
    x, y = width / 2, height / 2
    matrix = (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)
    return frame.transform(
        frame.size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
    )


def _with_chance(canvas: Canvas, chance: tuple[int, ...], number: int) -> Canvas:
    return replace(canvas, rng=np.random.default_rng((*chance, number)))


def _vignette_of(canvas: Canvas, view: View) -> Image.Image:
    field = vignette(replace(canvas, pixels=blank(*view)))
    grey = Image.fromarray((field * np.float32(255)).astype(np.uint8))
    return Image.merge("RGB", (grey, grey, grey))
