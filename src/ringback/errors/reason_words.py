"""The stable reasons of failed requests, in words that a sentence for users can end with."""

from __future__ import annotations

_WORDS = {
    "dns": "its host name could not be resolved",
    "blocked_target": "its address may not be called from here",
    "connect": "no connection came about",
    "tls": "its TLS handshake failed",
    "timeout": "it did not answer in time",
    "protocol": "its answer was broken off, or is not HTTP",
    "status": "it answered with an error",
    "redirect": "it redirected",
    "too_large": "it is too large",
    "lab": "a fault of the lab",
    "gone": "it no longer exists",
}


def in_words(reason: str) -> str:
    """Return the words for a stable reason; any other text is returned as it is."""
    return _WORDS.get(reason, reason)
