"""Small real files of all types of assets, with the metadata that programs leave in them."""

from __future__ import annotations

import math
import struct
import wave
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import msgspec
import numpy as np
import pillow_heif
from PIL import Image, PngImagePlugin

from ringback.files.media.content import MediaType

MAKER = b"SecretCam"
"""Bytes that no stored file may contain."""

pillow_heif.register_heif_opener()


def exif(orientation: int = 1) -> bytes:
    """EXIF as a telephone writes it: the maker, the place and which way up."""
    found = Image.Exif()
    found[0x010F] = MAKER.decode()
    found[0x0112] = orientation
    found.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 6.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    return found.tobytes()


def picture(
    kind: str, *, size: tuple[int, int] = (64, 48), orientation: int = 1, **more: Any
) -> bytes:
    """A picture as Pillow writes it, with EXIF."""
    output = BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(output, kind, exif=exif(orientation), **more)
    return output.getvalue()


def jpeg(**more: Any) -> bytes:
    """A JPEG with EXIF, a comment, and something behind its end."""
    return picture("JPEG", comment=MAKER, **more) + b"PK\x03\x04" + MAKER


def png(**more: Any) -> bytes:
    """A PNG with EXIF and a text."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", MAKER.decode())
    return picture("PNG", pnginfo=texts, **more)


def webp(**more: Any) -> bytes:
    """A WebP with EXIF and XMP."""
    return picture("WEBP", xmp=b"<x:xmpmeta>" + MAKER + b"</x:xmpmeta>", **more)


def heic(**more: Any) -> bytes:
    """A HEIC with EXIF and XMP."""
    return picture("HEIF", xmp=b"<x:xmpmeta>" + MAKER + b"</x:xmpmeta>", **more)


def gif(**more: Any) -> bytes:
    """A GIF with a comment, and something behind its end."""
    return picture("GIF", comment=MAKER, **more) + MAKER


def avif(**more: Any) -> bytes:
    """An AVIF with EXIF and XMP."""
    return picture("AVIF", xmp=b"<x:xmpmeta>" + MAKER + b"</x:xmpmeta>", **more)


def tiff(**more: Any) -> bytes:
    """A TIFF with an artist, and with EXIF in a directory of its own."""
    return picture("TIFF", tiffinfo={315: MAKER.decode()}, **more)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of the ISO base media file format."""
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4) + kind + body


def full(*numbers: int, version: int = 0) -> bytes:
    """The version and the 32-bit numbers that most boxes consist of."""
    return bytes([version, 0, 0, 0]) + b"".join(number.to_bytes(4) for number in numbers)


_UPRIGHT = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
_TURNED = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)


def _track(
    kind: bytes,
    *,
    at: int,
    samples: list[int],
    size: tuple[int, int] = (0, 0),
    turned: bool = False,
    track_id: int = 1,
) -> bytes:
    tkhd = full(7, 7, track_id, 0, 90_000) + bytes(16) + (_TURNED if turned else _UPRIGHT)
    tkhd += (size[0] << 16).to_bytes(4) + (size[1] << 16).to_bytes(4)
    table = box(
        b"stbl",
        box(b"stsz", full(0, len(samples), *samples)),
        box(b"stsc", full(1, 1, len(samples), 1)),
        box(b"stco", full(1, at)),
    )
    hdlr = box(b"hdlr", full(0) + kind + bytes(13))
    mdhd = box(b"mdhd", full(7, 7, 1000, 2500, 0))
    mdia = box(b"mdia", mdhd, hdlr, box(b"minf", table))
    return box(b"trak", box(b"tkhd", tkhd), mdia, box(b"udta", box(b"\xa9mak", MAKER)))


def movie(brand: bytes = b"isom", *, turned: bool = False) -> bytes:
    """A movie of 2.5 s with pictures, a track that says where it was filmed, and user data."""
    ftyp = box(b"ftyp", brand, bytes(4), brand)
    pictures, locations = b"PICTURES" * 4, b"+48.1351+011.5820/" + MAKER
    at = len(ftyp) + 8
    mvhd = full(7, 7, 1000, 2500) + bytes(80)
    moov = box(
        b"moov",
        box(b"mvhd", mvhd),
        _track(b"vide", at=at, samples=[16, 16], size=(1280, 720), turned=turned),
        _track(b"meta", at=at + len(pictures), samples=[len(locations)]),
        box(b"udta", box(b"\xa9xyz", b"+48.1351+011.5820/" + MAKER)),
        box(b"meta", full(0), MAKER),
    )
    return ftyp + box(b"mdat", pictures, locations) + moov + box(b"uuid", bytes(16), MAKER)


def fragmented(*, each_says: bool = False) -> bytes:
    """A movie whose header says nothing of time: 50 frames of 40 ms in two fragments."""
    mvhd = full(7, 7, 1000, 0) + bytes(80)
    trex = box(b"trex", full(1, 1, 40, 0, 0))
    track = _track(b"vide", at=0, samples=[], size=(320, 240))
    moov = box(b"moov", box(b"mvhd", mvhd), track, box(b"mvex", trex))
    trun = full(25, *([40] * 25)) if each_says else full(25)
    trun = trun[:2] + (b"\x01" if each_says else b"\x00") + trun[3:]
    fragment = box(b"moof", box(b"traf", box(b"tfhd", full(1)), box(b"trun", trun)))
    return box(b"ftyp", b"iso5", bytes(4), b"iso5") + moov + fragment * 2


def fragmented_with_locations() -> bytes:
    """A movie in one fragment that has pictures, and a track of the places they were taken at."""
    pictures, locations = b"PICTURES" * 4, b"+48.1351+011.5820/" + MAKER
    moov = box(
        b"moov",
        box(b"mvhd", full(7, 7, 1000, 0) + bytes(80)),
        _track(b"vide", at=0, samples=[], size=(320, 240)),
        _track(b"meta", at=0, samples=[], track_id=2),
        box(b"mvex", *(box(b"trex", full(one, 1, 40, 16, 0)) for one in (1, 2))),
    )
    ftyp = box(b"ftyp", b"iso5", bytes(4), b"iso5")

    def moof(at: int) -> bytes:
        shown = box(b"traf", box(b"tfhd", full(1)), box(b"trun", _flagged(0x1, 2, at)))
        # The second track's samples follow the first one's, unless it says otherwise.
        located = box(
            b"traf", box(b"tfhd", full(2)), box(b"trun", _flagged(0x200, 1, len(locations)))
        )
        return box(b"moof", shown, located)

    return ftyp + moov + moof(len(moof(0)) + 8) + box(b"mdat", pictures, locations)


def _flagged(flags: int, *numbers: int) -> bytes:
    return flags.to_bytes(4) + full(*numbers)[4:]


def nested(depth: int) -> bytes:
    """A movie with boxes in boxes."""
    inner = b""
    for depth_index in range(depth):
        inner = box((b"trak", b"mdia")[depth_index % 2], inner)
    whole = movie()
    at = whole.index(b"moov") - 4
    end = at + int.from_bytes(whole[at : at + 4])
    return whole[:at] + box(b"moov", whole[at + 8 : end], inner) + whole[end:]


def element(kind: int, *parts: bytes) -> bytes:
    """An element of EBML."""
    body = b"".join(parts)
    name = kind.to_bytes((kind.bit_length() + 7) // 8)
    return name + (1 << 56 | len(body)).to_bytes(8) + body


def webm(
    *,
    duration: bool = True,
    unknown_sizes: bool = False,
    shown: tuple[int, int] | None = None,
) -> bytes:
    """A WebM of 640 by 360 with three frames in 80 ms, tags and a title."""
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    info = element(
        0x1549A966,
        element(0x2AD7B1, (1_000_000).to_bytes(3)),
        element(0x7BA9, MAKER),
        *([element(0x4489, struct.pack(">d", 80.0))] if duration else []),
    )
    sizes = {0xB0: 640, 0xBA: 360}
    if shown is not None:
        sizes |= {0x54B0: shown[0], 0x54BA: shown[1]}
    video = element(0xE0, *(element(kind, size.to_bytes(2)) for kind, size in sizes.items()))
    tracks = element(0x1654AE6B, element(0xAE, element(0xD7, b"\x01"), video))
    blocks = [element(0xA3, b"\x81" + at.to_bytes(2) + b"\x80frame") for at in (0, 40, 80)]
    cluster = element(0x1F43B675, element(0xE7, b"\x00"), *blocks)
    tags = element(0x1254C367, MAKER)
    if not unknown_sizes:
        return head + element(0x18538067, info, tracks, cluster, tags)
    cluster = b"\x1f\x43\xb6\x75\xff" + cluster[12:]
    return head + b"\x18\x53\x80\x67\xff" + info + tracks + cluster + tags


def glb(photograph: bytes | None = None, *, images: int = 1) -> bytes:
    """A GLB with a photograph on it."""
    photograph = photograph or picture("JPEG", comment=MAKER)
    binary = photograph + bytes(-len(photograph) % 4)
    scene = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(binary)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(photograph)}],
        "images": [{"bufferView": 0, "mimeType": "image/jpeg"}] * images,
    }
    text = msgspec.json.encode(scene)
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def wav() -> bytes:
    """Half a second of sound, with the notes of an editor."""
    output = BytesIO()
    with wave.open(output, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        tone = (round(9000 * math.sin(at / 5)) for at in range(4000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))
    sound = output.getvalue()
    note = b"INFOIART" + (10).to_bytes(4, "little") + MAKER + b"\0"
    grown = sound + b"LIST" + len(note).to_bytes(4, "little") + note
    return grown[:4] + (len(grown) - 8).to_bytes(4, "little") + grown[8:]


def mp3(frames: int = 20) -> bytes:
    """Twenty frames of silence, at 128 kbit/s and 44.1 kHz, between two tags."""
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    tag = b"TPE1\x00\x00\x00\x0a\x00\x00\x00" + MAKER
    head = b"ID3\x04\x00\x00" + len(tag).to_bytes(4) + tag
    return head + frame * frames + b"TAG" + MAKER.ljust(125, b"\0")


def sound(kind: str, codec: str, *, comment: str = "", seconds: float = 0.5, **more: str) -> bytes:
    """A tone as FFmpeg writes it, with the artist's name and a comment."""
    output = BytesIO()
    with av.open(output, "w", format=kind) as container:
        container.metadata.update({"artist": MAKER.decode(), "comment": comment} | more)
        stream = container.add_stream(codec, rate=48_000, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        samples = np.sin(np.arange(round(48_000 * seconds)) * (2 * np.pi * 440 / 48_000)) * 0.5
        tone = np.tile((samples * 32_767).astype(np.int16).repeat(2), 1)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        fifo = av.AudioFifo()
        fifo.write(frame)
        size = stream.codec_context.frame_size or 1_024
        while (part := fifo.read(size, partial=True)) is not None:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return output.getvalue()


FILES: dict[MediaType, bytes] = {
    MediaType.JPEG: jpeg(),
    MediaType.PNG: png(),
    MediaType.WEBP: webp(),
    MediaType.HEIC: heic(),
    MediaType.GIF: gif(),
    MediaType.AVIF: avif(),
    MediaType.TIFF: tiff(),
    MediaType.MP4: movie(),
    MediaType.MOV: movie(b"qt  "),
    MediaType.WEBM: webm(),
    MediaType.GLB: glb(),
    MediaType.WAV: wav(),
    MediaType.MP3: mp3(),
    MediaType.FLAC: sound("flac", "flac"),
    MediaType.OGG: sound("ogg", "libopus"),
}
"""One of each."""

START_OF_JPEG = FILES[MediaType.JPEG][:20]
