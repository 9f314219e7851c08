"""A high dynamic range: a table from BT.709 to BT.2020 with brighter highlights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringback.engines.sketch.enhance_video.encodings import Hdr
from ringback.engines.sketch.enhance_video.filtering import Filter

_SIDE = 33
_GAMMA = 2.4  # of the displays for which films are graded, BT.1886
_WHITE_NITS = 203.0  # of white in a film of high dynamic range, BT.2408
_PQ_NITS, _HLG_NITS = 10_000.0, 1_000.0
_HLG_GAMMA = 1.2

Values = NDArray[np.float64]

# From BT.2087: the primaries of BT.709 in those of BT.2020.
_TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)


def grading(hdr: Hdr, table: Path) -> list[Filter]:
    """Write the table to a file and return the filters that grade frames by it."""
    table.write_text(_cube(hdr), encoding="ascii")
    return [
        ("scale", {"in_color_matrix": "bt709", "in_range": "tv", "out_range": "pc"}),
        ("format", {"pix_fmts": "gbrp12le"}),
        ("lut3d", {"file": str(table), "interp": "tetrahedral"}),
        ("scale", {"out_color_matrix": "bt2020", "in_range": "pc", "out_range": "tv"}),
    ]


def graded(colours: Values, hdr: Hdr) -> Values:
    """Return colours of BT.709, from 0 to 1, as the signal of a high dynamic range."""
    linear = np.clip(colours, 0, 1) ** _GAMMA
    # White becomes twice as bright and the middle stays, without a change of hue.
    brightest = linear.max(axis=-1, keepdims=True)
    nits = linear * _WHITE_NITS * (1 + brightest**4)
    wide = np.clip(nits @ _TO_BT2020.T, 0, None)
    return _pq(wide / _PQ_NITS) if hdr == "pq" else _hlg(wide / _HLG_NITS)


def _pq(light: Values) -> Values:
    """Return the signal of SMPTE ST 2084."""
    powered = light**0.1593017578125
    signal: Values = ((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375
    return signal


def _hlg(light: Values) -> Values:
    """Return the signal of BT.2100's hybrid log-gamma for a display of 1,000 nits."""
    luminance = light @ np.array([0.2627, 0.6780, 0.0593])
    scene = light * np.maximum(luminance, 1e-6)[..., None] ** (1 / _HLG_GAMMA - 1)
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-6)) + 0.55991073
    signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    return np.asarray(np.clip(signal, 0, 1), dtype=np.float64)


def _cube(hdr: Hdr) -> str:
    """Return the table in the format of .cube files, in which red changes fastest."""
    steps = np.linspace(0, 1, _SIDE)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    lines = (f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in graded(colours, hdr))
    return f"LUT_3D_SIZE {_SIDE}\n" + "\n".join(lines) + "\n"
