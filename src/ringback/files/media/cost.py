"""Estimates the cost of decoding a file from its structure, before anything is decoded.

The constants are nanoseconds of one core, measured with the slowest content of each format (noise
at the highest quality) and rounded up, so that an estimate is never below the real cost on a usual
machine. The estimate limits an untrusted file's work; a time limit is only the second defence.
"""

from __future__ import annotations

from ringback.errors import InvalidMedia

SCANS_MAX = 100
"""The most scans of one JPEG; encoders write about ten."""
COST_S_MAX = 12.0
"""The highest estimated cost of decoding an image, in seconds of one core."""
CHEAP_S = 1.0
"""Images up to this cost are decoded without waiting for costlier ones."""
TIME_S_MAX = 30.0
"""The time limit of decoding an image."""
_TIME_S_LEAST = 10.0  # includes the start of a process on a busy machine
_PARTS_NS = 10_000  # of each segment, chunk or box, which Python reads
_METADATA_BYTES_NS = 150  # of application segments, which Pillow searches
_ARITHMETIC = 5  # factor over Huffman coding


def time_limit_s(cost_s: float) -> float:
    """Return the time limit for decoding a file of that cost."""
    return min(TIME_S_MAX, _TIME_S_LEAST + 2 * cost_s)


def check_cost(cost_s: float) -> None:
    """Raise ``InvalidMedia`` for an image that is too costly to decode."""
    if cost_s > COST_S_MAX:
        raise InvalidMedia(
            f"The image is too much work to decode: about {cost_s:.0f} s; at most "
            f"{COST_S_MAX:g} s are spent on one. Save it with common settings, or smaller."
        )


def check_scans(scans: int) -> None:
    """Raise ``InvalidMedia`` for a JPEG with too many scans."""
    if scans > SCANS_MAX:
        raise InvalidMedia(
            f"The JPEG file has {scans} scans; at most {SCANS_MAX} are decoded. Save it again."
        )


def jpeg_s(
    *,
    pixels: int,
    components: int,
    samples_of_scans: int,
    scan_bytes: int,
    metadata_bytes: int,
    parts: int,
    is_arithmetic: bool,
) -> float:
    """Return the cost of a JPEG: every scan processes the samples of its components."""
    entropy = 1.5 * samples_of_scans + 60 * scan_bytes
    slower = _ARITHMETIC if is_arithmetic else 1
    shown = 5 * pixels * components
    return (
        slower * entropy + shown + _METADATA_BYTES_NS * metadata_bytes + _PARTS_NS * parts
    ) / 1e9


def png_s(*, pixels: int, bytes_per_pixel: int, data_bytes: int, parts: int) -> float:
    """Return the cost of a PNG's first frame: filters process every byte."""
    return (15 * pixels * bytes_per_pixel + 10 * data_bytes + _PARTS_NS * parts) / 1e9


def webp_s(*, pixels: int, data_bytes: int, parts: int) -> float:
    """Return the cost of a WebP's first frame."""
    return (40 * pixels + 90 * data_bytes + _PARTS_NS * parts) / 1e9


def heic_s(*, coded_pixels: int, data_bytes: int, parts: int) -> float:
    """Return the cost of a HEIC: every tile and every layer is a separate image."""
    return (40 * coded_pixels + 120 * data_bytes + _PARTS_NS * parts) / 1e9


def gif_s(*, pixels: int, data_bytes: int, parts: int) -> float:
    """Return the cost of a GIF's first frame."""
    return (20 * pixels + 30 * data_bytes + _PARTS_NS * parts) / 1e9


def tiff_s(*, pixels: int, bits: int, data_bytes: int, parts: int) -> float:
    """Return the cost of a TIFF's first page: strips or tiles of any compression."""
    return (15 * pixels * max(1, bits // 8) + 90 * data_bytes + _PARTS_NS * parts) / 1e9
