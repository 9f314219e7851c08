"""Decides whether a captured webhook is genuine, and explains why it is not. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from ringback.cli.verifying.request import Captured
from ringback.cli.verifying.variants import Variant, bodies, contents, keys

NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")

_SECONDS = re.compile(r"[0-9]{1,11}")
_MILLISECONDS = re.compile(r"[0-9]{12,14}")
_TOKEN = re.compile(r"v[0-9]+[a-z]?[,=](\S+)")
_SCHEMES = re.compile(r"\s+|[,;](?=v[0-9])|(?<=[=A-Za-z0-9+/])(?=v1,)")
_WRONG_MAX = 2  # things that are wrong at once


class Finding(NamedTuple):
    """One finding about a request: a code for programs and a sentence for people."""

    code: str
    sentence: str


class Diagnosis(NamedTuple):
    """The verdict on a request, and the findings that explain it, the gravest first."""

    is_genuine: bool
    findings: tuple[Finding, ...]


def diagnose(
    request: Captured, secrets: Sequence[str], *, now_s: float, tolerance_s: float
) -> Diagnosis:
    """Return whether one of the secrets signed the request within the tolerance, and why not."""
    missing = list(_missing(request))
    if missing:
        return Diagnosis(False, tuple(missing))
    webhook_id, timestamp, signature = (request.values(name)[0] for name in NAMES)
    findings = [
        *_twice(request),
        *_id(webhook_id),
        *_form_of_time(timestamp),
        *_form_of_signature(signature),
    ]
    matched = _match(request, secrets, webhook_id, timestamp, signature)
    findings += _no_match(request, secrets, signature) if matched is None else matched
    findings += _age(timestamp, now_s=now_s, tolerance_s=tolerance_s)
    findings += _length(request, findings)
    if findings:
        return Diagnosis(False, tuple(dict.fromkeys(findings)))
    return Diagnosis(True, (Finding("genuine", "The signature is right, and it is of now."),))


def _missing(request: Captured) -> Iterator[Finding]:
    for name in NAMES:
        if request.values(name):
            continue
        suffix = name.removeprefix("webhook-")
        alike = [known for known, _ in request.headers if re.split("[-_]", known)[-1] == suffix]
        hint = f"; {alike[0]} is there instead" if alike else ""
        yield Finding("missing_header", f"The header {name} is missing{hint}.")


def _twice(request: Captured) -> Iterator[Finding]:
    for name in NAMES:
        if len(set(request.values(name))) > 1:
            yield Finding("malformed", f"The header {name} is there twice, with two values.")


def _id(webhook_id: str) -> Iterator[Finding]:
    if not webhook_id or "." in webhook_id:
        yield Finding(
            "malformed", "The webhook-id is empty or has a dot, which separates the signed parts."
        )


def _form_of_time(timestamp: str) -> Iterator[Finding]:
    if _MILLISECONDS.fullmatch(timestamp):
        yield Finding(
            "timestamp_in_milliseconds",
            "The webhook-timestamp is in milliseconds; it must be seconds since 1970.",
        )
    elif not _SECONDS.fullmatch(timestamp):
        yield Finding(
            "malformed",
            f"The webhook-timestamp {timestamp[:40]!r} is no whole number of seconds since 1970.",
        )


def _form_of_signature(signature: str) -> Iterator[Finding]:
    tokens = signature.split()
    if not tokens:
        yield Finding("malformed", "The webhook-signature is empty.")
    elif any(token.count("v1,") > 1 or re.search(r"[,;]v[0-9]", token) for token in tokens):
        yield Finding(
            "joined_wrongly",
            "Several signatures are joined by something else than a space in webhook-signature.",
        )
    elif not any(re.match(r"v1a?,", token) for token in tokens):
        yield Finding(
            "no_version",
            "The webhook-signature has no v1, before its base64, like v1,K5oZfzN95Z9UVu1E….",
        )
    if re.search(r"(^|[\s,])v1a,", signature) and not re.search(r"(^|[\s,])v1[,=]", signature):
        yield Finding(
            "public_key",
            "It is signed with a private key (v1a) alone; verify it with the sender's whpk_… key.",
        )


def _match(
    request: Captured, secrets: Sequence[str], webhook_id: str, timestamp: str, signature: str
) -> list[Finding] | None:
    """Return the mistakes with which a signature matches, or None if no combination matches."""
    candidates = {_bare(token) for token in filter(None, _SCHEMES.split(signature))}
    length = request.first("content-length") or ""
    declared = int(length) if length.isascii() and length.isdigit() and len(length) < 12 else None
    made = list(bodies(request.body, length=declared))
    # Fewer mistakes at once are likelier, so they are tried first.
    for wrongs in range(_WRONG_MAX + 1):
        for tried in _tries(made, secrets, webhook_id, timestamp, wrongs=wrongs):
            for digest in _digests(tried.key.value, tried.content.value):
                if digest.value.decode() in candidates:
                    return [
                        Finding(one.code, one.sentence)
                        for one in (tried.key, tried.content, tried.body, digest)
                        if one.code
                    ]
    return None


class _Try(NamedTuple):
    content: Variant
    key: Variant
    body: Variant

    @property
    def wrongs(self) -> int:
        return sum(1 for variant in self if variant.code)


def _tries(
    made: Sequence[Variant], secrets: Sequence[str], webhook_id: str, timestamp: str, *, wrongs: int
) -> Iterator[_Try]:
    """Yield each way to sign with exactly this many mistakes."""
    known = [key for secret in secrets for key in keys(secret)]
    for body in made:
        if bool(body.code) <= wrongs:
            for content, key in product(contents(webhook_id, timestamp, body.value), known):
                tried = _Try(content, key, body)
                if tried.wrongs == wrongs:
                    yield tried


def _bare(token: str) -> str:
    match = _TOKEN.fullmatch(token)
    return (match[1] if match else token).strip("\"'")


def _digests(key: bytes, content: bytes) -> Iterator[Variant]:
    """Yield the signature in the right encoding, then in the usual wrong ones."""
    sentence = "The signature is {}; it must be the base64 of an HMAC-SHA256."
    right = hmac.digest(key, content, "sha256")
    yield Variant(b64encode(right))
    yield Variant(right.hex().encode(), "wrong_encoding", sentence.format("in hexadecimal"))
    yield Variant(right.hex().upper().encode(), "wrong_encoding", sentence.format("in hexadecimal"))
    yield Variant(urlsafe_b64encode(right), "wrong_encoding", sentence.format("in base64url"))
    yield Variant(
        b64encode(right).rstrip(b"="), "wrong_encoding", sentence.format("base64 without its =")
    )
    yield Variant(
        urlsafe_b64encode(right).rstrip(b"="), "wrong_encoding", sentence.format("in base64url")
    )
    yield Variant(
        b64encode(right.hex().encode()),
        "wrong_encoding",
        sentence.format("base64 of hexadecimal text"),
    )
    yield Variant(
        b64encode(hashlib.sha256(key + content).digest()),
        "wrong_digest",
        sentence.format("a plain SHA-256"),
    )
    for name in ("sha1", "sha512"):
        other = hmac.digest(key, content, name)
        for spelled in (b64encode(other), other.hex().encode()):
            yield Variant(spelled, "wrong_digest", sentence.format(f"an HMAC-{name.upper()}"))


def _no_match(request: Captured, secrets: Sequence[str], signature: str) -> list[Finding]:
    if any(secret.startswith("whpk_") for secret in secrets) or not signature.split():
        return []
    which = "The secret is" if len(secrets) == 1 else "None of the secrets is"
    end = " not the one that signed this" if len(secrets) == 1 else " the one that signed this"
    return [
        Finding(
            "bad_signature",
            f"{which}{end}, or the body was changed beyond recognition; "
            "ringback keys secret --workspace NAME shows a workspace's secret.",
        )
    ]


def _age(timestamp: str, *, now_s: float, tolerance_s: float) -> Iterator[Finding]:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 14:
        return
    at_s = int(timestamp) / (1000 if _MILLISECONDS.fullmatch(timestamp) else 1)
    if at_s < now_s - tolerance_s:
        yield Finding(
            "too_old",
            f"It was signed {now_s - at_s:.0f} s ago, and receivers allow {tolerance_s:g}; "
            "for a request that was kept, say with --at when it came.",
        )
    elif at_s > now_s + tolerance_s:
        yield Finding(
            "too_new",
            f"It was signed {at_s - now_s:.0f} s ahead of the clock, and receivers allow "
            f"{tolerance_s:g}; one of the two clocks is wrong.",
        )


def _length(request: Captured, found: Sequence[Finding]) -> Iterator[Finding]:
    length = request.first("content-length") or ""
    if not length.isascii() or not length.isdigit() or len(length) > 12 or not found:
        return
    lacking = int(length) - len(request.body)
    if lacking > 0 and request.first("content-encoding") is None:
        yield Finding(
            "body_shorter",
            f"The body has {lacking} bytes less than its content-length: it was cut or changed.",
        )
