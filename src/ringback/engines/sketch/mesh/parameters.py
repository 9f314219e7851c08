"""Reads the parameters of the 3d models, under each model's names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.engines.sketch.mesh.spec import SIDES
from ringback.engines.sketch.parameters import is_number

_COUNTS = ("face_count", "face_limit", "target_polycount", "decimation_target")
_FACES = 20_000
_FACES_AT = {"512": 50_000, "1024": 100_000, "1536": 200_000}  # by resolution
_FACES_MIN, _FACES_MAX = 100, 2_000_000
_TEXTURE_SIDE = 1024
_TEXTURE_SIDE_MIN, _TEXTURE_SIDE_MAX = 64, 4096
_CORNERS = {"left_front": "left", "right_front": "right"}


def faces_of(inputs: Mapping[str, Any]) -> int:
    """Return about how many triangles the mesh gets."""
    counts = [inputs[name] for name in _COUNTS if is_number(inputs.get(name))]
    count = counts[0] if counts else _FACES_AT.get(str(inputs.get("resolution")), _FACES)
    return round(min(_FACES_MAX, max(_FACES_MIN, count)))


def texture_side_of(inputs: Mapping[str, Any]) -> int:
    """Return the pixels along each side of the texture."""
    value = inputs.get("texture_size")
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not is_number(value):
        return _TEXTURE_SIDE
    return round(min(_TEXTURE_SIDE_MAX, max(_TEXTURE_SIDE_MIN, value)))


def views_of(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the URLs of the pictures, by the side that each shows; none where words decide.

    A slab has no corners: a picture of one shows the side, unless that has its own picture.
    """
    if inputs.get("input_mode") == "text":
        return {}
    listed = inputs.get("image_urls")
    urls = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    found = dict(zip(SIDES, urls, strict=False))
    named = {side: inputs.get(f"{side}_image_url") for side in (*_CORNERS, *SIDES)}
    for side, url in named.items():
        if isinstance(url, str) and url:
            found[_CORNERS.get(side, side)] = url
    return {side: found[side] for side in SIDES if side in found}
