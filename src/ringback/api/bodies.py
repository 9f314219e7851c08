"""Request bodies: counted as they arrive, then read as one JSON object."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from ringback.api.headers import RequestHeaders
from ringback.errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType

_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")
_decode = msgspec.json.Decoder().decode


_GENERATION = '{"prompt": "a lake at dawn"}'


async def read_object(
    headers: RequestHeaders, receive: Receive, bytes_max: int, *, like: str = _GENERATION
) -> dict[str, Any]:
    """Return the body's JSON object; ``like`` is an example for those who sent none.

    Raises ``UnsupportedMediaType``, ``BodyTooLarge`` or ``InvalidRequest``.
    """
    _check_type(headers.get(b"content-type"))
    return _object(await read_bounded(headers, receive, bytes_max), like)


async def read_optional_object(
    headers: RequestHeaders, receive: Receive, bytes_max: int, *, like: str
) -> dict[str, Any]:
    """Return the body's JSON object, an empty one when there is no body."""
    body = await read_bounded(headers, receive, bytes_max)
    if not body:
        return {}  # curl -X POST says that nothing is a form
    _check_type(headers.get(b"content-type"))
    return _object(body, like)


async def read_bounded(headers: RequestHeaders, receive: Receive, bytes_max: int) -> bytes:
    """Return the whole body, or raise ``BodyTooLarge``."""
    length = headers.get(b"content-length")
    # A body that admits to be too large is refused unread; one that lies is counted below.
    if length is not None and length.isdigit() and int(length[:20]) > bytes_max:
        raise BodyTooLarge(bytes_max)
    return await _read(receive, bytes_max)


def _check_type(content_type: bytes | None) -> None:
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


async def _read(receive: Receive, bytes_max: int) -> bytes:
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


def _object(body: bytes, like: str) -> dict[str, Any]:
    try:
        value = _decode(body)
    except UnicodeDecodeError as exc:
        raise InvalidRequest("The body is not UTF-8 text.") from exc
    except RecursionError as exc:
        raise InvalidRequest("The body is nested too deeply.") from exc
    except msgspec.DecodeError as exc:
        raise InvalidRequest(_what_is_wrong(body, exc, like)) from exc
    if not isinstance(value, dict):
        raise InvalidRequest(f"The body must be a JSON object, like {like}.")
    return value


def _what_is_wrong(body: bytes, error: msgspec.DecodeError, like: str) -> str:
    if not body.strip():
        return f"The body is empty; send a JSON object, like {like}."
    # msgspec gives "truncated" as the reason for half a surrogate pair too, and without a position.
    if "truncated" in str(error):
        try:
            json.loads(body)
        except UnicodeDecodeError:  # which msgspec finds within strings alone
            return "The body is not UTF-8 text."
        except json.JSONDecodeError as exc:
            return f"The body is not JSON: {exc}."
        except RecursionError:
            return "The body is nested too deeply."
        return "The body has a string with half of a surrogate pair, which is not text."
    return f"The body is not JSON: {error}."
