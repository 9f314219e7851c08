"""Says in words for users why a connection failed, from the errors of the system and of TLS.

The words have no address that a look-up found: who named a host need not learn where it is.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable

WORDS_LENGTH_MAX = 200


def words_of(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    match error:
        case ssl.SSLCertVerificationError():
            return one_line(f"its certificate is not trusted: {error.verify_message}").rstrip(".")
        case ssl.SSLError():
            reason = (error.reason or str(error)).replace("_", " ").lower()
            return one_line(f"its TLS handshake failed: {reason}")
        case TimeoutError():
            return "it did not answer in time"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionError():
            return "the connection was reset"
        case OSError() if error.errno:
            return one_line(os.strerror(error.errno).lower())
        case _:
            return one_line(str(error) or type(error).__name__)


def in_turn(words: Iterable[str]) -> str:
    """Return several failures in one line, equal ones once."""
    return one_line("; ".join(dict.fromkeys(words)))


def one_line(text: str) -> str:
    """Return a text in one line of printable characters, cut where it is too long."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if len(words) <= WORDS_LENGTH_MAX else f"{words[: WORDS_LENGTH_MAX - 1]}…"
