"""Which pages of other origins may call the API from a browser (CORS).

A page sends its token itself: no credentials of the browser are allowed, and the dashboard, which
has a cookie, answers no other origin.
"""

from __future__ import annotations

import re

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.settings import Settings

_LOOPBACK = r"https?://(localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?"
_ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_EXPOSED = (
    "Content-Disposition", "Content-Range", "Deprecation", "ETag", "Idempotency-Replayed", "Link",
    "Location", "Preference-Applied", "Retry-After", "Sunset",
)  # fmt: skip
_MAX_AGE_S = 3_600
_PAGE = "/ui"


def is_origin(text: str) -> bool:
    """Say whether this is an origin, like ``https://app.example``, or ``*`` for every one."""
    return text == "*" or _ORIGIN.fullmatch(text) is not None


def with_cross_origin(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Return the application with the answers that browsers need for the settings' origins."""
    origins = settings.cors_origins
    if origins is None and not settings.is_dev:
        return app
    allowed = CORSMiddleware(
        app,
        allow_origins=[origin.lower() for origin in origins or ()],
        allow_origin_regex=_LOOPBACK if origins is None else None,
        allow_methods=_METHODS,
        allow_headers=["*"],  # the preflight's own list is returned
        expose_headers=_EXPOSED,
        max_age=_MAX_AGE_S,
    )

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        is_page = path == _PAGE or path.startswith(f"{_PAGE}/")
        await (app if is_page else allowed)(scope, receive, send)

    return route
