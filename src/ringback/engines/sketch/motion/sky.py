"""The sky of a clip: still, or changing between two times of day with the sun's path."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from ringback.engines.sketch.canvas import Canvas, blank
from ringback.engines.sketch.layers import beyond, sky
from ringback.engines.sketch.layers.weather import roll_off
from ringback.engines.sketch.motion.camera import Pose
from ringback.engines.sketch.motion.plates import Plate, cut, full_plate, show
from ringback.engines.sketch.motion.strata import Layer
from ringback.engines.sketch.palette import Palette, between, in_bytes, mix

_CLOUD_DRIFT = 0.016  # of the width per second
_WINDY = {"storm": 3.0, "rain": 1.6, "snow": 1.3, "fog": 0.6}
_SMALL = 4  # a changing sky is painted at a quarter of the size: it has no fine detail
_FINE = 4
_ALTITUDE = {"night": -0.42, "dawn": 0.05, "day": 0.31, "sunset": 0.05, "dusk": -0.10}
_STARS = 90


class StillSky:
    """The sky of one time of day, drawn once."""

    def __init__(self, canvas: Canvas) -> None:
        back = replace(canvas, pixels=blank(canvas.width, canvas.height))
        layers: tuple[Layer, ...] = (sky.gradient, sky.stars, sky.sun_or_moon)
        if canvas.scene.kind == "space":
            layers = (beyond.nebula, sky.stars)
        if canvas.scene.kind == "portrait":
            layers = (sky.gradient, beyond.portrait)
        for layer in layers:
            layer(back)
        self._plate = full_plate(back.pixels, canvas.rng, depth=0.0)
        self._twinkling = _Stars(canvas) if _has_stars(canvas) else None

    def show(self, frame: Image.Image, pose: Pose, *, seconds: float, share: float) -> None:
        """Draw the sky."""
        show(frame, self._plate, pose, rows_end=frame.height)
        if self._twinkling is not None:
            self._twinkling.show(frame, self._plate.size, pose, seconds=seconds, strength=1.0)

    def sun_at(self, share: float) -> None:
        """Return None: the sun stays where the canvas has it."""


class PassingSky:
    """A sky between two times of day, painted in small for every frame."""

    def __init__(self, canvas: Canvas, then: Canvas) -> None:
        self._canvas, self._then = canvas, then
        self._stars = _Stars(canvas)
        self._size = (canvas.width, canvas.height)
        night = "night" in (canvas.scene.time, then.scene.time)
        moonless = canvas.scene.weather in ("rain", "storm", "fog")
        self._moon = (1 - canvas.sun[0], 0.2) if night and not moonless else None

    def palette(self, share: float) -> Palette:
        """Return the palette at that fraction of the clip."""
        return between(self._canvas.palette, self._then.palette, share)

    def sun_at(self, share: float) -> tuple[float, float]:
        """Return the sun's position then, as fractions of the canvas."""
        start = _ALTITUDE[self._canvas.scene.time]
        end = _ALTITUDE[self._then.scene.time]
        altitude = start + (end - start) * share
        x = self._canvas.sun[0]
        setting = 1 if end < start else -1
        return (x + setting * 0.06 * (share - 0.5), self._canvas.horizon - altitude)

    def show(self, frame: Image.Image, pose: Pose, *, seconds: float, share: float) -> None:
        """Draw the sky of that moment."""
        palette, sun = self.palette(share), self.sun_at(share)
        altitude = self._canvas.horizon - sun[1]
        # The sky is warmer around a low sun: the transition passes through dusk.
        warm = math.exp(-(((altitude - 0.02) / 0.11) ** 2))
        dark = self.darkness(share)
        small = self._painted(palette, sun, warm=warm, dark=dark)
        left, top, right, bottom = pose.box(self._size, frame.size, depth=0.0)
        box = (left / _SMALL, top / _SMALL, right / _SMALL, bottom / _SMALL)
        box = (box[0], box[1], min(box[2], small.width), min(box[3], small.height))
        frame.paste(small.resize(frame.size, Image.Resampling.BICUBIC, box=box))
        if dark > 0.5 and self._canvas.scene.weather in ("clear", "snow"):
            strength = (dark - 0.5) * 2
            self._stars.show(frame, self._size, pose, seconds=seconds, strength=strength)
        if self._moon is not None and dark > 0.45:
            light = min(1.0, (dark - 0.45) * 3)
            _disc(frame, self._size, pose, self._moon, 0.034, (236, 240, 255), light, bite=True)
        if altitude > -0.06 and self._canvas.scene.weather not in ("rain", "storm"):
            colour = mix(palette.sun, np.ones(3, dtype=np.float32), 0.35 * (1 - warm))
            tone = in_bytes(np.asarray(colour * np.float32(1.5), dtype=np.float32))
            _disc(frame, self._size, pose, sun, 0.045, tone, 0.97, bite=False)

    def darkness(self, share: float) -> float:
        """Return the darkness then, from 0 to 1."""
        start = _ALTITUDE[self._canvas.scene.time]
        altitude = start + (_ALTITUDE[self._then.scene.time] - start) * share
        return min(1.0, max(0.0, 0.5 - altitude * 2.2))

    def _painted(
        self, palette: Palette, sun: tuple[float, float], *, warm: float, dark: float
    ) -> Image.Image:
        width, height = self._size[0] // _SMALL, self._size[1] // _SMALL
        glowing = replace(
            palette,
            horizon=mix(palette.horizon, np.array((1.0, 0.55, 0.26), np.float32), 0.45 * warm),
            middle=mix(palette.middle, np.array((0.78, 0.36, 0.40), np.float32), 0.28 * warm),
        )
        canvas = replace(self._canvas, palette=glowing, pixels=blank(width, height), sun=sun)
        sky.gradient(canvas)
        across = (canvas.across - np.float32(sun[0])) * np.float32(width / height)
        down = canvas.down - np.float32(sun[1])
        near = np.exp(-across * across / np.float32(0.05)) * np.exp(-down * down / np.float32(0.05))
        wide = np.exp(-down * down / np.float32(0.02)) * np.exp(-across * across / np.float32(0.7))
        light = 1 - dark
        canvas.shine(glowing.sun, np.float32(0.5 * light) * near)
        canvas.shine(glowing.horizon, np.float32(0.25 * warm) * wide)
        roll_off(canvas.pixels)
        pixels = np.clip(canvas.pixels * np.float32(255) + np.float32(0.5), 0, 255)
        return Image.fromarray(np.ascontiguousarray(pixels.astype(np.uint8)))


class _Stars:
    """The brightest stars; they twinkle."""

    def __init__(self, canvas: Canvas) -> None:
        rng = canvas.rng
        bound = 1.0 if canvas.scene.kind == "space" else canvas.horizon
        self._at = np.stack(
            [rng.random(_STARS) * canvas.width, rng.random(_STARS) ** 1.2 * canvas.height * bound],
            axis=1,
        )
        self._phase = rng.random(_STARS) * 2 * np.pi
        self._speed = rng.uniform(1.2, 4.5, _STARS)
        self._bright = rng.uniform(0.35, 1.0, _STARS)

    def show(
        self,
        frame: Image.Image,
        size: tuple[int, int],
        pose: Pose,
        *,
        seconds: float,
        strength: float,
    ) -> None:
        left, top, right, _ = pose.box(size, frame.size, depth=0.0)
        scale = frame.width / (right - left)
        positions = ((self._at - (left, top)) * scale).astype(int)
        wave = np.sin(seconds * self._speed + self._phase)
        light = self._bright * (0.55 + 0.45 * wave) * strength
        for (x, y), bright in zip(positions.tolist(), light.tolist(), strict=True):
            if 1 <= x < frame.width - 1 and 1 <= y < frame.height - 1:
                _brighten(frame, x, y, bright)


def _brighten(frame: Image.Image, x: int, y: int, bright: float) -> None:
    for dx, dy, part in ((0, 0, 1.0), (1, 0, 0.4), (-1, 0, 0.4), (0, 1, 0.4), (0, -1, 0.4)):
        was = frame.getpixel((x + dx, y + dy))
        if isinstance(was, tuple):
            red, green, blue = (min(255, int(one + 235 * bright * part)) for one in was[:3])
            frame.putpixel((x + dx, y + dy), (red, green, blue))


def clouds_of(canvas: Canvas, *, seconds: float) -> tuple[Plate, float] | None:
    """Return a plate of clouds wide enough to drift that long, and its pixels per second."""
    if canvas.scene.kind in ("space", "portrait"):
        return None
    speed = _CLOUD_DRIFT * _WINDY.get(canvas.scene.weather, 1.0) * canvas.width
    wider = int(speed * (seconds + 2)) + 2
    broad = replace(canvas, pixels=blank(canvas.width + wider, canvas.height))
    plate = cut(broad, (sky.clouds,), depth=0.04)
    if plate is None:
        return None
    return replace(plate, size=(canvas.width, canvas.height)), speed


def _has_stars(canvas: Canvas) -> bool:
    scene = canvas.scene
    if scene.kind == "portrait" or scene.weather in ("rain", "storm", "cloudy", "fog"):
        return False
    return scene.kind == "space" or scene.time == "night"


def _disc(
    frame: Image.Image,
    size: tuple[int, int],
    pose: Pose,
    at: tuple[float, float],
    radius: float,
    colour: tuple[int, int, int],
    light: float,
    *,
    bite: bool,
) -> None:
    """Draw the sun or moon with a smooth edge."""
    left, top, right, _ = pose.box(size, frame.size, depth=0.0)
    scale = frame.width / (right - left)
    x, y = (at[0] * size[0] - left) * scale, (at[1] * size[1] - top) * scale
    reach = radius * size[1] * scale
    side = int(reach * 2) + 6
    corner = (int(x - side / 2), int(y - side / 2))
    mask = Image.new("L", (side * _FINE, side * _FINE), 0)
    draw = ImageDraw.Draw(mask)
    middle = ((x - corner[0]) * _FINE, (y - corner[1]) * _FINE)
    for centre, fill in ((middle, int(255 * light)), ((middle[0] + reach * 1.9, middle[1]), 0)):
        if fill or bite:
            draw.ellipse(
                [
                    centre[0] - reach * _FINE,
                    centre[1] - reach * _FINE,
                    centre[0] + reach * _FINE,
                    centre[1] + reach * _FINE,
                ],
                fill=fill,
            )
    frame.paste(colour, corner, mask.reduce(_FINE))


def sky_of(canvas: Canvas, then: Canvas | None) -> StillSky | PassingSky:
    """Return the sky of a clip."""
    if then is None or canvas.scene.kind in ("space", "portrait"):
        return StillSky(canvas)
    return PassingSky(canvas, then)
