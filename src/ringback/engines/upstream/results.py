"""Reads the end of a job from a provider's answer: its files, or the reason why it has none. Pure.

The downloader checks whether a URL may be fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ringback.engines.upstream.provider import File, ProviderStatus
from ringback.wire.answer_files import FoundFile
from ringback.wire.answer_files import files_in as found_in
from ringback.wire.answer_reasons import reason_in
from ringback.wire.base64_text import decode_data, is_data_url

_INLINE_BYTES_MAX = 64 << 20
_WORDS_MAX = 300
_DEPTH_MAX = 6
_FLAG = re.compile(r"nsfw|unsafe|safety|moderat|flagged|filter|blocked|refus|censor|violat", re.I)
_FLAG_IN_WORDS = re.compile(r"(?:finish|stop|block|filter)_?reason|refus|violat|moderation", re.I)
_SETTING = re.compile(r"enable|disable|allow|skip|toleran|level|threshold|version|model", re.I)
_HARMLESS = frozenset({"none", "stop", "success", "safe", "ok", "passed", "allowed", "complete"})


class Found(NamedTuple):
    """The readable files of an answer, and a sentence for each that is not."""

    files: tuple[File, ...]
    notes: tuple[str, ...] = ()


def files_in(answer: Any, *, is_list_of_urls: bool = False) -> Found:
    """Return the distinct files of an answer in their order, with a note for unreadable ones."""
    files: list[File] = []
    notes: list[str] = []
    for found in found_in(answer, is_list_of_urls=is_list_of_urls):
        file = _file(found)
        if file is None:
            notes.append(
                f"A file in the answer is not base64, or larger than {_INLINE_BYTES_MAX >> 20} MiB."
            )
        else:
            files.append(file)
    return Found(tuple(files), tuple(dict.fromkeys(notes)))


def completed(
    found: Found, answer: Any, *, reason: str = "", cost: str = "", style_id: str | None = None
) -> ProviderStatus:
    """Return the end of a job that its provider calls completed.

    Without a file and a style it has failed, with that reason or one in the answer.
    """
    if found.files or style_id is not None:
        return ProviderStatus(
            status="completed", files=found.files, notes=found.notes, style_id=style_id, cost=cost
        )
    reasons = (*found.notes, reason, reason_in(answer), _flags_in(answer), _text_of(answer))
    because = next(filter(None, reasons), "")
    error = f"it made no file: {because}" if because else "it made no file"
    return ProviderStatus(status="failed", error=error, cost=cost)


def _file(found: FoundFile) -> File | None:
    """Return a found file with its bytes, or with its URL where it has no bytes; None for junk."""
    is_link = bool(found.url) and not is_data_url(found.url)
    for encoded in (found.base64, "" if is_link else found.url):
        if encoded and len(encoded) * 3 // 4 <= _INLINE_BYTES_MAX:
            content = decode_data(encoded)
            if content is not None:
                return File(content=content)
    return File(url=found.url) if is_link else None


def _flags_in(answer: Any) -> str:
    """Return the marks of a filter in an answer, like ``has_nsfw_concepts``."""
    return "; ".join(dict.fromkeys(_flags(answer, 0)))[:_WORDS_MAX]


def _flags(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, list):
        for item in value:
            yield from _flags(item, depth + 1)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name in ("input", "request") or _SETTING.search(name):
                continue
            if _FLAG.search(name) and (item is True or (isinstance(item, list) and True in item)):
                yield name
            elif _FLAG_IN_WORDS.search(name) and isinstance(item, str):
                if item.strip() and item.strip().lower() not in _HARMLESS:
                    yield f"{name}: {item.strip()}"
            else:
                yield from _flags(item, depth + 1)


def _text_of(answer: Any) -> str:
    """Return an answer that is nothing but text."""
    if isinstance(answer, str):
        return answer.strip()[:_WORDS_MAX]
    if isinstance(answer, list) and all(isinstance(item, str) for item in answer):
        return "".join(answer).strip()[:_WORDS_MAX]
    return ""
