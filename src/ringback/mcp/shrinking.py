"""A stranger's picture made small: what runs in a process of its own, ``python -m`` this module.

It reads the picture from standard input and writes a JPEG to standard output, or nothing.
"""

from __future__ import annotations

import sys
from io import BytesIO

PIXELS_MAX = 50_000_000
_SIDES = (1024, 768, 512, 320)


def shrink(content: bytes, bytes_max: int) -> bytes | None:
    """Return a picture as a JPEG of so many bytes at most; None for one that cannot be."""
    from ringback.media.process import limit_memory

    limit_memory()
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None  # a client alone has no Pillow
    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > PIXELS_MAX:
                return None
            picture.draft("RGB", (_SIDES[0], _SIDES[0]))
            whole = ImageOps.exif_transpose(picture).convert("RGB")
        for side in _SIDES:
            whole.thumbnail((side, side))
            output = BytesIO()
            whole.save(output, "JPEG", quality=85)
            if output.tell() <= bytes_max:
                return output.getvalue()
    except Exception:  # noqa: BLE001 - a hostile file can raise anything at all from a decoder
        return None
    return None


def main() -> None:
    """Scale down what comes in to as many bytes as the argument says."""
    made = shrink(sys.stdin.buffer.read(), int(sys.argv[1]))
    sys.stdout.buffer.write(made or b"")


if __name__ == "__main__":
    main()
