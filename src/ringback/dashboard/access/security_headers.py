"""Security headers of every response: browsers run no script but our own."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ORIGIN = re.compile(r"https?://[a-z0-9._-]+(?::[0-9]{1,5})?")


def policy(pictures_from: str | None = None) -> str:
    """Return the Content-Security-Policy; pictures may come from one other origin, a bucket's."""
    # Anything but a plain origin could add directives to the policy.
    known = pictures_from is not None and _ORIGIN.fullmatch(pictures_from)
    source = f" {pictures_from}" if known else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{source}",
            f"media-src 'self'{source}",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            # Only static/html.js turns text into HTML.
            "require-trusted-types-for 'script'",
            "trusted-types ringback",
        )
    )


_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    # Not "no-referrer", with which browsers send forms as "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)


class SecurityHeaders:
    """Middleware that adds the headers, and keeps pages out of every cache."""

    def __init__(self, app: ASGIApp, *, pictures_from: str | None = None) -> None:
        self._app = app
        csp = (b"content-security-policy", policy(pictures_from).encode())
        self._headers = (csp, *_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to the response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [header for header in self._headers if header[0] not in present]
                if b"cache-control" not in present:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, send_with_headers)
