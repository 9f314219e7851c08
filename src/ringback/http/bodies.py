"""Request bodies: their bytes are counted as they arrive, then read as one JSON object."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.errors import BodyTooLarge, InvalidRequest, UnsupportedCoding, UnsupportedMediaType
from ringback.http.headers import RequestHeaders
from ringback.wire.nesting import NESTING_MAX, is_too_deep
from ringback.wire.texts import is_utf_16, without_mark

_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")
_PLAIN = frozenset({b"", b"identity", b"none", b"utf-8", b"utf8", b"binary"})
_CODINGS = (
    (b"content-encoding", _PLAIN, "without the header Content-Encoding"),
    (b"transfer-encoding", _PLAIN | {b"chunked"}, "with chunked alone in Transfer-Encoding"),
)
_TOO_DEEP = f"The body is nested too deeply; it may have {NESTING_MAX} levels of lists and objects."
_decode = msgspec.json.Decoder().decode


GENERATION = '{"prompt": "a lake at dawn"}'


async def read_object(
    headers: RequestHeaders, receive: Receive, bytes_max: int, *, like: str = GENERATION
) -> dict[str, Any]:
    """Return the body's JSON object; ``like`` is an example for the error's sentence.

    Raises ``UnsupportedMediaType``, ``BodyTooLarge`` or ``InvalidRequest``.
    """
    check_type(headers.get(b"content-type"))
    return object_of(await read_bounded(headers, receive, bytes_max), like)


async def read_optional_object(
    headers: RequestHeaders, receive: Receive, bytes_max: int, *, like: str
) -> dict[str, Any]:
    """Return the body's JSON object, or an empty one without a body."""
    body = await read_bounded(headers, receive, bytes_max)
    if not body:
        return {}  # before the type is checked: curl -X POST sends that of a form with no body
    check_type(headers.get(b"content-type"))
    return object_of(body, like)


async def read_bounded(headers: RequestHeaders, receive: Receive, bytes_max: int) -> bytes:
    """Return the whole body, or raise ``UnsupportedCoding`` or ``BodyTooLarge``."""
    check_coding(headers)
    length = headers.get(b"content-length")
    # A wrong length is found while reading; this refuses the body unread.
    if length is not None and length.isdigit() and int(length[:20]) > bytes_max:
        raise BodyTooLarge(bytes_max)
    return await read_bytes(receive, bytes_max)


def check_coding(headers: RequestHeaders) -> None:
    """Raise ``UnsupportedCoding`` for a body that is compressed.

    Names that stand for no compression are ignored, among them a charset that some clients send.
    """
    for name, plain, remedy in _CODINGS:
        codings = headers.any(name)
        if codings is None:
            continue
        named = {coding.strip().lower() for coding in codings.split(b",")}
        if named - plain:
            raise UnsupportedCoding(remedy)


def check_type(content_type: bytes | None) -> None:
    """Raise ``UnsupportedMediaType`` unless the type is JSON in UTF-8, or none is given."""
    if not content_type or content_type == b"application/json":
        return
    bare, *parameters = content_type.lower().split(b";")
    if bare.strip() != b"application/json":
        raise UnsupportedMediaType(
            "The body must be JSON; send the header Content-Type: application/json."
        )
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip(b' \t"') not in _CHARSETS:
            raise UnsupportedMediaType(
                "The body must be JSON in UTF-8; encode it so and leave the charset out."
            )


async def read_bytes(receive: Receive, bytes_max: int) -> bytes:
    """Return the whole body; raises ``BodyTooLarge``, or ``ClientDisconnect`` before its end."""
    chunks: list[bytes] = []
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        received += len(chunk)
        if received > bytes_max:
            raise BodyTooLarge(bytes_max)
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)


def object_of(body: bytes, like: str) -> dict[str, Any]:
    """Return the JSON object of a body, or raise ``InvalidRequest``."""
    body = without_mark(body)
    try:
        value = _decode(body)
    except UnicodeDecodeError as exc:
        raise InvalidRequest("The body is not UTF-8 text.") from exc
    except RecursionError as exc:
        raise InvalidRequest(_TOO_DEEP) from exc
    except msgspec.DecodeError as exc:
        raise InvalidRequest(_decode_error(body, exc, like)) from exc
    if is_too_deep(value):
        raise InvalidRequest(_TOO_DEEP)
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body must be a JSON object, like {like}.")
    return value


def _decode_error(body: bytes, error: msgspec.DecodeError, like: str) -> str:
    if not body.strip():
        return f"The body is empty; send a JSON object, like {like}."
    if is_utf_16(body):
        return "The body is UTF-16; encode it as UTF-8."
    # msgspec says "truncated" for half a surrogate pair too, and has no position for it.
    if "truncated" in str(error):
        try:
            json.loads(body)
        except UnicodeDecodeError:  # msgspec looks for it only within strings
            return "The body is not UTF-8 text."
        except json.JSONDecodeError as exc:
            return f"The body is not JSON: {exc}."
        except RecursionError:
            return _TOO_DEEP
        return "The body has a string with half of a surrogate pair, which is not text."
    return f"The body is not JSON: {error}."
