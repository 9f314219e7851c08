"""Fetching what a request names, and saying what is wrong when that fails."""

from __future__ import annotations

from ringback.engines.contract import EngineIO
from ringback.errors import EngineError, FetchError

INPUT_BYTES_MAX = 75 * 1024 * 1024  # what an asset may have
_SHOWN_CHARACTERS_MAX = 80  # of an input's URL, in an error


async def fetched(url: str, io: EngineIO, *, what: str) -> bytes:
    """Return the bytes behind an input's URL, or raise ``EngineError`` with the reason."""
    try:
        return await io.fetch(url, bytes_max=INPUT_BYTES_MAX)
    except FetchError as exc:
        # Without the query: that is where a signed URL keeps its secret.
        shown = url.partition("?")[0][:_SHOWN_CHARACTERS_MAX]
        raise EngineError(f"The input {what} {shown} could not be fetched: {exc.reason}.") from exc
