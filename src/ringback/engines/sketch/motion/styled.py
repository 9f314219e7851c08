"""A clip in trained styles: the colours of its first frame decide for all, so that none flickers.

How rough and grainy a style is stays with stills: from frame to frame it would seethe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from ringback.engines.sketch.style.dress import Table, table_for
from ringback.engines.sketch.style.learned import Learned, share_of


def styled(
    frames: Iterator[Image.Image], styles: Sequence[tuple[Learned, float]]
) -> Iterator[Image.Image]:
    """Yield the frames in the colours of the styles, as strongly as is said."""
    tables: list[tuple[Table, float]] | None = None
    for frame in frames:
        if tables is None:
            tables = _tables_for(frame, styles)
        yield _through(frame, tables)


def _tables_for(
    frame: Image.Image, styles: Sequence[tuple[Learned, float]]
) -> list[tuple[Table, float]]:
    tables: list[tuple[Table, float]] = []
    for style, strength in styles:
        pixels = np.asarray(_through(frame, tables), np.float32) / np.float32(255)
        tables.append((table_for(pixels, style), share_of(strength)))
    return tables


def _through(frame: Image.Image, tables: Sequence[tuple[Table, float]]) -> Image.Image:
    for table, share in tables:
        # A negative share goes on the other way, and is cut off at black and white.
        frame = Image.blend(frame, frame.filter(table), share)
    return frame
