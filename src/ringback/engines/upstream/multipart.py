"""Bodies of ``multipart/form-data``, for providers that take files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import httpx2

from ringback.files.artifacts.names import MEDIA_TYPES
from ringback.files.media.content import UNKNOWN
from ringback.files.media.parsing import sniff

_BMP = "image/bmp"  # no artifact here, and taken by providers
_DIGEST_LENGTH = 48  # a boundary has at most 70 characters (RFC 2046, section 5.1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file in a form; its suffix and type are derived from its content."""

    stem: str
    content: bytes


def media_type_of(content: bytes) -> str | None:
    """Return the media type of a picture, film, sound or model, or None for anything else."""
    if (known := sniff(content)) is not None:
        return known.value
    return _BMP if content.startswith(b"BM") else None


def multipart(fields: Sequence[tuple[str, str | Upload]]) -> tuple[str, bytes]:
    """Return the content type and the body of a form; field names need no escaping."""
    digest = sha256()
    for _, value in fields:
        digest.update(value.encode() if isinstance(value, str) else value.content)
    # The digest of all values occurs in none of them.
    boundary = f"ringback-{digest.hexdigest()[:_DIGEST_LENGTH]}"
    content_type = f"multipart/form-data; boundary={boundary}"
    parts = [(name, _part(value)) for name, value in fields]
    form = httpx2.Request(
        "POST", "http://form", files=parts, headers={"content-type": content_type}
    )
    return content_type, form.read()


def _part(value: str | Upload) -> tuple[str | None, bytes, str | None]:
    """Return a part's file name, content and media type."""
    if isinstance(value, str):
        return None, value.encode(), None
    kind = media_type_of(value.content) or UNKNOWN
    return value.stem + MEDIA_TYPES.get(kind, ".bmp"), value.content, kind
