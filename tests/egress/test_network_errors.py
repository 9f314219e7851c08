"""Failures of connections, in words for users."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from ringback.egress.answer import Reason
from ringback.egress.network_errors import WORDS_LENGTH_MAX, in_turn, one_line, words_of
from ringback.errors import FetchError, ProviderUnavailable, SubmissionUnknown
from ringback.errors.reason_words import in_words


def untrusted(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed")
    error.verify_message = message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL] something (_ssl.c:1002)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (untrusted("certificate has expired"), "not trusted: certificate has expired"),
        (untrusted("Hostname mismatch, not valid for 'a.b'."), "not valid for 'a.b'"),
        (tls_error("WRONG_VERSION_NUMBER"), "its TLS handshake failed: wrong version number"),
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.7', 9)"), "was refused"),
        (ConnectionResetError(104, "reset"), "the connection was reset"),
        (BrokenPipeError(32, "pipe"), "the connection was reset"),
        (TimeoutError(), "it did not answer in time"),
        (OSError(errno.ENETUNREACH, "10.0.0.7"), "network is unreachable"),
        (socket.gaierror("no such name"), "no such name"),
        (UnicodeError("label\ntoo long"), "label too long"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_has_words_without_addresses(error: Exception, words: str) -> None:
    assert words in words_of(error)
    assert "10.0.0.7" not in words_of(error)


def test_words_are_one_line_of_bounded_length() -> None:
    assert one_line("a\x1b[2J\r\n b\u202ec") == "a [2J b c"
    assert len(one_line("x" * 1_000)) == WORDS_LENGTH_MAX
    assert in_turn(["refused", "refused", "reset"]) == "refused; reset"


@pytest.mark.parametrize("reason", [*Reason, "gone"])
def test_every_reason_is_words_in_the_sentences_for_users(reason: str) -> None:
    assert in_words(reason) != reason
    for error in (ProviderUnavailable("studio", reason), SubmissionUnknown("studio", reason)):
        assert f"({in_words(reason)})" in str(error)
        assert error.reason == reason
    assert FetchError(reason, "10.0.0.7").words == in_words(reason)
