"""The colours of materials, in the palette of the prompt."""

from __future__ import annotations

from ringback.engines.sketch.palette import Colour, Palette, mix, rgb
from ringback.engines.sketch.reading import Scene


def named_colour(scene: Scene, colour: Colour) -> Colour:
    """Return the first colour that the prompt names, or this one."""
    return mix(colour, rgb(*scene.colours[0]), 0.75) if scene.colours else colour


def bark_colour(palette: Palette) -> Colour:
    """Return the colour of bark and wood."""
    return mix(rgb(0.36, 0.26, 0.18), palette.shade, 0.3)


def stone_colour(palette: Palette) -> Colour:
    """Return the colour of stone."""
    return mix(rgb(0.55, 0.55, 0.57), palette.horizon, 0.3)


def glass_colour(palette: Palette) -> Colour:
    """Return the colour of windows, which are lit when it is dark."""
    return palette.sun if palette.is_dark else mix(palette.zenith, rgb(0.7, 0.8, 0.9), 0.4)
