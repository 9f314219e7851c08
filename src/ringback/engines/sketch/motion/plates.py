"""Plates: separate layers that move independently, drawn once and shown in every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from ringback.engines.sketch.canvas import Canvas, Field, blank
from ringback.engines.sketch.layers.weather import roll_off
from ringback.engines.sketch.motion.camera import MARGIN_X, MARGIN_Y, Pose
from ringback.engines.sketch.palette import Colour

View = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatteCanvas(Canvas):
    """A canvas that records the coverage of each pixel."""

    cover: Field

    def paint(self, colour: Colour | Field, cover: Field, top: int = 0) -> None:
        """Paint a colour over the rows from ``top`` on, and record the coverage."""
        Canvas.paint(self, colour, cover, top)
        part = self.cover[top : top + cover.shape[0]]
        part += (1 - part) * cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """One layer: its colours and its coverage, for the rows from ``top`` on."""

    colours: Image.Image
    mask: Image.Image | None  # None: it is opaque
    size: tuple[int, int]  # of the whole canvas
    top: int
    solid_from: int  # the first row from which it is opaque
    depth: float


def canvas_size(view: View) -> tuple[int, int]:
    """Return the size of a view's canvas, which has a margin for the camera."""
    return round(view[0] * (1 + 2 * MARGIN_X)), round(view[1] * (1 + 2 * MARGIN_Y))


def matte_of(canvas: Canvas) -> MatteCanvas:
    """Return an empty canvas with the same scene, palette and generator, for one layer."""
    return MatteCanvas(
        scene=canvas.scene,
        palette=canvas.palette,
        rng=canvas.rng,
        pixels=blank(canvas.width, canvas.height),
        horizon=canvas.horizon,
        sun=canvas.sun,
        cover=np.zeros((canvas.height, canvas.width), dtype=np.float32),
    )


def cut(
    canvas: Canvas, layers: Sequence[Callable[[Canvas], None]], *, depth: float
) -> Plate | None:
    """Draw the layers on a separate plate; return None if it stays empty."""
    matte = matte_of(canvas)
    for layer in layers:
        layer(matte)
    rows = np.flatnonzero(matte.cover.max(axis=1) > np.float32(0.01))
    if not rows.size:
        return None
    first, end = int(rows[0]), int(rows[-1]) + 1
    cover = np.clip(matte.cover[first:end], 0, 1)
    open_rows = np.flatnonzero(cover.min(axis=1) < np.float32(0.995))
    mask = Image.fromarray((cover * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    return Plate(
        colours=_spread(matte.pixels[first:end], cover),
        mask=mask,
        size=(canvas.width, canvas.height),
        top=first,
        solid_from=first + (int(open_rows[-1]) + 1 if open_rows.size else 0),
        depth=depth,
    )


def full_plate(pixels: Field, rng: np.random.Generator, *, depth: float) -> Plate:
    """Return an opaque plate, dithered so that gradients show no steps."""
    roll_off(pixels)
    height, width = pixels.shape[:2]
    return Plate(
        colours=_image(pixels, rng.random((height, width, 1), dtype=np.float32)),
        mask=None,
        size=(width, height),
        top=0,
        solid_from=0,
        depth=depth,
    )


def show(frame: Image.Image, plate: Plate, pose: Pose, *, rows_end: int, shift: float = 0) -> None:
    """Draw the visible part of a plate over a frame, down to ``rows_end``."""
    view = frame.size
    left, top, right, bottom = pose.box(plate.size, view, depth=plate.depth)
    scale = view[1] / (bottom - top)
    first = max(0, int((plate.top - top) * scale))
    end = min(rows_end, view[1], int(np.ceil((plate.top + plate.colours.height - top) * scale)))
    if end <= first:
        return
    span = (
        min(max(0.0, left + shift), plate.colours.width - (right - left)),
        top + first / scale - plate.top,
        0.0,
        top + end / scale - plate.top,
    )
    box = (
        span[0],
        max(0.0, span[1]),
        span[0] + right - left,
        min(float(plate.colours.height), span[3]),
    )
    if box[3] - box[1] < 1:
        return
    target = (view[0], end - first)
    seen = plate.colours.resize(target, Image.Resampling.BILINEAR, box=box)
    if plate.mask is None:
        frame.paste(seen, (0, first))
        return
    frame.paste(seen, (0, first), plate.mask.resize(target, Image.Resampling.BILINEAR, box=box))


def solid_row(plate: Plate, pose: Pose, view: View) -> int:
    """Return the row of the view from which this plate hides everything behind it."""
    _, top, _, bottom = pose.box(plate.size, view, depth=plate.depth)
    if plate.solid_from >= plate.top + plate.colours.height:
        return view[1]
    row = (plate.solid_from - top) * view[1] / (bottom - top)
    return max(0, min(view[1], int(np.ceil(row)) + 1))


def blend(one: Plate, other: Plate, share: float) -> Plate:
    """Return a plate with colours between those of two plates of the same shapes."""
    if one.colours.size != other.colours.size:
        return other if share > 0.5 else one
    return replace(one, colours=Image.blend(one.colours, other.colours, share))


def _spread(pixels: Field, cover: Field) -> Image.Image:
    """Return the colours spread into uncovered pixels, so that edges have no fringe."""
    colours = blank(pixels.shape[1], pixels.shape[0])
    np.divide(pixels, np.maximum(cover, np.float32(1 / 64))[..., None], out=colours)
    roll_off(colours)
    image = _image(colours, None)
    # Where the coverage is small the colour is uncertain, and its surroundings' is used.
    premultiplied = _image(pixels, None)
    small = (max(1, image.width // 8), max(1, image.height // 8))
    light = np.asarray(premultiplied.resize(small, Image.Resampling.BOX), dtype=np.float32)
    thick = np.asarray(
        Image.fromarray((cover * 255).astype(np.uint8)).resize(small, Image.Resampling.BOX),
        dtype=np.float32,
    )
    mean = light.reshape(-1, 3).sum(axis=0) / max(float(thick.sum()), 1.0)
    around = np.where(
        thick[..., None] > 2, light / np.maximum(thick, 1)[..., None], mean[None, None, :]
    )
    around_image = Image.fromarray(np.clip(around * 255, 0, 255).astype(np.uint8))
    around_image = around_image.resize(image.size, Image.Resampling.BILINEAR)
    sure = Image.fromarray((np.clip(cover * 8, 0, 1) * 255).astype(np.uint8))
    return Image.composite(image, around_image, sure.filter(ImageFilter.MinFilter(3)))


def _image(pixels: Field, dither: Field | None) -> Image.Image:
    values = np.clip(pixels, 0, 1) * np.float32(255)
    values += np.float32(0.5) if dither is None else dither
    return Image.fromarray(np.ascontiguousarray(np.clip(values, 0, 255).astype(np.uint8)))
