"""Errors of providers as one sentence for the user: short, plain, without our secrets."""

from __future__ import annotations

import json
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


# Gateways put a provider's document into one of these members.
_ENVELOPES = ("data", "result", "response", "output", "job", "prediction", "payload")
_ENVELOPES_MAX = 3
_IDS = ("job_id", "request_id", "prediction_id", "task_id", "id", "uuid")


class Refusal(EngineError):
    """A provider refused a request by the status of its response."""


def json_of(response: Response) -> Any:
    """Return the JSON of a response, or None where it has none."""
    try:
        return msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return _broken_json(response.body)


def _broken_json(body: bytes) -> Any:
    """Return JSON that breaks its rules as servers do, or None where it is none.

    They send a byte-order mark, other encodings, ``NaN`` and half a pair of surrogates.
    """
    try:
        text = body.decode(json.detect_encoding(body), "replace").removeprefix("\ufeff")
        value = json.loads(text, parse_constant=lambda _: None)
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return msgspec.json.decode(whole)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def unwrapped(answer: Any, *names: str) -> Any:
    """Return the object that has one of these members: the answer, or one in its envelope."""
    sought = {_folded(name) for name in names}
    for _ in range(_ENVELOPES_MAX):
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        if not isinstance(answer, dict) or not sought.isdisjoint(map(_folded, answer)):
            break
        inside = [answer.get(name) for name in _ENVELOPES]
        answer = next((one for one in inside if isinstance(one, dict | list)), answer)
    return answer


def id_in(answer: Any, own: str) -> str | None:
    """Return the id in the answer to a submission: the provider's ``own`` member, or a like one."""
    names = (own, *_IDS)
    document = unwrapped(answer, *names)
    if not isinstance(document, dict):
        return None
    members = {_folded(name): value for name, value in document.items()}
    for value in (members.get(_folded(name)) for name in names):
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


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


def refusal(name: str, response: Response, secrets: Iterable[str] = ()) -> Refusal:
    """Return the error for a response with which a provider refused the job."""
    words = plain(reason_in(json_of(response)), secrets).rstrip(".")
    because = f": {words}." if words else f" (status {response.status})."
    match response.status:
        case 401 | 403:
            # Only the operator can act on a wrong key, so the provider's own words stay out of it.
            reason = (
                f"The engine {name} is not let in by its provider; tell whoever runs this server"
            )
            return Refusal(f"{reason} (status {response.status}).")
        case 402:
            return Refusal(f"The provider of {name} wants to be paid first{because}")
        case 404 | 410:
            return Refusal(f"The provider of {name} does not have this model{because}")
        case 400 | 413 | 415 | 422:
            return Refusal(f"The provider of {name} refused the input{because}")
        case _:
            return Refusal(f"The provider of {name} refused the job{because}")
