"""Scales an untrusted picture down, in a separate process (``python -m`` this module).

It reads the picture from standard input and writes a JPEG to standard output, or nothing.
"""

from __future__ import annotations

import sys
from io import BytesIO

PIXELS_MAX = 50_000_000
_SIDES = (1024, 768, 512, 320)


def shrink(content: bytes, bytes_max: int) -> bytes | None:
    """Return a picture as a JPEG of at most ``bytes_max``; None if that is impossible."""
    from ringback.files.media.content import stripped_bytes
    from ringback.files.media.parsing import parse_picture

    try:
        from ringback.files.media.pictures import as_shown, on_white, open_picture
    except ImportError:
        return None  # the client can be installed without Pillow
    try:
        with open_picture(stripped_bytes(content, parse_picture(content).pieces)) as picture:
            if picture.width * picture.height > PIXELS_MAX:
                return None
            picture.draft("RGB", (_SIDES[0], _SIDES[0]))
            whole = on_white(as_shown(picture))
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
    """Scale down standard input to the number of bytes in the argument."""
    from ringback.files.media.process import confine

    confine()
    made = shrink(sys.stdin.buffer.read(), int(sys.argv[1]))
    sys.stdout.buffer.write(made or b"")


if __name__ == "__main__":
    main()
