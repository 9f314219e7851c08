"""The files that a provider's answer names, in whatever shape it names them. Pure.

An answer is a URL, a list of them, or objects that hold them; only http, https and data URLs are
files, and text that is none is left out. Whether a URL may be fetched is judged by who fetches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ringback.egress.fetch import decode_data_url
from ringback.engines.upstream.provider import File
from ringback.errors import FetchError

FILES_MAX = 64
_DEPTH_MAX = 6
_INLINE_BYTES_MAX = 64 << 20
_URL_LENGTH_MAX = 2_048
_SCHEMES = ("https://", "http://")


def files_in(answer: Any, *, only_urls_of_objects: bool = False) -> tuple[File, ...]:
    """Return the files of an answer in their order, each once, and not too many.

    ``only_urls_of_objects`` takes an object's ``url`` and no other text: where an answer repeats
    its input, an input's URL is no result.
    """
    found: dict[str, File] = {}
    for url in _urls(answer, 0, strict=only_urls_of_objects):
        file = None if url in found else _file(url)
        if file is not None:
            found[url] = file
        if len(found) == FILES_MAX:
            break
    return tuple(found.values())


def _urls(value: Any, depth: int, *, strict: bool) -> Iterator[str]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, str):
        if not strict:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _urls(item, depth + 1, strict=strict)
    elif isinstance(value, dict):
        if isinstance(value.get("url"), str):
            yield value["url"]
            return
        for item in value.values():
            yield from _urls(item, depth + 1, strict=strict)


def _file(url: str) -> File | None:
    if url[:5].lower() == "data:":
        try:
            return File(content=decode_data_url(url, bytes_max=_INLINE_BYTES_MAX))
        except FetchError:
            return None
    is_link = url.lower().startswith(_SCHEMES) and len(url) <= _URL_LENGTH_MAX
    return File(url=url) if is_link else None
