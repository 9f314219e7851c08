"""Files as an HTML form sends them (RFC 7578). Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ringback.egress.caller import Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One field of a form; with a file name it is a file."""

    name: str
    content: bytes = field(repr=False)
    file_name: str | None = None
    media_type: str = "application/octet-stream"


def form_of(*parts: Part) -> tuple[Headers, bytes]:
    """Return the headers and the body of a form.

    The boundary is a digest of all that it parts: a file cannot hold it, and so no file can end
    its own field and begin another.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.content).digest())
    boundary = digest.hexdigest()
    lines: list[bytes] = []
    for part in parts:
        lines.append(f"--{boundary}\r\n{_head(part)}\r\n\r\n".encode("ascii"))
        lines.append(part.content + b"\r\n")
    lines.append(f"--{boundary}--\r\n".encode("ascii"))
    return (("content-type", f"multipart/form-data; boundary={boundary}"),), b"".join(lines)


def _head(part: Part) -> str:
    disposition = f'content-disposition: form-data; name="{part.name}"'
    if part.file_name is None:
        return disposition
    return f'{disposition}; filename="{part.file_name}"\r\ncontent-type: {part.media_type}'
