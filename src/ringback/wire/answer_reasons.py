"""Finds the reason of a failure in an answer, in any of the shapes that servers use."""

from __future__ import annotations

from typing import Any

_DEPTH_MAX = 6
_ITEMS_MAX = 3
# In the order in which they are looked for, without "_" and "-", in lower case.
_NAMES = (
    *("message", "error", "detail", "title", "msg", "reason", "errors", "details"),
    *("errormessage", "errormsg", "failurereason", "failreason", "failmsg", "failure"),
    *("statusmessage", "statusreason", "description", "text"),
)
_CODES = ("code", "errorcode", "failcode", "errortype", "type")
_NO_REASON = frozenset({"ok", "success", "succeeded", "none", "null", "error", "failed", "true"})


def reason_in(document: Any) -> str:
    """Return the reason that an answer gives for a failure; empty where it gives none.

    A sentence is preferred to a code, and any text to one that only says that it failed.
    """
    return _words(document, 0, is_error=False) or _own_code(document)


def _words(value: Any, depth: int, *, is_error: bool) -> str:
    if depth > _DEPTH_MAX:
        return ""
    if isinstance(value, str):
        text = value.strip()
        return "" if text.lower() in _NO_REASON else text
    if isinstance(value, list | tuple):
        found = (_words(item, depth + 1, is_error=is_error) for item in value[:_ITEMS_MAX])
        return "; ".join(words for words in found if words)
    if not isinstance(value, dict):
        return ""
    members = {_folded(name): item for name, item in value.items() if isinstance(name, str)}
    for name in _NAMES:
        if words := _words(members.get(name), depth + 1, is_error=True):
            return words
    if not is_error:
        return ""
    # An error without a sentence: its code, or the errors of fields by name.
    codes = (_code(members.get(name)) for name in _CODES)
    if code := next(filter(None, codes), ""):
        return code
    fields = [
        f"{name}: {words}"
        for name, item in value.items()
        if isinstance(item, list) and (words := _words(item, depth + 1, is_error=True))
    ]
    return "; ".join(fields[:_ITEMS_MAX])


def _own_code(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    members = {_folded(name): item for name, item in document.items() if isinstance(name, str)}
    return _code(members.get("code")) or _code(members.get("errorcode"))


def _code(value: Any) -> str:
    if isinstance(value, str):
        text = value.strip()
        return "" if text.lower() in _NO_REASON else text
    return f"code {value}" if type(value) is int and value else ""


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
