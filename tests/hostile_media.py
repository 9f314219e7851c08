"""Files that are small and much work to read, each of one kind."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import msgspec
from PIL import Image

from tests import media_files as files


def jpeg_with_scans(scans: int, *, size: tuple[int, int] = (64, 48)) -> bytes:
    """A progressive JPEG whose last scan is there again and again, until there are so many."""
    whole = files.picture("JPEG", size=size, progressive=True)
    at = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[at:-2] * (scans - whole.count(b"\xff\xda")) + b"\xff\xd9"


def png_of_chunks(chunks: int) -> bytes:
    """A PNG with so many empty chunks before its picture."""
    whole = files.picture("PNG")
    at = whole.index(b"IDAT") - 4
    empty = bytes(4) + b"IDAT" + zlib.crc32(b"IDAT").to_bytes(4)
    return whole[:at] + empty * chunks + whole[at:]


def moving(kind: str, frames: int, *, size: tuple[int, int] = (64, 48)) -> bytes:
    """A moving picture (PNG or WEBP) of one colour after the other."""
    pictures = [
        Image.new("RGB", size, (number % 256, number // 256, 0)) for number in range(frames)
    ]
    output = BytesIO()
    how = {"lossless": True} if kind == "WEBP" else {}
    pictures[0].save(output, kind, save_all=True, append_images=pictures[1:], **how)
    return output.getvalue()


def gif_of_blocks(blocks: int) -> bytes:
    """A GIF with a comment in so many blocks of one byte before its picture."""
    output = BytesIO()
    Image.new("P", (64, 48)).save(output, "GIF")
    whole = output.getvalue()
    at = 13 + (3 << (whole[10] & 7) + 1 if whole[10] & 0x80 else 0)
    return whole[:at] + b"!\xfe" + b"\x01x" * blocks + b"\0" + whole[at:]


def heic_of(pictures: dict[int, list[int]], *, side: int, layers: tuple[int, ...] = ()) -> bytes:
    """A HEIC whose pictures are made of others, by their numbers; the first is the primary."""
    first = next(iter(pictures))
    known = sorted({*pictures, *(one for made_of in pictures.values() for one in made_of)})
    references = [
        files.box(b"dimg", struct.pack(f">HH{len(made_of)}H", one, len(made_of), *made_of))
        for one, made_of in pictures.items()
        if made_of
    ]
    references += [files.box(b"auxl", struct.pack(">HHH", one, 1, first)) for one in layers]
    ispe = files.box(b"ispe", files.full(side, side))
    associations = b"".join(struct.pack(">HBB", one, 1, 0x81) for one in known)
    ipma = files.box(b"ipma", files.full(len(known)) + associations)
    meta = files.box(
        b"meta",
        files.full(),
        files.box(b"pitm", files.full() + first.to_bytes(2)),
        files.box(b"iref", files.full(), *references),
        files.box(b"iprp", files.box(b"ipco", ispe), ipma),
    )
    return files.box(b"ftyp", b"heic", bytes(4), b"heic") + meta


def heic_of_parts(part: str, count: int) -> bytes:
    """A HEIC with so many references, properties or places of items."""
    references, associations, locations = b"", b"", b""
    associated = placed = 1
    if part == "reference":
        lengths = [min(1_000, count - at) for at in range(0, count, 1_000)]
        references = b"".join(
            files.box(b"thmb", struct.pack(">HH", 2, length) + length * b"\0\1")
            for length in lengths
        )
    elif part == "property":
        associated, associations = count, (count - 1) * struct.pack(">HBB", 2, 1, 0x81)
    else:
        placed, locations = count, (count - 1) * struct.pack(">IHHH", 2, 0, 0, 0)
    # Version 2, since an earlier one cannot count so many; offsets and lengths of four bytes.
    iloc = bytes([2, 0, 0, 0, 0x44, 0]) + placed.to_bytes(4)
    ipma = files.full(associated) + struct.pack(">HBB", 1, 1, 0x81)
    meta = files.box(
        b"meta",
        files.full(),
        files.box(b"pitm", files.full() + b"\0\1"),
        files.box(b"iloc", iloc, struct.pack(">IHHH", 1, 0, 0, 0), locations),
        files.box(b"iref", files.full(), references),
        files.box(
            b"iprp",
            files.box(b"ipco", files.box(b"ispe", files.full(64, 64))),
            files.box(b"ipma", ipma, associations),
        ),
    )
    return files.box(b"ftyp", b"heic", bytes(4), b"heic") + meta


def movie_of_chunks(chunks: int, samples: int) -> bytes:
    """A movie with a hidden track of so many chunks, each of which says it has so many samples."""
    whole = files.movie()
    at = whole.rindex(b"stsc") - 4
    table_at = whole.rindex(b"stbl") - 4
    table = files.box(
        b"stbl",
        files.box(b"stsz", files.full(1, samples)),
        files.box(b"stsc", files.full(1, 1, samples, 1)),
        files.box(b"stco", files.full(chunks, *([0] * chunks))),
    )
    assert table_at < at
    grown = whole[:table_at] + table
    rest = whole[table_at + int.from_bytes(whole[table_at : table_at + 4]) :]
    more = len(table) - int.from_bytes(whole[table_at : table_at + 4])
    for kind in (b"minf", b"mdia", b"trak"):
        start = grown.rindex(kind, 0, table_at) - 4
        grown = _longer(grown, start, more)
    return _longer(grown, grown.index(b"moov") - 4, more) + rest


def model_of_views(images: int) -> bytes:
    """A model of so many pictures, all of which are the same bytes, each a byte shorter."""
    photograph = files.picture("JPEG")
    binary = photograph + bytes(-len(photograph) % 4)
    scene = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(binary)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(binary) - at % 2} for at in range(images)],
        "images": [{"bufferView": at, "mimeType": "image/jpeg"} for at in range(images)],
    }
    text = msgspec.json.encode(scene)
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def _longer(content: bytes, at: int, more: int) -> bytes:
    length = int.from_bytes(content[at : at + 4]) + more
    return content[:at] + length.to_bytes(4) + content[at + 4 :]
