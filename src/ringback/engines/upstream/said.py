"""What a provider says, made into one sentence for the user: short, plain, without our secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ringback.egress.caller import Reply
from ringback.errors import EngineError

OPERATORS = frozenset({401, 402, 403})
"""Statuses by which the key is wrong, or the account: what was bought is worth waiting for."""

_LENGTH_MAX = 400
_SECRET_LENGTH_MIN = 6
_NAMES = ("message", "error", "detail", "title", "msg", "reason")
_DEPTH_MAX = 4
_ITEMS_MAX = 3


def document_of(reply: Reply) -> Any:
    """Return the JSON of an answer, or None where it is none."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def plain(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a provider's text on one line, cut where it is long, with our secrets struck out."""
    for secret in secrets:
        if len(secret) >= _SECRET_LENGTH_MIN:
            text = text.replace(secret, "•••")
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    line = " ".join(words)
    return line if len(line) <= _LENGTH_MAX else line[: _LENGTH_MAX - 1] + "…"


def words_of(document: Any, depth: int = 0) -> str:
    """Return the sentence in an error's document, in any of the shapes that providers have."""
    if isinstance(document, str):
        return document
    if depth > _DEPTH_MAX:
        return ""
    if isinstance(document, list):
        found = (words_of(item, depth + 1) for item in document[:_ITEMS_MAX])
        return "; ".join(words for words in found if words)
    if isinstance(document, dict):
        for name in _NAMES:
            if words := words_of(document.get(name), depth + 1):
                return words
    return ""


def refusal(name: str, reply: Reply, secrets: Iterable[str] = ()) -> EngineError:
    """Return the error of an answer with which a provider refused the job."""
    words = plain(words_of(document_of(reply)), secrets).rstrip(".")
    because = f": {words}." if words else f" (status {reply.status})."
    match reply.status:
        case 401 | 403:
            # The key is the operator's: its owner learns more from the log, the user cannot help.
            said = f"The engine {name} is not let in by its provider; tell whoever runs this server"
            return EngineError(f"{said} (status {reply.status}).")
        case 402:
            return EngineError(f"The provider of {name} wants to be paid first{because}")
        case 404 | 410:
            return EngineError(f"The provider of {name} does not have this model{because}")
        case 400 | 413 | 415 | 422:
            return EngineError(f"The provider of {name} refused the input{because}")
        case _:
            return EngineError(f"The provider of {name} refused the job{because}")
