"""What programs that listen send, read strictly: a stranger's receiver has written part of it."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ringback.egress.answer import Answer, Reason, Timings, verdict
from ringback.errors import FieldError, InvalidRequest

ANSWER_BYTES_MAX = 65_536  # of a whole report
BODY_BYTES_MAX = 16_384  # of the receiver's answer, as the sender keeps it
HEADERS_BYTES_MAX = 8_192
HEADERS_MAX = 100

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What may keep an answer from coming, or a whole one from having come.
_REASONS = {
    reason.value: reason
    for reason in (Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TIMEOUT, Reason.PROTOCOL)
}
_MAY_HAVE_STATUS = (Reason.TIMEOUT, Reason.PROTOCOL)
_MS = Annotated[float, Meta(ge=0, le=86_400_000)]


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one delivery in a program's hands."""

    delivery_id: Annotated[str, Meta(max_length=100)]
    epoch: Annotated[int, Meta(ge=0, le=2**53)]
    untried: bool = False  # it is given back, and nothing else is said
    webhook_timestamp: Annotated[int, Meta(ge=0, le=2**40)] = 0
    status_code: Annotated[int, Meta(ge=100, le=599)] | None = None
    reason: Annotated[str, Meta(max_length=40)] | None = None
    headers: Annotated[list[tuple[str, str]], Meta(max_length=HEADERS_MAX)] = []
    body: Annotated[str, Meta(max_length=4 * (BODY_BYTES_MAX // 3 + 1))] = ""  # base64
    truncated: bool = False
    duration_ms: _MS = 0.0
    connect_ms: _MS | None = None
    first_byte_ms: _MS | None = None

    def answer(self) -> Answer:
        """Return the answer that it tells of, or raise ``InvalidRequest``."""
        return Answer(
            status_code=self.status_code,
            reason=self._reason(),
            headers=tuple(self._headers()),
            body=self._body(),
            truncated=self.truncated,
            detail="reported by its listener",
            timings=Timings(
                total_ms=self.duration_ms,
                connect_ms=self.connect_ms,
                first_byte_ms=self.first_byte_ms,
            ),
        )

    def _reason(self) -> Reason | None:
        if self.reason is None:
            if self.status_code is None:
                raise _invalid("/status_code", "is required where no reason says why there is none")
            return verdict(self.status_code)
        reason = _REASONS.get(self.reason)
        if reason is None:
            raise _invalid("/reason", f"must be null or one of {', '.join(_REASONS)}")
        if self.status_code is not None and reason not in _MAY_HAVE_STATUS:
            raise _invalid("/status_code", f"must be null: with {reason} no answer comes")
        return reason

    def _headers(self) -> list[tuple[bytes, bytes]]:
        if sum(len(name) + len(value) for name, value in self.headers) > HEADERS_BYTES_MAX:
            raise _invalid("/headers", f"must have at most {HEADERS_BYTES_MAX} characters in all")
        for index, (name, value) in enumerate(self.headers):
            if not _TOKEN.fullmatch(name):
                raise _invalid(f"/headers/{index}", "must begin with a header's name in lower case")
            if not _VALUE.fullmatch(value):
                raise _invalid(f"/headers/{index}", "must have a value without control characters")
        return [(name.encode(), value.encode("latin-1")) for name, value in self.headers]

    def _body(self) -> bytes:
        try:
            body = b64decode(self.body, validate=True)
        except ValueError as exc:
            raise _invalid("/body", "must be base64") from exc
        if len(body) > BODY_BYTES_MAX:
            raise _invalid("/body", f"must be at most {BODY_BYTES_MAX} bytes")
        return body


def read_report(body: Mapping[str, Any]) -> Report:
    """Return a program's report, or raise ``InvalidRequest``."""
    try:
        return msgspec.convert(body, Report)
    except msgspec.ValidationError as exc:
        raise InvalidRequest(f"The report is wrong: {exc}.") from exc


def read_name(name: str) -> str:
    """Return a listener's name, or raise ``InvalidRequest``."""
    if not _NAME.fullmatch(name):
        sentence = (
            "A listener's name has 1 to 64 letters, digits, dots, dashes, underscores or @, and "
            "begins and ends with a letter or digit."
        )
        raise InvalidRequest(sentence, [FieldError("path:name", sentence)])
    return name


def _invalid(path: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{path[1:]} {message}.", [FieldError(path, message)])
