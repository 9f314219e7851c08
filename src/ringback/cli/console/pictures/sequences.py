"""Encodes pictures as escape sequences of kitty and iTerm2. Pure."""

from __future__ import annotations

from base64 import b64encode

PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK = 4096  # kitty's limit
_PIXELS_PER_COLUMN = 9
_COLUMNS_MAX = 60


def columns_for(png: bytes, *, columns: int) -> int:
    """Return the columns for a PNG: about its own size, and less than the whole screen."""
    width = int.from_bytes(png[16:20]) if png.startswith(PNG) and png[12:16] == b"IHDR" else 0
    natural = -(-width // _PIXELS_PER_COLUMN) or _COLUMNS_MAX
    return max(1, min(natural, _COLUMNS_MAX, columns - 1))


def kitty(png: bytes, *, columns: int) -> str:
    """Return a PNG in kitty's graphics protocol: in chunks, and without an answer (q=2)."""
    encoded = b64encode(png).decode("ascii")
    chunks = [encoded[at : at + _CHUNK] for at in range(0, len(encoded), _CHUNK)]
    first = f"a=T,f=100,q=2,c={columns_for(png, columns=columns)},"
    return (
        "".join(
            f"\x1b_G{first if number == 0 else ''}m={int(number < len(chunks) - 1)};{chunk}\x1b\\"
            for number, chunk in enumerate(chunks)
        )
        + "\n"
    )


def iterm2(picture: bytes, *, columns: int) -> str:
    """Return a picture of any usual kind in iTerm2's protocol, OSC 1337."""
    shown = columns_for(picture, columns=columns)
    about = f"inline=1;size={len(picture)};width={shown};preserveAspectRatio=1"
    return f"\x1b]1337;File={about}:{b64encode(picture).decode('ascii')}\x07\n"
