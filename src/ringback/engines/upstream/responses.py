"""Errors of providers as one sentence for the user: short, plain, without our secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ringback.egress.http_client import Response
from ringback.errors import EngineError
from ringback.wire.answer_reasons import reason_in

ACCOUNT_STATUSES = frozenset({401, 402, 403})
"""Statuses of a wrong key or an unpaid account: the operator can mend it, so a paid job waits."""

_LENGTH_MAX = 400
_READ_MAX = 2_000  # the search for paths takes quadratic time at worst
_SECRET_LENGTH_MIN = 6


_ROOT = r"(?:file://)?(?:[A-Za-z]:[\\/]|\\\\|~?/)"
_PATHS = re.compile(
    # In quotes a path may have spaces; elsewhere it is no part of a word, a URL or a fraction.
    rf"""(?<=["'`]){_ROOT}[^"'`\n]*[\\/][^"'`\n]*(?=["'`])"""
    rf"|(?<![\w:/\\.~@-]){_ROOT}(?:[^\s\\/:;,'\"`()<>|]+[\\/])+[^\s\\/:;,'\"`()<>|]*"
)


def _file_name(path: re.Match[str]) -> str:
    return re.split(r"[\\/]", path[0].rstrip("\\/"))[-1] or "…"


def json_of(response: Response) -> Any:
    """Return the JSON of a response, or None where it has none."""
    try:
        return msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def plain(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a provider's text as one line of limited length, without secrets and folders.

    Our secrets are masked, and of a path on the provider's machine only the file's name is left.
    """
    for secret in secrets:
        if len(secret) >= _SECRET_LENGTH_MIN:
            text = text.replace(secret, "•••")
    text = _PATHS.sub(_file_name, text[:_READ_MAX])
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    line = " ".join(words)
    return line if len(line) <= _LENGTH_MAX else line[: _LENGTH_MAX - 1] + "…"


def unnamed_model(name: str, provider: str) -> EngineError:
    """Return the error for a model of which the engine does not know the provider's name."""
    return EngineError(
        f"The engine {name} has no {provider} name for this model; "
        "the operator of this server adds one to its table of models."
    )


def refusal(name: str, response: Response, secrets: Iterable[str] = ()) -> EngineError:
    """Return the error for a response with which a provider refused the job."""
    words = plain(reason_in(json_of(response)), secrets).rstrip(".")
    because = f": {words}." if words else f" (status {response.status})."
    match response.status:
        case 401 | 403:
            # Only the operator can act on a wrong key, so the provider's own words stay out of it.
            reason = (
                f"The engine {name} is not let in by its provider; tell whoever runs this server"
            )
            return EngineError(f"{reason} (status {response.status}).")
        case 402:
            return EngineError(f"The provider of {name} wants to be paid first{because}")
        case 404 | 410:
            return EngineError(f"The provider of {name} does not have this model{because}")
        case 400 | 413 | 415 | 422:
            return EngineError(f"The provider of {name} refused the input{because}")
        case _:
            return EngineError(f"The provider of {name} refused the job{because}")
