"""GLB (glTF 2.0): a JSON chunk and the binary chunk that it describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ringback.errors import InvalidMedia
from ringback.files.media import jpeg, png, riff
from ringback.files.media.content import (
    Blank,
    Content,
    Copy,
    Facts,
    MediaType,
    Parsed,
    blank_out,
    read_bytes,
    read_uint_le,
)

START = b"glTF"
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_JSON_BYTES_MAX = 32 << 20
_IMAGES_MAX = 10_000

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def parse(content: Content) -> Parsed:
    """Parse a GLB; the metadata of its images is overwritten."""
    size = read_uint_le(content, 8, 4)
    if read_uint_le(content, 4, 4) != 2 or not 20 <= size <= len(content):
        raise InvalidMedia("The GLB file is cut short, or not of version 2.")
    count = read_uint_le(content, 12, 4)
    if read_uint_le(content, 16, 4) != _JSON or count > min(size - 20, _JSON_BYTES_MAX):
        raise InvalidMedia("The GLB file does not begin with its JSON chunk.")
    scene = _scene(read_bytes(content, 20, count))
    blanks = list(_blanks(content, scene, at=20 + count, end=size))
    pieces = blank_out(size, blanks)
    return Parsed(facts=Facts(media_type=MediaType.GLB), pieces=pieces or (Copy(0, size),))


def _scene(text: bytes) -> dict[str, Any]:
    try:
        scene = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidMedia("The GLB file's JSON chunk is not JSON.") from exc
    asset = scene.get("asset")
    if not isinstance(asset, dict) or not isinstance(asset.get("version"), str):
        raise InvalidMedia("The GLB file's JSON chunk names no glTF version.")
    return scene


def _blanks(content: Content, scene: Mapping[str, Any], *, at: int, end: int) -> Iterator[Blank]:
    """Yield the metadata of the images in the file's own buffer."""
    if at + 8 > end or read_uint_le(content, at + 4, 4) != _BIN:
        return
    begin, end = at + 8, min(end, at + 8 + read_uint_le(content, at, 4))
    views = scene.get("bufferViews")
    images = scene.get("images")
    if not isinstance(views, list) or not isinstance(images, list):
        return
    if len(images) > _IMAGES_MAX:
        raise InvalidMedia(f"The GLB file has more than {_IMAGES_MAX} images.")
    seen: set[tuple[int, int]] = set()
    bytes_left = end - begin
    for image in images:
        view = image.get("bufferView") if isinstance(image, dict) else None
        if not isinstance(view, int) or not 0 <= view < len(views):
            continue
        where = views[view] if isinstance(views[view], dict) else {}
        offset, count = where.get("byteOffset", 0), where.get("byteLength", 0)
        is_there = isinstance(offset, int) and isinstance(count, int) and offset >= 0 < count
        if is_there and begin + offset + count <= end and (offset, count) not in seen:
            seen.add((offset, count))
            bytes_left -= count
            if bytes_left < 0:
                raise InvalidMedia("The GLB file's images overlap.")
            yield from _blanks_of_picture(content, begin + offset, count)


def _blanks_of_picture(content: Content, at: int, count: int) -> Iterator[Blank]:
    picture = read_bytes(content, at, count)
    if picture.startswith(jpeg.START):
        for segment in jpeg.segments(picture):
            if jpeg.is_metadata(picture, segment):
                yield Blank(at + segment.offset + 4, segment.length - 4)
    elif picture.startswith(png.START):
        for offset, blanked in png.blanked(picture):
            yield Blank(at + offset, len(blanked), blanked)
    elif picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        for offset, length in riff.metadata_ranges(picture):
            yield Blank(at + offset, length)
