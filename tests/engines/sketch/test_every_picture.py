"""Pictures of every mode arrive as viewers show them, at every door."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from ringback.engines.sketch.pictures import decode, decode_whole
from ringback.files.media.pictures import on_white
from ringback.files.media.process import strip_and_decode
from ringback.mcp.shrinking import shrink
from tests import media_files as files

_RAMP = np.linspace(0, 1, 64, dtype=np.float64)[None, :].repeat(48, 0)
_GREY = Image.fromarray((_RAMP * 255).astype(np.uint8))
_LAB = ImageCms.createProfile("LAB")
_SRGB = ImageCms.createProfile("sRGB")


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    output = BytesIO()
    image.save(output, kind, **how)
    return output.getvalue()


def a_ramp(mode: str) -> Image.Image:
    """A picture in that mode that goes from black to white."""
    match mode:
        case "I;16":
            return Image.fromarray((_RAMP * 65_535).astype(np.uint16))
        case "I;16B":
            return Image.fromarray((_RAMP * 65_535).astype(">u2"))
        case "I":
            return Image.fromarray((_RAMP * 65_535).astype(np.int32))
        case "F":
            return Image.fromarray(_RAMP.astype(np.float32))
        case "LAB":
            lab = ImageCms.profileToProfile(_GREY.convert("RGB"), _SRGB, _LAB, outputMode="LAB")
            assert lab is not None
            return lab
    return _GREY.convert("RGB").convert(mode)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("L", "LA", "P", "RGB", "RGBA", "I;16")),
        *(("TIFF", mode) for mode in ("L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")),
        *(("TIFF", mode) for mode in ("I;16", "I;16B", "I", "F")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK", "YCbCr")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("GIF", mode) for mode in ("L", "P", "RGB")),
        *(("AVIF", mode) for mode in ("RGB", "RGBA")),
        *(("HEIF", mode) for mode in ("L", "RGB", "RGBA")),
    ],
)
def test_a_ramp_of_every_mode_goes_from_black_to_white(
    tmp_path: Path, kind: str, mode: str
) -> None:
    content = saved(a_ramp(mode), kind)
    found = decode(content)
    assert found.mode == "RGB"
    expected = np.asarray(_GREY.convert("RGB"), np.float32)
    # A palette of the web's colours has steps of 51.
    assert np.abs(np.asarray(found, np.float32) - expected).mean() < (16 if mode == "P" else 3)
    assert decode_whole(content).image.size == (64, 48)
    assert shrink(content, 600_000) is not None
    (tmp_path / "file").write_bytes(content)
    facts = strip_and_decode(tmp_path / "file", tmp_path / "kept")
    assert (facts.width, facts.height) == (64, 48)
    assert decode((tmp_path / "kept").read_bytes()).tobytes() == found.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF"])
def test_a_picture_of_one_bit_is_black_and_white(kind: str) -> None:
    image = Image.new("1", (20, 20), 1)
    image.paste(0, (0, 0, 10, 20))
    found = decode(saved(image, kind))
    assert [found.getpixel((x, 5)) for x in (2, 15)] == [(0, 0, 0), (255, 255, 255)]


@pytest.mark.parametrize("bits", [16, 32])
def test_a_tiff_of_integers_without_sign_is_not_wrapped(bits: int) -> None:
    values = (_RAMP * ((1 << bits) - 1)).astype(np.uint16 if bits == 16 else np.uint32)
    found = decode(a_tiff(values.astype(f"<u{bits // 8}").tobytes(), bits=bits))
    assert [found.getpixel((x, 5)) for x in (0, 63)] == [(0, 0, 0), (255, 255, 255)]


def test_a_deep_tiff_whose_least_value_is_white_is_shown_so() -> None:
    values = (_RAMP * 65_535).astype("<u2").tobytes()
    found = decode(a_tiff(values, bits=16, photometric=0))
    assert [found.getpixel((x, 5)) for x in (0, 63)] == [(255, 255, 255), (0, 0, 0)]


def a_tiff(data: bytes, *, bits: int, photometric: int = 1) -> bytes:
    """A TIFF of 64 by 48 in one strip, as scientific cameras write it."""
    tags = [(256, 64), (257, 48), (258, bits), (259, 1), (262, photometric), (273, 122)]
    tags += [(277, 1), (278, 48), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + data


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 0, 0), (0, 255, 0)])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_colour_hidden_under_alpha_is_never_seen(kind: str, hidden: tuple[int, ...]) -> None:
    image = Image.new("RGBA", (64, 48), (*hidden, 0))
    image.paste((10, 20, 200, 255), (20, 0, 40, 48))
    how = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    content = saved(image, kind, **how)
    shrunk = shrink(content, 600_000)
    assert shrunk is not None
    for found in (decode(content), on_white(decode_whole(content).image)):
        assert found.getpixel((0, 0)) == (255, 255, 255)
        assert found.getpixel((30, 10)) == (10, 20, 200)
    with Image.open(BytesIO(shrunk)) as small:
        corner = small.convert("RGB").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert min(corner) > 240
    # A scaled copy mixes only what is seen.
    assert decode_whole(content).image.getpixel((0, 0)) == (255, 255, 255, 0)


@pytest.mark.parametrize(
    ("mode", "key", "value"),
    [
        ("L", 7, 7),
        ("I;16", 1_000, 1_000),
        ("RGB", (9, 8, 7), (9, 8, 7)),
        ("P", 3, 3),
    ],
)
def test_a_transparent_colour_is_shown_as_white(mode: str, key: object, value: object) -> None:
    image = Image.new(mode, (8, 8), value)  # type: ignore[arg-type]
    if mode == "P":
        image.putpalette([9, 8, 7] * 256)
    found = decode(saved(image, "PNG", transparency=key))
    assert found.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_transparent_grey_of_few_bits_is_found_by_its_own_number(depth: int) -> None:
    row = bytes([0]) + bytes([0b01010101 if depth == 2 else 0x11]) * (8 * depth // 8)
    head = struct.pack(">IIBBBBB", 8, 1, depth, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tRNS", b"\0\x01"), (b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    assert decode(a_png(parts)).getpixel((3, 0)) == (255, 255, 255)


def a_png(parts: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
        for kind, data in parts
    )


def a_swapping_profile() -> bytes:
    """An RGB profile whose red is sRGB's green, and whose green is its red."""
    profile = bytearray(ImageCms.ImageCmsProfile(_SRGB).tobytes())
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12):
        name = bytes(profile[at : at + 4])
        if name in (b"rXYZ", b"gXYZ"):
            profile[at : at + 4] = b"gXYZ" if name == b"rXYZ" else b"rXYZ"
    return bytes(profile).replace(b"s\0R\0G\0B", b"o\0w\0n\0!")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_an_embedded_profile_gives_the_colours_and_a_broken_one_gives_none(kind: str) -> None:
    image = Image.new("RGB", (32, 32), (250, 0, 0))
    shown = decode(saved(image, kind, icc_profile=a_swapping_profile())).getpixel((5, 5))
    assert isinstance(shown, tuple)
    assert shown[1] > 200 > 60 > shown[0]
    plain = decode(saved(image, kind, icc_profile=b"no profile at all" * 9)).getpixel((5, 5))
    assert isinstance(plain, tuple)
    assert plain[0] > 240 > 20 > plain[1]


def test_an_enhanced_picture_keeps_its_own_colours_with_their_profile() -> None:
    profile = a_swapping_profile()
    whole = decode_whole(saved(Image.new("RGB", (8, 8), (250, 0, 0)), "PNG", icc_profile=profile))
    assert (whole.image.getpixel((2, 2)), whole.profile) == ((250, 0, 0), profile)


def exif_with(*entries: bytes) -> bytes:
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"Exif\0\0" + tiff


_TURNED = struct.pack("<HHII", 0x112, 3, 1, 6)


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(exif_with(_TURNED), id="as cameras write it"),
        pytest.param(exif_with(struct.pack("<HHII", 0x112, 4, 1, 6)), id="a long"),
        pytest.param(exif_with(struct.pack("<HHIB3x", 0x112, 1, 1, 6)), id="a byte"),
        pytest.param(
            exif_with(_TURNED, struct.pack("<HHI4s", 0x11A, 2, 3, b"72\0\0")), id="text resolution"
        ),
        pytest.param(
            exif_with(_TURNED, struct.pack("<HHIf", 0x131, 11, 1, 2.5)), id="a float's software"
        ),
        pytest.param(
            exif_with(_TURNED, struct.pack("<HHII", 0x8769, 4, 1, 0xFFFFFF00)), id="a lost pointer"
        ),
        pytest.param(
            exif_with(_TURNED, struct.pack("<HHII", 0x213, 8, 0xFFFFFFFF, 1)), id="a huge count"
        ),
        pytest.param(exif_with(_TURNED)[:-4] + b"\xff" * 4, id="a chain that leads nowhere"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_neither_hides_the_orientation_nor_the_picture(
    tmp_path: Path, kind: str, exif: bytes
) -> None:
    content = saved(_GREY.convert("RGB"), kind, exif=exif)
    (tmp_path / "file").write_bytes(content)
    facts = strip_and_decode(tmp_path / "file", tmp_path / "kept")
    assert decode(content).size == decode_whole(content).image.size == (48, 64)
    assert (facts.width, facts.height) == (48, 64)


def test_huge_and_broken_metadata_is_left_out() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", "x" * 3_000_000, zip=True)
    content = saved(_GREY, "PNG", pnginfo=texts)
    at = content.index(b"IDAT") - 4
    broken: list[Callable[[], bytes]] = [
        lambda: (1).to_bytes(4) + b"gAMA\x01" + bytes(4),
        lambda: a_png([(b"iCCP", b"name\0\0not compressed")])[8:],
        lambda: a_png([(b"zTXt", b"k\0\0" + b"\xff" * 40)])[8:],
        lambda: a_png([(b"pHYs", b"\1")])[8:],
    ]
    for one in (lambda: b"", *broken):
        assert decode(content[:at] + one() + content[at:]).size == (64, 48)


@pytest.mark.parametrize("make", [files.jpeg, files.png, files.gif, files.webp, files.heic])
def test_a_trailer_behind_a_picture_does_no_harm(make: Callable[[], bytes]) -> None:
    assert decode(make() + b"junk junk junk").size == (64, 48)
