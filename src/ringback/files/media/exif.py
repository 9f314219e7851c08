"""EXIF: only the orientation is read and kept, so nothing else in it can do harm."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_ENTRIES_MAX = 1_000
_INTEGERS = {1: "B", 3: "H", 4: "I"}  # the types of an integer: byte, short, long
_HEADER = b"Exif\x00\x00"


def orientation_of(exif: bytes | None) -> int:
    """Return the orientation in EXIF, from 1 to 8; 1 where it is missing, wrong or unreadable."""
    return _orientation((exif or b"").removeprefix(_HEADER)) or 1


def upright_tiff(tiff: bytes) -> bytes | None:
    """Return EXIF with only the orientation, or None where that is upright or missing."""
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
        for index in range(min(count, _ENTRIES_MAX)):
            at = first + 2 + 12 * index
            tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
            if tag == _ORIENTATION:
                if kind not in _INTEGERS:
                    return None
                (value,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", tiff, at + 8)
                return value if 2 <= value <= 8 else None
    except struct.error:
        pass  # broken EXIF counts as none
    return None
