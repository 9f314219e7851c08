"""The one thing of EXIF that is kept: which way up a picture is."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_ENTRIES_MAX = 1_000


def upright_tiff(tiff: bytes) -> bytes | None:
    """Return EXIF that says the orientation alone; None where that is upright or not said."""
    orientation = _orientation(tiff)
    if orientation is None:
        return None
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)


def _orientation(tiff: bytes) -> int | None:
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for place in range(min(count, _ENTRIES_MAX)):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * place)
            if tag == _ORIENTATION:
                return value if kind == 3 and 2 <= value <= 8 else None
    except struct.error:
        pass  # EXIF that is broken says nothing
    return None
