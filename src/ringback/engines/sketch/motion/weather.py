"""Moving weather: rain, snow, drifting fog and lightning."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ringback.engines.sketch.canvas import noise, step
from ringback.engines.sketch.motion.plates import View
from ringback.engines.sketch.palette import Palette, in_bytes, mix, rgb
from ringback.engines.sketch.reading import Scene

_FLASH_S = 0.55
_FLASH_EVERY_S = 3.2
_BOLTS = 3


@dataclass(frozen=True, slots=True)
class _Curtain:
    """Drops or flakes at one distance, on a repeating tile."""

    tile: Image.Image  # twice as high and wide as the view
    fall: float  # of the height per second
    wind: float  # of the width per second
    sway: float


class Weather:
    """The weather of one scene."""

    def __init__(self, scene: Scene, palette: Palette, view: View, chance: tuple[int, ...]) -> None:
        rng = np.random.default_rng((*chance, 91))
        self._scene, self._view = scene, view
        weather = scene.weather
        self._curtains = _curtains(weather, rng, view)
        self._fog = _fog(weather, rng, view)
        self._bolts = _bolts(rng, view) if weather == "storm" else []
        self._first_flash = float(rng.uniform(0.4, 1.2))

    def show(self, frame: Image.Image, palette: Palette, *, seconds: float, shift: float) -> None:
        """Draw the weather over the frame; ``shift`` is the camera's movement."""
        if self._bolts:
            self._flash(frame, seconds)
        if self._fog is not None:
            colour = mix(palette.horizon, palette.middle, 0.35)
            frame.paste(in_bytes(colour), (0, 0), self._fog_at(seconds, shift))
        tint = (
            rgb(0.97, 0.98, 1.0)
            if self._scene.weather == "snow"
            else mix(palette.horizon, rgb(1, 1, 1), 0.4)
        )
        if self._curtains:
            masks = [self._fallen(curtain, seconds, shift) for curtain in self._curtains]
            mask = masks[0]
            for other in masks[1:]:
                mask = ImageChops.lighter(mask, other)
            frame.paste(in_bytes(tint), (0, 0), mask)

    def _fallen(self, curtain: _Curtain, seconds: float, shift: float) -> Image.Image:
        width, height = self._view
        down = -seconds * curtain.fall * height
        across = -(seconds * curtain.wind + curtain.sway * math.sin(seconds * 1.1)) * width
        left, top = int(across + shift) % width, int(down) % height
        return curtain.tile.crop((left, top, left + width, top + height))

    def _fog_at(self, seconds: float, shift: float) -> Image.Image:
        assert self._fog is not None
        width, height = self._view
        room = self._fog.width - width
        way = (seconds * 0.02 * width + shift + 4 * room) % (2 * room)
        left = int(way if way < room else 2 * room - way)
        return self._fog.crop((left, 0, left + width, height))

    def _flash(self, frame: Image.Image, seconds: float) -> None:
        since = (seconds - self._first_flash) % _FLASH_EVERY_S
        if since > _FLASH_S:
            return
        strength = math.exp(-since * 7) * (0.7 + 0.3 * math.cos(since * 60))
        number = int((seconds - self._first_flash) // _FLASH_EVERY_S) % len(self._bolts)
        light = Image.new("RGB", frame.size, (168, 178, 225))
        frame.paste(Image.blend(frame, ImageChops.screen(frame, light), 0.55 * strength))
        if since < 0.24:
            bolt = self._bolts[number]
            frame.paste((240, 244, 255), (0, 0), bolt)


def _curtains(weather: str, rng: np.random.Generator, view: View) -> list[_Curtain]:
    if weather in ("rain", "storm"):
        many = 1.5 if weather == "storm" else 1.0
        wind = -0.32 if weather == "storm" else -0.16
        return [
            _Curtain(_drops(rng, view, int(150 * many), 0.5, 0.6), 1.5, wind * 0.8, 0.0),
            _Curtain(_drops(rng, view, int(110 * many), 1.0, 1.0), 2.3, wind * 1.3, 0.0),
        ]
    if weather == "snow":
        return [
            _Curtain(_flakes(rng, view, 260, 0.45), 0.085, -0.012, 0.004),
            _Curtain(_flakes(rng, view, 150, 0.8), 0.15, -0.022, 0.009),
            _Curtain(_flakes(rng, view, 50, 1.6), 0.26, -0.04, 0.015),
        ]
    return []


def _tiled(image: Image.Image, view: View) -> Image.Image:
    tile = Image.new("L", (view[0] * 2, view[1] * 2))
    for left in (0, view[0]):
        for top in (0, view[1]):
            tile.paste(image, (left, top))
    return tile


def _wrapped(image: Image.Image, view: View, reach: int) -> Image.Image:
    """Return the middle of an image, wrapping its margin around to the opposite edges."""
    whole = image.crop((reach, reach, reach + view[0], reach + view[1]))
    for dx in (-view[0], 0, view[0]):
        for dy in (-view[1], 0, view[1]):
            if dx or dy:
                beside = image.crop(
                    (reach + dx, reach + dy, reach + dx + view[0], reach + dy + view[1])
                )
                whole = ImageChops.lighter(whole, beside)
    return whole


def _drops(
    rng: np.random.Generator, view: View, many: int, near: float, bright: float
) -> Image.Image:
    reach = int(view[1] * 0.14)
    image = Image.new("L", (view[0] + 2 * reach, view[1] + 2 * reach), 0)
    draw = ImageDraw.Draw(image)
    for x, y, long, light in rng.random((many, 4)):
        tall = (0.04 + 0.07 * long) * view[1] * near
        left, top = reach + x * view[0], reach + y * view[1]
        fill = int((50 + 90 * light) * bright)
        draw.line([(left, top), (left - tall * 0.2, top + tall)], fill=fill, width=1)
    soft = image.filter(ImageFilter.GaussianBlur(0.5))
    return _tiled(_wrapped(soft, view, reach), view)


def _flakes(rng: np.random.Generator, view: View, many: int, near: float) -> Image.Image:
    reach = int(view[1] * 0.03)
    image = Image.new("L", (view[0] + 2 * reach, view[1] + 2 * reach), 0)
    draw = ImageDraw.Draw(image)
    for x, y, size, light in rng.random((many, 4)):
        radius = (0.0014 + 0.0032 * size**2) * view[1] * near
        left, top = reach + x * view[0], reach + y * view[1]
        fill = int(110 + 130 * light)
        draw.ellipse([left - radius, top - radius, left + radius, top + radius], fill=fill)
    soft = image.filter(ImageFilter.GaussianBlur(0.5 + 0.5 * near))
    return _tiled(_wrapped(soft, view, reach), view)


def _fog(weather: str, rng: np.random.Generator, view: View) -> Image.Image | None:
    strength = {"fog": 0.78, "rain": 0.25, "snow": 0.22}.get(weather)
    if strength is None:
        return None
    width = int(view[0] * 1.6)
    field = noise(rng, width, view[1], cells=(3.2, 3), octaves=4)
    down = np.linspace(0, 1, view[1], dtype=np.float32)[:, None]
    away = (down - np.float32(0.62)) / np.float32(0.28)
    cover = np.exp(-away * away) * (np.float32(0.4) + np.float32(0.6) * step(field, 0.2, 0.8))
    return Image.fromarray((cover * np.float32(255 * strength)).astype(np.uint8))


def _bolts(rng: np.random.Generator, view: View) -> list[Image.Image]:
    """Return a few forked bolts."""
    bolts = []
    for _ in range(_BOLTS):
        image = Image.new("L", view, 0)
        draw = ImageDraw.Draw(image)
        _fork(draw, rng, (view[0] * float(rng.uniform(0.2, 0.8)), 0.0), view, end=0.55, branches=2)
        glow = image.filter(ImageFilter.GaussianBlur(view[1] / 60))
        glow = glow.point([min(255, value * 2) for value in range(256)])
        bolts.append(ImageChops.lighter(glow, image.filter(ImageFilter.GaussianBlur(0.6))))
    return bolts


def _fork(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    at: tuple[float, float],
    view: View,
    *,
    end: float,
    branches: int,
) -> None:
    x, y = at
    while y < view[1] * end:
        next_x = x + view[0] * float(rng.normal(0, 0.013))
        next_y = y + view[1] * float(rng.uniform(0.015, 0.04))
        thick = max(1, view[1] // 260) if branches else 1
        draw.line([(x, y), (next_x, next_y)], fill=255 if branches else 150, width=thick)
        x, y = next_x, next_y
        if branches and rng.random() < 0.14:
            _fork(draw, rng, (x, y), view, end=min(end, y / view[1] + 0.18), branches=0)
