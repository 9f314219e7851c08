"""Bodies of ``multipart/form-data``, for providers that take files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ringback.media.looking import media_type_of

_ENDINGS = {"video/quicktime": "mov", "audio/mpeg": "mp3", "model/gltf-binary": "glb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file in a form; what it is called and said to be comes from its content."""

    stem: str
    content: bytes


def multipart(fields: Sequence[tuple[str, str | Upload]]) -> tuple[str, bytes]:
    """Return the content type and the body of a form; its names are ours and plain."""
    digest = sha256()
    for _, value in fields:
        digest.update(value.encode() if isinstance(value, str) else value.content)
    # No value holds the digest of all values.
    boundary = f"ringback-{digest.hexdigest()}"
    parts = []
    for name, value in fields:
        head, content = _part(name, value)
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body


def _part(name: str, value: str | Upload) -> tuple[str, bytes]:
    disposition = f'content-disposition: form-data; name="{name}"'
    if isinstance(value, str):
        return disposition, value.encode()
    media_type = media_type_of(value.content)
    kind = "application/octet-stream" if media_type is None else media_type.value
    ending = _ENDINGS.get(kind) or kind.partition("/")[2]
    return f'{disposition}; filename="{value.stem}.{ending}"\r\ncontent-type: {kind}', value.content
