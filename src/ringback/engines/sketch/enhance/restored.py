"""Enhancing one picture, tile by tile: restored, enlarged, sharpened. In a process of its own."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ringback.engines.sketch.enhance import filters
from ringback.engines.sketch.enhance.described import Enhancement, Treatment
from ringback.engines.sketch.enhance.filters import RIM, Plane
from ringback.engines.sketch.enhance.saved import save
from ringback.engines.sketch.enhance.subject import Subject
from ringback.engines.sketch.enhance.tiles import TILE, Plan, Tile, plan_of, source_of, tiles_of
from ringback.engines.sketch.errand import Tell
from ringback.engines.sketch.pictures import Whole, decode_whole
from ringback.errors import EngineError

PIXELS_MAX = 100_000_000
_PREVIEW_SIDE = 640
_LANCZOS_REACH = 3  # source pixels; when the picture becomes smaller, so many more


def enhance(asked: Enhancement, tell: Tell) -> None:
    """Write the enhanced picture where it says, or raise ``EngineError``."""
    whole = decode_whole(Path(asked.picture).read_bytes())
    picture = whole.image
    plan = plan_of(
        picture.size, (asked.width, asked.height), factor=asked.factor, crops=asked.crops
    )
    width, height = plan.size
    if width * height > PIXELS_MAX:
        raise EngineError(
            f"A picture of {width:,} x {height:,} pixels is too large; at most "
            f"{PIXELS_MAX // 1_000_000} megapixels are made. Ask for a smaller size or factor."
        )
    tell.preview(_preview(picture, plan))
    has_alpha = picture.mode == "RGBA" and asked.format != "jpg"
    result = Image.new("RGBA" if has_alpha else "RGB", plan.size)
    work = _Work(whole, plan, asked)
    tiles = list(tiles_of(plan, rim=RIM, side=TILE))
    for number, tile in enumerate(tiles):
        tell.progress(0.95 * number / len(tiles))
        part = work.tile(tile)
        result.paste(part if has_alpha else _flat(part), tile.inside[:2])
    profile = whole.profile
    del whole, picture, work  # encoding takes as much again
    save(result, Path(asked.out), form=asked.format, profile=profile)


class _Work:
    """What every tile needs."""

    def __init__(self, whole: Whole, plan: Plan, asked: Enhancement) -> None:
        self._picture, self._is_jpeg = whole.image, whole.is_jpeg
        self._plan, self._asked = plan, asked
        where = asked.treatment.where
        self._subject = None if where == "All" else Subject(whole.image, where)
        self._network = None
        if asked.weights is not None and max(plan.scale) > 1:
            from ringback.engines.sketch.enhance.neural import Network

            self._network = Network(Path(asked.weights))

    def tile(self, tile: Tile) -> Image.Image:
        """Return one tile of the result, without its rim."""
        source = source_of(self._plan, tile.rimmed)
        size = (tile.rimmed[2] - tile.rimmed[0], tile.rimmed[3] - tile.rimmed[1])
        cut, box = self._cut(source)
        pixels, alpha = _planes(cut)
        plain = _resized(pixels, size, box)
        treated = self._treated(pixels, plain, size, box, cut_at=self._cut_at(source), tile=tile)
        share: Plane | np.float32 = np.float32(self._asked.treatment.strength)
        if self._subject is not None:
            share = share * self._subject.share(source, size)[..., None]
        plain, treated = np.clip(plain, 0, 1), np.clip(treated, 0, 1)
        mixed = plain + (treated - plain) * share
        image = _image(mixed)
        if alpha is not None:
            image.putalpha(_image(_resized(alpha[..., None], size, box)[..., 0]))
        x, y = tile.inside[0] - tile.rimmed[0], tile.inside[1] - tile.rimmed[1]
        inside = tile.inside[2] - tile.inside[0], tile.inside[3] - tile.inside[1]
        return image.crop((x, y, x + inside[0], y + inside[1]))

    def _treated(
        self,
        pixels: Plane,
        plain: Plane,
        size: tuple[int, int],
        box: tuple[float, float, float, float],
        *,
        cut_at: tuple[int, int],
        tile: Tile,
    ) -> Plane:
        treatment = self._asked.treatment
        restored = _restored(pixels, treatment, is_jpeg=self._is_jpeg, at=cut_at)
        if self._network is not None:
            larger, times = self._network.enlarged(restored)
            enlarged = _resized(larger, size, tuple(side * times for side in box))
        else:
            enlarged = plain if restored is pixels else _resized(restored, size, box)
        rng = np.random.default_rng((self._asked.seed, *tile.inside[:2]))
        return _finished(enlarged, treatment, rng, scale=max(self._plan.scale))

    def _cut_at(self, source: tuple[float, float, float, float]) -> tuple[int, int]:
        reach = self._reach()
        return max(0, math.floor(source[0]) - reach), max(0, math.floor(source[1]) - reach)

    def _cut(
        self, source: tuple[float, float, float, float]
    ) -> tuple[Image.Image, tuple[float, float, float, float]]:
        """Return the part of the picture that a tile needs, and where in it the tile lies."""
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


def _restored(pixels: Plane, treatment: Treatment, *, is_jpeg: bool, at: tuple[int, int]) -> Plane:
    if is_jpeg and treatment.deblock > 0:
        pixels = filters.deblocked(pixels, treatment.deblock, left=at[0], top=at[1])
    if treatment.denoise > 0:
        pixels = filters.denoised(pixels, treatment.denoise)
    return pixels


def _finished(
    pixels: Plane, treatment: Treatment, rng: np.random.Generator, *, scale: float
) -> Plane:
    light = filters.luma(pixels)
    added = np.zeros_like(light)
    if treatment.detail > 0:
        added += filters.detailed(light, treatment.detail)
    if treatment.sharpen > 0:
        added += filters.sharpened(light, treatment.sharpen, scale=scale)
    if treatment.texture > 0:
        added += filters.grain(rng, light, treatment.texture)
    finished = pixels + added[..., None]
    return filters.vivid(finished, treatment.vivid) if treatment.vivid > 0 else finished


def _planes(cut: Image.Image) -> tuple[Plane, Plane | None]:
    values = np.asarray(cut, dtype=np.float32) / np.float32(255)
    if cut.mode != "RGBA":
        return values, None
    return np.ascontiguousarray(values[..., :3]), values[..., 3]


def _resized(pixels: Plane, size: tuple[int, int], box: tuple[float, ...]) -> Plane:
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


def _flat(image: Image.Image) -> Image.Image:
    """Return a picture as it looks on white, for formats that let nothing shine through."""
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
    shown.paste(_flat(small), (left, top))
    output = BytesIO()
    shown.save(output, "JPEG", quality=82)
    return output.getvalue()
