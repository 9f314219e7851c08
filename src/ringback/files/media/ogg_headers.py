"""The first packets of a stream in Ogg: how its sound is coded, then comments about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ringback.errors import InvalidMedia
from ringback.files.media import flac

_OPUS_RATE = 48_000
_COUNT_BYTES = 4
_FLAC_HEAD_BYTES = 9  # before the marker of FLAC: a type, its name, a version, a count
_PADDING, _SEEK_TABLE, _COMMENTS = 1, 3, 4  # kinds of FLAC's blocks
_MORE_HEADERS_MAX = 8
_ABOUT_OTHERS, _NEVER = "Skeleton", 1 << 62  # a stream that is left out, for no sound begins in it


class Headers:
    """The headers of one stream; after the last of them its sound begins."""

    def __init__(
        self,
        codec: str,
        *,
        rate: int,
        count: int = 1,
        first_sample: int = 0,
        blank: Callable[[bytes], bytes] | None = None,
    ) -> None:
        if not rate:
            raise InvalidMedia(f"The {codec} sound has no sample rate.")
        self.codec = codec
        self._rate = rate
        self._first_sample = first_sample
        self._left = count  # headers that are still to come
        self._blank = blank

    @property
    def are_whole(self) -> bool:
        """Return whether no more headers come."""
        return self._left == 0

    def seconds(self, position: int) -> float:
        """Return the duration up to a number of samples."""
        return max(0, position - self._first_sample) / self._rate

    def add(self, packet: bytes) -> bytes:
        """Take the next header; returns it without comments and of the same length."""
        has_many = self.codec == "FLAC"  # the others have theirs in one packet, the next
        self._left = int(not packet or packet[0] < flac.LAST) if has_many else self._left - 1
        kept = packet if self._blank is None else self._blank(packet)
        self._blank = self._blank if has_many else None
        return kept


def begin(packet: bytes) -> Headers:
    """Return the headers that begin with this packet; raises ``InvalidMedia`` for no sound."""
    if packet.startswith(b"OpusHead"):
        skipped = int.from_bytes(packet[10:12], "little")
        blank = partial(_blanked, start=b"OpusTags")
        return Headers("Opus", rate=_OPUS_RATE, first_sample=skipped, blank=blank)
    if packet.startswith(b"\x01vorbis"):
        rate = int.from_bytes(packet[12:16], "little")
        blank = partial(_blanked, start=b"\x03vorbis", end=b"\x01")
        return Headers("Vorbis", rate=rate, count=2, blank=blank)
    if packet.startswith(b"Speex   "):
        rate, more = (int.from_bytes(packet[at : at + 4], "little") for at in (36, 68))
        return Headers("Speex", rate=rate, count=1 + min(more, _MORE_HEADERS_MAX), blank=_blanked)
    if packet.startswith(b"\x7fFLAC") and packet[_FLAC_HEAD_BYTES:].startswith(flac.START):
        facts = packet[_FLAC_HEAD_BYTES + len(flac.START) + 4 :]
        return Headers("FLAC", rate=flac.rate_and_samples(facts)[0], blank=_blanked_block)
    if packet.startswith(b"fishead\0"):
        return Headers(_ABOUT_OTHERS, rate=1, count=_NEVER)
    raise InvalidMedia(
        "The Ogg file has more in it than Opus, Vorbis, FLAC or Speex; "
        "send a film as MP4, MOV or WebM."
    )


def _blanked_block(block: bytes) -> bytes:
    """Return a block of FLAC's metadata as padding, or as comments without any."""
    flags = block[0] if block else 0
    head, kind = block[:4], flags & ~flac.LAST
    if kind == _SEEK_TABLE:
        return block
    if kind == _COMMENTS:
        return _blanked(block, start=head)
    return (bytes([flags & flac.LAST | _PADDING]) + block[1:4])[: len(block)].ljust(
        len(block), b"\0"
    )


def _blanked(packet: bytes, *, start: bytes = b"", end: bytes = b"") -> bytes:
    """Return comments of the same length: blanks as the writer's name, and none besides."""
    blanks = len(packet) - len(start) - 2 * _COUNT_BYTES - len(end)
    if blanks < 0 or not packet.startswith(start):
        raise InvalidMedia("The Ogg file's comments are broken.")
    count = blanks.to_bytes(_COUNT_BYTES, "little")
    return start + count + b" " * blanks + bytes(_COUNT_BYTES) + end
