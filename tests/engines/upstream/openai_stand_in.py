"""A fake of OpenAI's images API, written from its public documentation, on loopback.

It validates like the documented server (the key, the model, sizes, the number of images, unknown
fields), responds with the documented shapes, headers and errors, and counts the images it was paid
for. ``next`` scripts failures.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from ringback.testing import FakeReceiver, ReceivedRequest, respond
from tests.forms import read_form

SIZES = {
    "gpt-image-1": ("1024x1024", "1536x1024", "1024x1536", "auto"),
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
}
UNSAFE = "blood"
_LIMIT = "500"


def a_picture(size: str, number: int) -> bytes:
    """Return a PNG with that size in its header; the number makes it unique."""
    width, height = (int(part) for part in size.split("x"))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"tEXt", b"number\0%d" % number),
        (b"IDAT", zlib.compress(bytes((width // 8 + 1) * height))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


class OpenAIStandIn(FakeReceiver):
    """Makes images for requests with the key, and records them."""

    def __init__(self, *, key: str) -> None:
        super().__init__()
        self._key = key
        self.sold = 0
        self.pictures: list[bytes] = []
        self.submissions: list[dict[str, Any]] = []
        self.next: deque[str] = deque()
        self.remaining = int(_LIMIT)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    @property
    def base_url(self) -> str:
        """The base URL of the API."""
        return self.url_at("/v1")

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        self.requests.append(request)
        trouble = self.next.popleft() if self.next else ""
        if request.path.startswith("/files/"):
            transport.write(respond(200, body=self.pictures[int(request.path[7:])]))
        elif trouble == "reset":
            transport.abort()
        elif trouble == "busy":
            document = _error("Rate limit reached for images.", "requests", "rate_limit_exceeded")
            transport.write(self._shown(document, 429, {"retry-after": "0"}))
        elif trouble == "spent":
            text = "You exceeded your current quota, please check your plan and billing details."
            document = _error(text, "insufficient_quota", "insufficient_quota")
            transport.write(self._shown(document, 429))
        elif trouble == "broken":
            text = "The server had an error while processing your request."
            transport.write(self._shown(_error(text, "server_error", None), 500))
        elif trouble == "drop":
            self._made(request)
            transport.abort()
        elif trouble == "half":
            whole = self._made(request)
            transport.write(whole[: len(whole) // 2])
            transport.close()
        elif trouble == "garbled":
            transport.write(self._shown({"created": 1, "data": [{"b64_json": "?"}]}, 200))
        elif trouble == "junk":
            transport.write(respond(200, body=b"<html>"))
        else:
            transport.write(self._made(request))

    def _made(self, request: ReceivedRequest) -> bytes:
        if request.header("authorization") != f"Bearer {self._key}":
            text = "Incorrect API key provided: sk-*****. You can find your API key at the site."
            return self._shown(_error(text, "invalid_request_error", "invalid_api_key"), 401)
        try:
            fields = _read(request)
        except ValueError:
            text = "Could not parse multipart form"
            return self._shown(_error(text, "invalid_request_error", None), 400)
        self.submissions.append(fields)
        wrong = self._wrong(fields, is_edit=request.path == "/v1/images/edits")
        if wrong is not None:
            return self._shown(wrong, 400)
        self.sold += 1
        self.remaining -= 1
        size = fields.get("size", "1024x1024")
        made = [self._picture(size) for _ in range(int(fields.get("n", 1)))]
        if fields.get("response_format") == "url":
            data = [{"url": self.url_at(f"/files/{number}")} for number in made]
        else:
            data = [{"b64_json": b64encode(self.pictures[number]).decode()} for number in made]
        usage = {"total_tokens": 100, "input_tokens": 50, "output_tokens": 50}
        return self._shown({"created": 1_713_833_628, "data": data, "usage": usage}, 200)

    def _picture(self, size: str) -> int:
        number = len(self.pictures)
        self.pictures.append(a_picture(size, number))
        return number

    def _wrong(self, fields: Mapping[str, Any], *, is_edit: bool) -> dict[str, Any] | None:
        model = fields.get("model", "dall-e-2")
        if model not in SIZES:
            text = f"The model '{model}' does not exist."
            return _error(text, "invalid_request_error", "model_not_found")
        if UNSAFE in fields["prompt"]:
            text = "Your request was rejected as a result of our safety system."
            code = "moderation_blocked" if model == "gpt-image-1" else "content_policy_violation"
            return _error(text, "image_generation_user_error", code)
        if fields.get("size", "1024x1024") not in SIZES[model]:
            text = f"Invalid value: '{fields['size']}'. Supported values are: {SIZES[model]}."
            return _error(text, "invalid_request_error", "invalid_value")
        if not 1 <= int(fields.get("n", 1)) <= (1 if model == "dall-e-3" else 10):
            return _error("Invalid 'n'.", "invalid_request_error", "invalid_value")
        if model == "gpt-image-1" and "response_format" in fields:
            text = "Unknown parameter: 'response_format'."
            return _error(text, "invalid_request_error", "unknown_parameter")
        if is_edit and not fields["images"]:
            return _error("Missing image.", "invalid_request_error", "missing_required_parameter")
        return None

    def _shown(self, document: object, status: int, more: Mapping[str, str] | None = None) -> bytes:
        headers = {
            "content-type": "application/json",
            "x-request-id": "req_1",
            "x-ratelimit-limit-requests": _LIMIT,
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": "120ms",
            **(more or {}),
        }
        return respond(status, headers=list(headers.items()), body=msgspec.json.encode(document))


def _read(request: ReceivedRequest) -> dict[str, Any]:
    kind = request.header("content-type") or ""
    if not kind.startswith("multipart/"):
        document: dict[str, Any] = msgspec.json.decode(request.body)
        return document
    fields: dict[str, Any] = {"images": []}
    for part in read_form(kind, request.body):
        if part.filename is None:
            fields[part.name] = part.content.decode()
        else:
            fields["images"].append((part.name, part.filename, part.media_type, part.content))
    return fields


def _error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
