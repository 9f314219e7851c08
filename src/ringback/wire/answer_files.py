"""Finds the files in an answer, in any of the shapes that servers of generated media use.

A file is a URL or base64: a string, an item of a list, a value of a map, or an object that has it
under a name like ``url``, ``uri``, ``b64_json`` or ``data``, at any depth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

URL_LENGTH_MAX = 8_192
"""The longest URL that is read; a signed one of a store with a session token has 2,000 or more."""

_DEPTH_MAX = 12
_FILES_MAX = 1_000
_LINKS = ("url", "uri", "href", "src", "link", "downloadurl", "signedurl", "fileurl", "fileuri")
_KINDS = ("mimetype", "contenttype", "mediatype")
_LISTS = frozenset({"data", "result", "results", "media"})
_COLLECTIONS = frozenset(
    f"{name}{plural}"
    for name in (
        *("artifact", "asset", "audio", "file", "image", "mesh", "output", "picture", "sample"),
        "video",
    )
    for plural in ("", "s")
)
# These are no results: an answer may repeat its input, and name its own address.
_OTHERS = frozenset(
    {"input", "inputs", "request", "parameters", "payload", "prompt", "negativeprompt", "metadata"}
    | {"error", "errors", "detail", "details", "logs", "meta", "metrics", "usage", "callbackurl"}
    | {"webhook", "webhookurl", "statusurl", "responseurl", "cancelurl", "geturl", "pollingurl"}
    | {"fetchresult", "taskinfo"}
)
# A map of links with one of these tells where the job itself is found, unless it names a file.
_OWN_LINKS = ("get", "self")
_NAMED_FILE = re.compile(r"\S+/[^\s/?#]*\.[A-Za-z0-9]{2,5}(?:[?#]\S*)?")
# The first look makes the rest linear: where no blank follows, nothing has to be tried again.
_WORD = r"(?=\S+\Z)"
_SUFFIXED = r"[^\s/]\S*\.[A-Za-z0-9]{2,5}(?:[?#]\S*)?"
_ADDRESS = re.compile(rf"{_WORD}(?:https?:)?//[^\s/]+(?:[/?]\S*)?|data:[^,]*,.+", re.I | re.S)
_ROOTED = re.compile(rf"{_WORD}/{_SUFFIXED}")
_RELATIVE = re.compile(_WORD + _SUFFIXED)
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]+")
# How base64 of PNG, JPEG, GIF, RIFF (WebP, WAV), MP4, WebM, GLB, Ogg, FLAC and MP3 begins.
_STARTS = (
    *("iVBORw0KGgo", "/9j/", "_9j_", "R0lGOD", "UklGR", "AAAA", "GkXfo", "Z2xURg", "T2dnUw"),
    *("ZkxhQw", "SUQz"),
)
_BASE64_LENGTH_MIN = 32


def data_url(file: FoundFile) -> str:
    """Return the base64 of a file as a data URL (RFC 2397)."""
    if file.base64[:5].lower() == "data:":
        return file.base64
    return f"data:{file.media_type or 'application/octet-stream'};base64,{file.base64}"


class _Text(IntEnum):
    """Which strings are files: none, …, all that are not blank."""

    NONE = 0
    LISTED = 1  # those in the form of an absolute URL, of a path with a suffix, or of base64
    MAPPED = 2  # the same, and those that are values of a map
    RELATIVE = 3  # also a name with a suffix
    ALL = 4


_IN_MAP = {_Text.ALL: _Text.RELATIVE, _Text.RELATIVE: _Text.RELATIVE, _Text.MAPPED: _Text.MAPPED}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of an answer: its URL as written, which may be relative, its base64, or both."""

    url: str = ""
    base64: str = field(default="", repr=False)
    media_type: str = ""


def files_in(answer: Any, *, is_list_of_urls: bool = False) -> tuple[FoundFile, ...]:
    """Return the distinct files of an answer in their order, a thousand at most.

    A string that is a URL, under a name that says nothing about files, counts only where nothing
    else is found, because an answer may repeat the URLs of its input.
    """
    text = _Text.ALL if is_list_of_urls else _Text.LISTED
    return _distinct(_walk(answer, 0, text, _Text.NONE)) or _distinct(
        _walk(answer, 0, text, _Text.MAPPED)
    )


def _distinct(files: Iterator[FoundFile]) -> tuple[FoundFile, ...]:
    found: dict[FoundFile, None] = {}
    for file in files:
        found[file] = None
        if len(found) == _FILES_MAX:
            break
    return tuple(found)


def _walk(value: Any, depth: int, text: _Text, least: _Text) -> Iterator[FoundFile]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, str):
        yield from _in_text(value.strip(), depth, text, least)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _walk(item, depth + 1, text, least)
    elif isinstance(value, dict):
        members = {_folded(name): item for name, item in value.items() if isinstance(name, str)}
        if (file := _file_of(members)) is not None:
            yield file
            return
        if text is _Text.ALL and _are_own_links(members):
            return
        below = max(least, _IN_MAP.get(text, least))
        for name, item in members.items():
            if name not in _OTHERS:
                yield from _walk(item, depth + 1, max(below, _text_of(name)), least)


def _in_text(value: str, depth: int, text: _Text, least: _Text) -> Iterator[FoundFile]:
    if not value or text is _Text.NONE:
        return
    if _is_base64_file(value):
        yield FoundFile(base64=value)
    elif _ADDRESS.fullmatch(value) or _ROOTED.fullmatch(value):
        yield FoundFile(url=value)
    elif value[0] in "{[" and (document := _json_of(value)) is not None:
        yield from _walk(document, depth + 1, text, least)
    elif text is _Text.ALL or (text is _Text.RELATIVE and _RELATIVE.fullmatch(value)):
        yield FoundFile(url=value)


def _file_of(members: dict[str, Any]) -> FoundFile | None:
    """Return the file that an object with these members describes, or None."""
    url = next(filter(None, (_text(members.get(name)) for name in _LINKS)), "")
    kind = next(filter(None, (_text(members.get(name)) for name in _KINDS)), "")
    encoded = next(
        filter(
            None,
            (_text(item) for name, item in members.items() if "b64" in name or "base64" in name),
        ),
        "",
    )
    data = _text(members.get("data"))
    if not url and not encoded and data:
        if _ADDRESS.fullmatch(data):
            url = data
        elif kind or _is_base64_file(data):
            encoded = data
    if not url and not encoded:
        return None
    return FoundFile(url=url, base64=encoded, media_type=kind)


def _are_own_links(members: dict[str, Any]) -> bool:
    links = [members[name] for name in _OWN_LINKS if members.get(name)]
    addresses = [_text(one.get("href") if isinstance(one, dict) else one) for one in links]
    return any(one and not _NAMED_FILE.fullmatch(one) for one in addresses)


def _text_of(name: str) -> _Text:
    """Return which strings below a member of that name are files."""
    if name in _LINKS or name == "links" or name.endswith(("urls", "uris")):
        return _Text.ALL
    if name in _COLLECTIONS:
        return _Text.MAPPED
    return _Text.LISTED if name in _LISTS else _Text.NONE


def _is_base64_file(text: str) -> bool:
    is_long = len(text) > URL_LENGTH_MAX
    is_known = len(text) >= _BASE64_LENGTH_MIN and text.startswith(_STARTS)
    return (is_long or is_known) and _BASE64.fullmatch(text, 0, URL_LENGTH_MAX) is not None


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
