"""Overrides of a made-up webhook's body: members by their path, and JSON Merge Patch. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def patched(document: Any, patch: Any) -> Any:
    """Return the document with a JSON Merge Patch applied: null removes a member (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = patched(merged.get(name), value)
    return merged


def with_members(document: Any, assignments: Iterable[str]) -> Any:
    """Return the document with members set by ``PATH=VALUE``, or raise ``ValueError``.

    A path has dots, like ``result.urls.0``; a value is JSON, or else text.
    """
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator or not all(path.split(".")):
            raise ValueError(f"{assignment!r} is not PATH=VALUE, like result.error='no credit'")
        document = _with_member(document, path.split("."), _value(text), path)
    return document


def _with_member(document: Any, names: list[str], value: Any, path: str) -> Any:
    if not names:
        return value
    first, *rest = names
    if isinstance(document, list):
        if not first.isdecimal() or int(first) > len(document):
            raise ValueError(f"{path} names no item of the list, which has {len(document)}")
        position = int(first)
        old = document[position] if position < len(document) else None
        new = _with_member(old, rest, value, path)
        return [*document[:position], new, *document[position + 1 :]]
    members = document if isinstance(document, dict) else {}
    return {**members, first: _with_member(members.get(first), rest, value, path)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
