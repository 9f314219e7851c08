"""The codecs and containers in which an enhanced clip can be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ringback.errors import EngineError

# One thread each gives reproducible bytes, within one job's memory and cores.
_X264 = {
    "preset": "veryfast",
    "crf": "18",
    "threads": "1",
    "rc-lookahead": "12",
    "mbtree": "0",
    "x264-params": "log-level=none",
}
# Without B-frames and a look-ahead, frames of 4K fit into the memory of a job.
_X265 = "log-level=none:pools=none:frame-threads=1:bframes=0:rc-lookahead=0"
_HDR = f"{_X265}:colorprim=bt2020:colormatrix=bt2020nc:repeat-headers=1"
_HDR10 = (
    f"{_HDR}:transfer=smpte2084:hdr10=1:max-cll=406,203:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
)
_SVT_AV1 = {"preset": "12", "crf": "28", "svtav1-params": "lp=1:pred-struct=1"}
_VP9 = {"crf": "28", "b": "0", "threads": "1", "row-mt": "0"}

Hdr = Literal["pq", "hlg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """A codec with its settings, and its container."""

    codec: str
    pix_fmt: str
    container: str = "mp4"
    sound: str = "aac"
    tag: str | None = None
    hdr: Hdr | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """The end of the file's name."""
        return f".{self.container}"

    @property
    def media_type(self) -> str:
        """The media type of the file."""
        return _MEDIA_TYPES[self.container]

    @property
    def bits(self) -> int:
        """The bits of one sample."""
        return 10 if self.pix_fmt.endswith("10le") else 8


_MEDIA_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"}


def _hevc(pix_fmt: str, parameters: str, hdr: Hdr | None = None) -> Encoding:
    options = {"preset": "ultrafast", "crf": "18", "x265-params": parameters}
    # Without this tag, players by Apple refuse the file.
    return Encoding(codec="libx265", pix_fmt=pix_fmt, tag="hvc1", hdr=hdr, options=options)


def _prores(profile: int, pix_fmt: str = "yuv422p10le", hdr: Hdr | None = None) -> Encoding:
    options = {"profile": str(profile), "threads": "1"}
    return Encoding(codec="prores", pix_fmt=pix_fmt, container="mov", hdr=hdr, options=options)


def _av1(pix_fmt: str) -> Encoding:
    return Encoding(codec="libsvtav1", pix_fmt=pix_fmt, options=_SVT_AV1)


def _vp9(deadline: str, cpu_used: str) -> Encoding:
    options = {**_VP9, "deadline": deadline, "cpu-used": cpu_used}
    return Encoding(
        codec="libvpx-vp9", pix_fmt="yuv420p", container="webm", sound="libopus", options=options
    )


ENCODINGS = {
    "h264-high": Encoding(codec="libx264", pix_fmt="yuv420p", options=_X264),
    "h265-main": _hevc("yuv420p", _X265),
    "h265-main10": _hevc("yuv420p10le", _X265),
    "prores-422-proxy": _prores(0),
    "prores-422-lt": _prores(1),
    "prores-422-std": _prores(2),
    "prores-422-hq": _prores(3),
    "av1-8-bit": _av1("yuv420p"),
    "av1-10-bit": _av1("yuv420p10le"),
    "vp9-good": _vp9("realtime", "6"),
    "vp9-best": _vp9("realtime", "4"),
    "hdr10": _hevc("yuv420p10le", _HDR10, "pq"),
    "hlg": _hevc("yuv420p10le", f"{_HDR}:transfer=arib-std-b67", "hlg"),
    "hdr_prores 422": _prores(2, hdr="pq"),
    "hdr_prores 422 HQ": _prores(3, hdr="pq"),
    "hdr_prores 4444": _prores(4, "yuv444p10le", "pq"),
}
"""Each encoding by its name in requests; one of HDR and ProRes with its profile."""


def writable(name: str, encodings: Mapping[str, Encoding] = ENCODINGS) -> Encoding:
    """Return the encoding of that name, or raise ``EngineError`` if no encoder is installed."""
    if _is_installed(encodings[name].codec):
        return encodings[name]
    others = [one for one, encoding in encodings.items() if _is_installed(encoding.codec)]
    raise EngineError(
        f"The installed FFmpeg has no encoder for {name}; it can write {', '.join(others)}."
    )


def _is_installed(codec: str) -> bool:
    import av

    try:
        av.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True
