"""Reliefs: a slab whose sides show pictures, raised where these are light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from PIL import Image, ImageFilter

from ringback.engines.sketch.mesh.sheets import Points, Sheet, Surface, joined, surface_of
from ringback.engines.sketch.mesh.solids import Box
from ringback.engines.sketch.mesh.spec import SIDES
from ringback.engines.sketch.mesh.texture import Atlas

_HEIGHT = 0.32  # of the slab's longer side
_DEPTH = 0.22
_OUT = {
    "front": (0, 0, 1),
    "back": (0, 0, -1),
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "top": (0, 1, 0),
    "bottom": (0, -1, 0),
}


def relief_of(pictures: Mapping[str, Image.Image], atlas: Atlas, *, faces: int) -> Surface:
    """Return the closed surface of a slab with a picture on each side that has one."""
    shown = next(iter(pictures.values()))
    longer = max(shown.size)
    width, height = (max(0.2, 2 * side / longer) for side in shown.size)
    box = Box(centre=(0, height / 2, 0), size=(width, height, _DEPTH * 2))
    made = []
    for side, sheet in zip(SIDES, box.sheets(faces), strict=True):
        picture = pictures.get(side)
        raised = sheet if picture is None else _raised(sheet, picture, _OUT[side])
        surface = surface_of(raised)
        uv = atlas.within_cell(surface.uv, atlas.cell_of("plain" if picture is None else side))
        made.append(replace(surface, uv=uv))
    return joined(made)


def _raised(sheet: Sheet, picture: Image.Image, out: tuple[float, float, float]) -> Sheet:
    """Return the sheet raised by the picture's light and towards its middle; its edges stay."""
    rows, columns, _ = sheet.points.shape
    light = _light(picture, columns, rows)
    edge = _dome(columns)[None, :] * _dome(rows)[:, None]
    high = np.float32(_HEIGHT) * edge * (np.float32(0.3) + np.float32(0.7) * light)
    points = sheet.points + high[..., None] * np.asarray(out, dtype=np.float32)
    return Sheet(points=points.astype(np.float32), uv=sheet.uv)


def _dome(count: int) -> Points:
    """Return 0 at both ends, quickly rising to 1 between them."""
    at = np.linspace(-1, 1, count, dtype=np.float32)
    return np.asarray(1 - at**6, dtype=np.float32)


def _light(picture: Image.Image, columns: int, rows: int) -> Points:
    """Return the picture's luminance from 0 to 1 with its lowest row first."""
    grey = picture.convert("L")
    grey.thumbnail((512, 512))
    smooth = grey.filter(ImageFilter.GaussianBlur(max(grey.size) / 160))
    values = np.asarray(smooth.resize((columns, rows), Image.Resampling.BILINEAR), dtype=np.float32)
    spread = max(1.0, float(values.max() - values.min()))
    return np.asarray((values - values.min())[::-1] / spread, dtype=np.float32)
