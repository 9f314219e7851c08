"""Encodes pictures as sixels: six rows at a time, one colour after the other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

_HEIGHT = 6
_FIRST = 63  # the character of a column without a pixel


class Indexed(NamedTuple):
    """A picture of at most 256 colours: an index per pixel, row by row, and their RGB."""

    width: int
    height: int
    pixels: bytes
    palette: Sequence[tuple[int, int, int]]


def sixel(picture: Indexed) -> str:
    """Return a picture as one device control string; unset pixels keep the background."""
    colours = "".join(
        f"#{number};2;{';'.join(str(round(part * 100 / 255)) for part in colour)}"
        for number, colour in enumerate(picture.palette)
    )
    bands = "-".join("$".join(_band(picture, top)) for top in range(0, picture.height, _HEIGHT))
    return f'\x1bP0;1q"1;1;{picture.width};{picture.height}{colours}{bands}\x1b\\\n'


def _band(picture: Indexed, top: int) -> Iterator[str]:
    """Yield each colour of six rows, as a row of sixels."""
    masks: dict[int, bytearray] = {}
    for bit in range(min(_HEIGHT, picture.height - top)):
        start = (top + bit) * picture.width
        for x, colour in enumerate(picture.pixels[start : start + picture.width]):
            if colour not in masks:
                masks[colour] = bytearray(picture.width)
            masks[colour][x] |= 1 << bit
    for colour, columns in sorted(masks.items()):
        yield f"#{colour}{_run_lengths(columns)}"


def _run_lengths(columns: bytearray) -> str:
    runs = [(mask, sum(1 for _ in run)) for mask, run in groupby(columns)]
    if runs[-1][0] == 0:
        runs.pop()
    return "".join(
        f"!{length}{chr(_FIRST + mask)}" if length > 3 else chr(_FIRST + mask) * length
        for mask, length in runs
    )
