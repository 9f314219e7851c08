"""Enhances one image tile by tile: restore, enlarge, sharpen. Runs in its own process."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ringback.engines.sketch.enhance import filters
from ringback.engines.sketch.enhance.enhancement import Enhancement, Treatment
from ringback.engines.sketch.enhance.filters import RIM, Plane
from ringback.engines.sketch.enhance.saving import save
from ringback.engines.sketch.enhance.subject import Subject
from ringback.engines.sketch.enhance.tiles import TILE, Plan, Tile, plan_of, source_of, tiles_of
from ringback.engines.sketch.pictures import Whole, decode_whole
from ringback.engines.sketch.subprocess_task import ProgressReporter
from ringback.errors import EngineError

PIXELS_MAX = 100_000_000
_PREVIEW_SIDE = 640
_LANCZOS_REACH = 3  # source pixels; more when the image shrinks


def enhance(enhancement: Enhancement, reporter: ProgressReporter) -> None:
    """Write the enhanced image to its output path, or raise ``EngineError``."""
    whole = decode_whole(Path(enhancement.picture).read_bytes())
    picture = whole.image
    plan = plan_of(
        picture.size,
        (enhancement.width, enhancement.height),
        factor=enhancement.factor,
        crops=enhancement.crops,
    )
    width, height = plan.size
    if width * height > PIXELS_MAX:
        raise EngineError(
            f"An image of {width:,} x {height:,} pixels is too large; at most "
            f"{PIXELS_MAX // 1_000_000} megapixels are made. Ask for a smaller size or factor."
        )
    reporter.preview(_preview(picture, plan))
    has_alpha = picture.mode == "RGBA" and enhancement.format != "jpg"
    result = Image.new("RGBA" if has_alpha else "RGB", plan.size)
    tiles_work = _Tiles(whole, plan, enhancement)
    tiles = list(tiles_of(plan, rim=RIM, side=TILE))
    for number, tile in enumerate(tiles):
        reporter.progress(0.95 * number / len(tiles))
        part = tiles_work.tile(tile)
        result.paste(part if has_alpha else _flatten(part), tile.inside[:2])
    profile = whole.profile
    del whole, picture, tiles_work  # encoding needs as much memory again
    save(result, Path(enhancement.out), form=enhancement.format, profile=profile)


class _Tiles:
    """Enhances single tiles of one image."""

    def __init__(self, whole: Whole, plan: Plan, enhancement: Enhancement) -> None:
        self._picture, self._is_jpeg = whole.image, whole.is_jpeg
        self._plan, self._enhancement = plan, enhancement
        where = enhancement.treatment.where
        self._subject = None if where == "All" else Subject(whole.image, where)
        self._network = None
        if enhancement.weights is not None and max(plan.scale) > 1:
            from ringback.engines.sketch.enhance.neural import Network

            self._network = Network(Path(enhancement.weights))

    def tile(self, tile: Tile) -> Image.Image:
        """Return one tile of the result, without its rim."""
        source = source_of(self._plan, tile.rimmed)
        size = (tile.rimmed[2] - tile.rimmed[0], tile.rimmed[3] - tile.rimmed[1])
        cut, box = self._cut(source)
        pixels, alpha = _planes(cut)
        plain = _resize(pixels, size, box)
        result = self._treat(pixels, plain, size, box, cut_at=self._cut_at(source), tile=tile)
        share: Plane | np.float32 = np.float32(self._enhancement.treatment.strength)
        if self._subject is not None:
            share = share * self._subject.share(source, size)[..., None]
        plain, result = np.clip(plain, 0, 1), np.clip(result, 0, 1)
        mixed = plain + (result - plain) * share
        image = _image(mixed)
        if alpha is not None:
            image.putalpha(_image(_resize(alpha[..., None], size, box)[..., 0]))
        x, y = tile.inside[0] - tile.rimmed[0], tile.inside[1] - tile.rimmed[1]
        inside = tile.inside[2] - tile.inside[0], tile.inside[3] - tile.inside[1]
        return image.crop((x, y, x + inside[0], y + inside[1]))

    def _treat(
        self,
        pixels: Plane,
        plain: Plane,
        size: tuple[int, int],
        box: tuple[float, float, float, float],
        *,
        cut_at: tuple[int, int],
        tile: Tile,
    ) -> Plane:
        treatment = self._enhancement.treatment
        restored = _restore(pixels, treatment, is_jpeg=self._is_jpeg, at=cut_at)
        if self._network is not None:
            larger, times = self._network.enlarged(restored)
            enlarged = _resize(larger, size, tuple(side * times for side in box))
        else:
            enlarged = plain if restored is pixels else _resize(restored, size, box)
        rng = np.random.default_rng((self._enhancement.seed, *tile.inside[:2]))
        return _finish(enlarged, treatment, rng, scale=max(self._plan.scale))

    def _cut_at(self, source: tuple[float, float, float, float]) -> tuple[int, int]:
        reach = self._reach()
        return max(0, math.floor(source[0]) - reach), max(0, math.floor(source[1]) - reach)

    def _cut(
        self, source: tuple[float, float, float, float]
    ) -> tuple[Image.Image, tuple[float, float, float, float]]:
        """Return the part of the image that a tile needs, and the tile's box in it."""
        reach = self._reach()
        left, top = self._cut_at(source)
        right = min(self._picture.width, math.ceil(source[2]) + reach)
        bottom = min(self._picture.height, math.ceil(source[3]) + reach)
        cut = self._picture.crop((left, top, right, bottom))
        box = (source[0] - left, source[1] - top, source[2] - left, source[3] - top)
        return cut, (
            max(0.0, box[0]),
            max(0.0, box[1]),
            min(float(cut.width), box[2]),
            min(float(cut.height), box[3]),
        )

    def _reach(self) -> int:
        smaller = max(1.0, 1 / min(self._plan.scale))
        return RIM + math.ceil(_LANCZOS_REACH * smaller)


def _restore(pixels: Plane, treatment: Treatment, *, is_jpeg: bool, at: tuple[int, int]) -> Plane:
    if is_jpeg and treatment.deblock > 0:
        pixels = filters.deblock(pixels, treatment.deblock, left=at[0], top=at[1])
    if treatment.denoise > 0:
        pixels = filters.denoise(pixels, treatment.denoise)
    return pixels


def _finish(
    pixels: Plane, treatment: Treatment, rng: np.random.Generator, *, scale: float
) -> Plane:
    light = filters.luma(pixels)
    added = np.zeros_like(light)
    if treatment.detail > 0:
        added += filters.detail(light, treatment.detail)
    if treatment.sharpen > 0:
        added += filters.sharpening(light, treatment.sharpen, scale=scale)
    if treatment.texture > 0:
        added += filters.grain(rng, light, treatment.texture)
    finished = pixels + added[..., None]
    return filters.vivid(finished, treatment.vivid) if treatment.vivid > 0 else finished


def _planes(cut: Image.Image) -> tuple[Plane, Plane | None]:
    values = np.asarray(cut, dtype=np.float32) / np.float32(255)
    if cut.mode != "RGBA":
        return values, None
    return np.ascontiguousarray(values[..., :3]), values[..., 3]


def _resize(pixels: Plane, size: tuple[int, int], box: tuple[float, ...]) -> Plane:
    left, top, right, bottom = box
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(pixels[..., part])).resize(
                size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)
            )
        )
        for part in range(pixels.shape[-1])
    ]
    return np.stack(planes, axis=-1)


def _image(pixels: Plane) -> Image.Image:
    values = np.clip(pixels * np.float32(255) + np.float32(0.5), 0, 255)
    return Image.fromarray(np.ascontiguousarray(values.astype(np.uint8)))


def _flatten(image: Image.Image) -> Image.Image:
    """Return an image on white, for formats without transparency."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, (0, 0), image.getchannel("A"))
    return white


def _preview(picture: Image.Image, plan: Plan) -> bytes:
    scale = min(1.0, _PREVIEW_SIDE / max(plan.size))
    size = max(1, round(plan.size[0] * scale)), max(1, round(plan.size[1] * scale))
    shown = Image.new("RGB", size)
    left, top, right, bottom = (round(side * scale) for side in plan.inner)
    inner = max(1, right - left), max(1, bottom - top)
    small = picture.resize(inner, Image.Resampling.BILINEAR, box=plan.seen, reducing_gap=2.0)
    shown.paste(_flatten(small), (left, top))
    output = BytesIO()
    shown.save(output, "JPEG", quality=82)
    return output.getvalue()
