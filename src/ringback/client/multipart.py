"""A file and some fields as a body of multipart/form-data (RFC 7578)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping


def encode_file(
    name: str, content: bytes, media_type: str, fields: Mapping[str, str]
) -> tuple[bytes, str]:
    """Return the body, whose file is the part ``file``, and its content type."""
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{field}"', value.encode()) for field, value in fields.items()]
    disposition = f'name="file"; filename="{_quoted(name)}"'
    kind = "".join(c for c in media_type if c.isascii() and c.isprintable())
    parts.append(_part(boundary, disposition, content, f"Content-Type: {kind}\r\n"))
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, disposition: str, content: bytes, more: str = "") -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
    return head.encode() + content + b"\r\n"


def _quoted(name: str) -> str:
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(c if c.isprintable() else "_" for c in escaped)
