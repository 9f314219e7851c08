"""Fetches the input files of a request."""

from __future__ import annotations

from pathlib import Path

from ringback.engines.contract import EngineIO
from ringback.errors import EngineError, FetchError

INPUT_BYTES_MAX = 75 * 1024 * 1024  # the limit of an asset
_SHOWN_CHARACTERS_MAX = 80  # of an input's URL, in an error


async def fetch_to(path: Path, url: str, io: EngineIO, *, kind: str) -> int:
    """Download an input's URL to a file and return its size.

    It raises ``EngineError`` with the reason of a failure.
    """
    try:
        return await io.download(url, path, bytes_max=INPUT_BYTES_MAX)
    except FetchError as exc:
        # Without the query, which holds the secret of a signed URL.
        shown = url.partition("?")[0][:_SHOWN_CHARACTERS_MAX]
        raise EngineError(f"The input {kind} {shown} could not be fetched: {exc.words}.") from exc
