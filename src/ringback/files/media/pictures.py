"""Decodes pictures to the colours that viewers show; untrusted ones only in confined processes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import AvifImagePlugin, Image, ImageChops, ImageCms, ImageOps

from ringback.files.media.content import PICTURES, MediaType, mapped
from ringback.files.media.exif import orientation_of
from ringback.files.media.parsing import sniff

with suppress(ImportError):  # the client can be installed without it
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)

# One thread suffices; on a large machine more would use up the address space.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
_FORMATS = {one: one.value.partition("/")[2].upper() for one in PICTURES} | {MediaType.HEIC: "HEIF"}
_PROFILE_BYTES_MAX = 4 << 20  # profiles of printing presses have up to 3 MB
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255)
# The largest value of a picture in integers or fractions, which do not say it: the least that fits.
_TOPS_OF_INTEGERS = (255.0, 65_535.0)
_TOPS_OF_FRACTIONS = (1.0, 255.0, 65_535.0)
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
_MODES_OF_PROFILES = {"GRAY": ("L",), "RGB": ("RGB",), "CMYK": ("CMYK",)}


@contextmanager
def open_picture(content: bytes | Path) -> Iterator[Image.Image]:
    """Open a stripped picture by the type of its content; a decoder's exceptions are passed on."""
    with warnings.catch_warnings():
        # Limits of our own were checked before, and nothing shows warnings about a broken file.
        warnings.simplefilter("ignore")
        if isinstance(content, Path):
            with mapped(content) as start:
                formats = _formats_of(sniff(start))
            with content.open("rb") as file, _open(file, formats) as image:
                yield image
        else:
            with _open(BytesIO(content), _formats_of(sniff(content))) as image:
                yield image


def decoded_size(path: Path) -> tuple[int, int]:
    """Return a picture's displayed size after decoding it; exceptions are passed on."""
    with open_picture(path) as image:
        image.load()
        width, height = image.size
        return (height, width) if _orientation(image) >= 5 else (width, height)


def as_shown(image: Image.Image) -> Image.Image:
    """Return an open picture upright as RGB in sRGB, or RGBA where it is transparent."""
    key = _key_colour(image)
    image.load()
    colours, alpha = _colours_and_alpha(image, key)
    shown = _in_srgb(colours, image.info.get("icc_profile"))
    return upright(_with_alpha(shown, alpha), _orientation(image))


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGB or RGBA picture as RGB, on white where it is transparent."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, _WHITE)
    white.paste(image, (0, 0), image.getchannel("A"))
    return white


def in_own_colours(image: Image.Image) -> tuple[Image.Image, bytes] | None:
    """Return an RGB or RGBA picture in its own colours, upright, with the profile of these.

    It returns None where the picture is shown otherwise: without a profile of its own, or in
    colours that few programs write.
    """
    profile = image.info.get("icc_profile")
    if image.mode not in ("RGB", "RGBA") or not isinstance(profile, bytes):
        return None
    if len(profile) > _PROFILE_BYTES_MAX or "transparency" in image.info:
        return None
    image.load()
    colours, alpha = _colours_and_alpha(image, None)
    return upright(_with_alpha(colours, alpha), _orientation(image)), profile


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture turned and mirrored by EXIF's orientation, from 1 to 8."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _formats_of(media_type: MediaType | None) -> tuple[str, ...]:
    return (_FORMATS[media_type],) if media_type in _FORMATS else ()


def _open(file: BinaryIO, formats: tuple[str, ...]) -> Image.Image:
    return Image.open(file, formats=formats)


def _orientation(image: Image.Image) -> int:
    """Return the orientation that the decoder left to its caller; TIFF's does it itself."""
    exif = image.info.get("exif")
    return 1 if image.format == "TIFF" or not isinstance(exif, bytes) else orientation_of(exif)


def _key_colour(image: Image.Image) -> int | tuple[int, ...] | bytes | None:
    """Return the transparent colour in the values of the decoded picture; PNG has the file's."""
    key: int | tuple[int, ...] | bytes | None = image.info.get("transparency")
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if image.format == "PNG" and tiles else None
    raw = arguments[0] if isinstance(arguments, tuple) else arguments
    if isinstance(key, int) and raw in ("L;2", "L;4"):
        return key * (85 if raw == "L;2" else 17)
    if isinstance(key, tuple) and raw == "RGB;16B":
        return tuple(value >> 8 for value in key)
    return key


def _colours_and_alpha(
    image: Image.Image, key: int | tuple[int, ...] | bytes | None
) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours in 8 bits, and the alpha channel of a transparent picture."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;16"):
        return _in_eight_bits(image), _mask_of_deep(image, key)
    if mode in ("1", "L"):
        grey = image.convert("L")
        is_keyed = isinstance(key, int)
        return grey, grey.point([255 * (one != key) for one in range(256)]) if is_keyed else None
    if mode in ("LA", "La"):
        whole = image if mode == "LA" else image.convert("LA")
        return whole.getchannel("L"), whole.getchannel("A")
    if isinstance(key, tuple):
        image.info["transparency"] = key
    if mode == "RGBA" or image.has_transparency_data:
        whole = image if mode == "RGBA" else image.convert("RGBA")
        return whole.convert("RGB"), whole.getchannel("A")
    return (image if mode in ("RGB", "CMYK") else image.convert("RGB")), None


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16 or 32 bits a pixel as grey of 8 bits, from black to white."""
    bits, sample_format = _tag(image, _BITS, 16), _tag(image, _SAMPLE_FORMAT, 1)
    if image.mode == "I" and sample_format == 1 and _extremes(image)[0] < 0:
        # The values are unsigned, and the decoder has them as signed: the highest byte is right.
        grey = Image.frombytes("L", image.size, image.tobytes()[3::4])
    else:
        if image.mode.startswith("I;16"):
            top = (1 << bits) - 1.0 if bits <= 16 else 65_535.0
            values = image.convert("I").convert("F")
        else:
            values = image.convert("F")
            largest = _extremes(image)[1]
            tops = _TOPS_OF_FRACTIONS if image.mode == "F" else _TOPS_OF_INTEGERS
            last = largest if image.mode == "F" else (1 << (32 - (sample_format == 2))) - 1.0
            top = next((one for one in tops if largest <= one), last)
        grey = values.point(lambda value: value * (255 / top) + 0.5).convert("L")
    is_white_least = _tag(image, _PHOTOMETRIC, 1) == 0
    return ImageOps.invert(grey) if is_white_least else grey


def _extremes(image: Image.Image) -> tuple[float, float]:
    """Return the least and the largest value of a picture of one channel."""
    least, largest = image.getextrema()
    assert not isinstance(least, tuple)
    assert not isinstance(largest, tuple)
    return float(least), float(largest)


def _mask_of_deep(image: Image.Image, key: object) -> Image.Image | None:
    if image.mode != "I;16" or not isinstance(key, int):
        return None
    values = image.tobytes()
    parts = (values[0::2], key & 255), (values[1::2], key >> 8)
    low, high = (
        Image.frombytes("L", image.size, part).point(
            [255 * (one != key_byte) for one in range(256)]
        )
        for part, key_byte in parts
    )
    return ImageChops.lighter(low, high)


def _tag(image: Image.Image, tag: int, default: int) -> int:
    """Return the first number of a TIFF's tag."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else default


def _in_srgb(colours: Image.Image, profile: object) -> Image.Image:
    """Return RGB, L or CMYK colours as RGB, by their profile where they have a usable one."""
    if isinstance(profile, bytes) and len(profile) <= _PROFILE_BYTES_MAX:
        # A broken profile counts as none, as in browsers.
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            known = ImageCms.ImageCmsProfile(BytesIO(profile))
            space = (known.profile.xcolor_space or "").strip()
            if space == "RGB" and colours.mode == "L":
                colours = colours.convert("RGB")
            name = ImageCms.getProfileDescription(known)
            if colours.mode in _MODES_OF_PROFILES.get(space, ()) and not name.startswith("sRGB"):
                converted = ImageCms.profileToProfile(
                    colours, known, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if converted is not None:
                    return converted
    return colours if colours.mode == "RGB" else colours.convert("RGB")


def _with_alpha(colours: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Return RGBA, with white where nothing is seen: a hidden colour shows nowhere."""
    if alpha is None:
        return colours
    seen = Image.new("RGB", colours.size, _WHITE)
    seen.paste(colours, (0, 0), alpha.point([0] + [255] * 255))
    seen.putalpha(alpha)
    return seen
