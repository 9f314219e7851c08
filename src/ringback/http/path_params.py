"""Ids in paths: UUIDs, which become lower case."""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def uuid_in(request: Request, name: str, missing: Callable[[], Exception]) -> str:
    """Return the id that the path names, in lower case; raises ``missing()`` for any other text."""
    text: str = request.path_params[name].lower()
    if not _UUID.fullmatch(text):
        raise missing()
    return text
