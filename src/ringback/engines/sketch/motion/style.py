"""Applies trained styles to a clip: one table from its first frame, so that nothing flickers.

The texture and grain of a style are only for still images, because they would flicker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from ringback.engines.sketch.style.features import StyleFeatures, share_of
from ringback.engines.sketch.style.transfer import Table, table_for


def apply_styles(
    frames: Iterator[Image.Image], styles: Sequence[tuple[StyleFeatures, float]]
) -> Iterator[Image.Image]:
    """Yield the frames in the colours of the styles, with their strengths."""
    tables: list[tuple[Table, float]] | None = None
    for frame in frames:
        if tables is None:
            tables = _tables_for(frame, styles)
        yield _through(frame, tables)


def _tables_for(
    frame: Image.Image, styles: Sequence[tuple[StyleFeatures, float]]
) -> list[tuple[Table, float]]:
    tables: list[tuple[Table, float]] = []
    for style, strength in styles:
        pixels = np.asarray(_through(frame, tables), np.float32) / np.float32(255)
        tables.append((table_for(pixels, style), share_of(strength)))
    return tables


def _through(frame: Image.Image, tables: Sequence[tuple[Table, float]]) -> Image.Image:
    for table, share in tables:
        # A negative share extrapolates, and is clipped at black and white.
        frame = Image.blend(frame, frame.filter(table), share)
    return frame
