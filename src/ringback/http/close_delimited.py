"""Responses to HTTP/1.0 clients, which know no chunks: the end of the connection ends the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent


class CloseDelimitedCycle(RequestResponseCycle):
    """A cycle of uvicorn whose bodies have no framing of their own (RFC 9112, section 6.3)."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the response; bodies of any length are taken."""
        self.chunked_encoding = False
        if message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)
