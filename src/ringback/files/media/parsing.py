"""Detects and parses files by their content alone, not by their names or declared types."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ringback.errors import InvalidMedia
from ringback.files.media import (
    ebml,
    flac,
    gif,
    glb,
    heif,
    jpeg,
    movie,
    mp3,
    ogg,
    png,
    riff,
    svg,
    tiff,
)
from ringback.files.media.content import PICTURES, Content, Facts, MediaType, Parsed
from ringback.files.media.cost import check_cost
from ringback.files.media.isobmff import brand

PICTURE_PIXELS_MAX = 50_000_000
"""Pixels of an image; phone cameras make 48 million."""
VIDEO_PIXELS_MAX = 8192 * 4608
"""Pixels of one frame of a video."""
PICTURE_FRAMES_MAX = 1_000
VIDEO_FRAMES_MAX = 108_000
"""One hour at 30 frames per second."""
_ALL_PIXELS_MAX = 2_000_000_000  # of all frames of an animation, which one call decodes
_PARSERS: dict[MediaType, Callable[[Content], Parsed]] = {
    MediaType.JPEG: jpeg.parse,
    MediaType.PNG: png.parse,
    MediaType.WEBP: riff.parse_webp,
    MediaType.WAV: riff.parse_wav,
    MediaType.HEIC: partial(heif.parse, media_type=MediaType.HEIC),
    MediaType.AVIF: partial(heif.parse, media_type=MediaType.AVIF),
    MediaType.GIF: gif.parse,
    MediaType.TIFF: tiff.parse,
    MediaType.MP4: partial(movie.parse, media_type=MediaType.MP4),
    MediaType.MOV: partial(movie.parse, media_type=MediaType.MOV),
    MediaType.WEBM: ebml.parse,
    MediaType.GLB: glb.parse,
    MediaType.MP3: mp3.parse,
    MediaType.FLAC: flac.parse,
    MediaType.OGG: ogg.parse,
}
_STARTS = (
    (jpeg.START, MediaType.JPEG),
    (png.START, MediaType.PNG),
    *((start, MediaType.GIF) for start in gif.STARTS),
    *((start, MediaType.TIFF) for start in tiff.STARTS),
    (ebml.START, MediaType.WEBM),
    (glb.START, MediaType.GLB),
    (flac.START, MediaType.FLAC),
    (ogg.START, MediaType.OGG),
    (b"ply\n", MediaType.PLY),
    (b"ply\r\n", MediaType.PLY),
)
_BRANDS = {
    "heic": MediaType.HEIC,
    "avif": MediaType.AVIF,
    "mov": MediaType.MOV,
    "mp4": MediaType.MP4,
}
INPUTS = frozenset(_PARSERS)
"""The media types of assets, all of which engines read."""
PICTURE_NAMES = "JPEG, PNG, WebP, HEIC, AVIF, GIF or TIFF"
"""The types of pictures, for people."""
INPUT_NAMES = f"{PICTURE_NAMES.replace(' or', ',')}, MP4, MOV, WebM, GLB, WAV, MP3, FLAC or Ogg"
"""The types of assets, for people."""


def sniff(content: Content) -> MediaType | None:
    """Return a file's media type by its first bytes, or None for unknown types."""
    begins = content[:16]
    for start, media_type in _STARTS:
        if begins.startswith(start):
            return media_type
    if begins[:4] in riff.STARTS:
        return {b"WEBP": MediaType.WEBP, b"WAVE": MediaType.WAV}.get(begins[8:12])
    if (found := brand(content)) is not None:
        return _BRANDS[found]
    if flac.begins(content):
        return MediaType.FLAC  # after tags of ID3, with which an MP3 begins too
    if mp3.begins(content):
        return MediaType.MP3
    return MediaType.SVG if svg.begins(content) else None


def parse(content: Content, *, is_limited: bool = True) -> Parsed:
    """Return a file's facts and its pieces without metadata, or raise ``InvalidMedia``.

    A file that is not decoded here need not be ``is_limited`` in its pixels and frames.
    """
    if not len(content):
        raise InvalidMedia(f"The file is empty; send a {INPUT_NAMES} file.")
    media_type = sniff(content)
    if media_type not in _PARSERS:
        raise InvalidMedia(f"The file's type is not supported; send a {INPUT_NAMES} file.")
    parsed = _PARSERS[media_type](content)
    if is_limited:
        check_limits(parsed.facts)
        check_cost(parsed.cost_s)
    return parsed


def parse_picture(content: Content) -> Parsed:
    """Parse a picture as ``parse`` does; raise ``InvalidMedia`` for any other file."""
    if sniff(content) not in PICTURES:
        raise InvalidMedia(f"The file is not an image; send a {PICTURE_NAMES} file.")
    return parse(content)


def check_limits(facts: Facts) -> None:
    """Raise ``InvalidMedia`` for too many pixels or frames; nothing is decoded yet."""
    is_picture = facts.media_type in PICTURES
    pixels = (facts.width or 0) * (facts.height or 0)
    pixels_max = PICTURE_PIXELS_MAX if is_picture else VIDEO_PIXELS_MAX
    if pixels > pixels_max:
        raise InvalidMedia(
            f"The file has {facts.width} x {facts.height} pixels; at most {pixels_max} are taken."
        )
    frames_max = PICTURE_FRAMES_MAX if is_picture else VIDEO_FRAMES_MAX
    if (facts.frames or 0) > frames_max:
        raise InvalidMedia(f"The file has {facts.frames} frames; at most {frames_max} are taken.")
    if is_picture and (facts.frames or 1) * pixels > _ALL_PIXELS_MAX:
        raise InvalidMedia(
            f"The file's {facts.frames} frames have too many pixels together; "
            f"at most {_ALL_PIXELS_MAX} are taken."
        )
