"""The colours of a clip: converted to one matrix and range, with the input's own tags."""

from __future__ import annotations

from dataclasses import dataclass

from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from ringback.engines.sketch.enhance_video.encodings import Hdr

# The numbers that H.273 gives to primaries, transfers and matrices.
_BT709, _UNSPECIFIED, _BT2020, _BT2020_NCL, _PQ, _HLG = 1, 2, 9, 9, 16, 18
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_HIGH_DEFINITION = 720  # lines from which players take an untagged film for BT.709
_JPEG_RANGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """The tags of a clip's colours."""

    primaries: int = _BT709
    transfer: int = _BT709
    matrix: int = _BT709

    @property
    def is_hdr(self) -> bool:
        """Whether the clip has a high dynamic range."""
        return self.transfer in (_PQ, _HLG)


def colours_of(frame: VideoFrame) -> Colours:
    """Return the colours in which the frames of an input are written again."""
    if frame.color_primaries != _BT2020:
        return Colours()
    return Colours(primaries=_BT2020, transfer=frame.color_trc, matrix=_BT2020_NCL)


def hdr_colours(hdr: Hdr) -> Colours:
    """Return the tags of a high dynamic range."""
    transfer = _PQ if hdr == "pq" else _HLG
    return Colours(primaries=_BT2020, transfer=transfer, matrix=_BT2020_NCL)


def converted(frame: VideoFrame, colours: Colours, *, pix_fmt: str) -> VideoFrame:
    """Return a frame in that format, in these colours, with the range of films."""
    own = _MATRICES.get(int(frame.colorspace))
    if own is None:
        own = Colorspace.ITU709 if frame.height >= _HIGH_DEFINITION else Colorspace.ITU601
    is_full = frame.format.name.startswith("yuvj") or frame.color_range == _JPEG_RANGE
    return frame.reformat(
        format=pix_fmt,
        src_colorspace=own,
        dst_colorspace=_MATRICES[colours.matrix],
        src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
