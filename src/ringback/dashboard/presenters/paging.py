"""The cursor of a listing's page, in its query and in the link to the next page."""

from __future__ import annotations

from urllib.parse import urlencode

from ringback.dashboard.page_request import PageRequest
from ringback.http.pagination import before_id


def page_start(request: PageRequest) -> str | None:
    """Return the id below which the page's items are, or None for the first page.

    Raises ``InvalidRequest`` for a cursor that is none.
    """
    cursor = request.query.get("cursor")
    return None if cursor is None else before_id(cursor)


def next_path(path: str, cursor: str | None) -> str | None:
    """Return the path of the next page, or None after the last."""
    return None if cursor is None else f"{path}?{urlencode({'cursor': cursor})}"
