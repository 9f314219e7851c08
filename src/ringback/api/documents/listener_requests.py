"""Reports of listeners' programs are read strictly: their receivers wrote a part of them."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ringback.api.documents.deliveries import DeliveryDocument, HeaderPair, delivery_fields
from ringback.catalogue.violations import invalid
from ringback.egress.answer import Answer, Reason, Timings, verdict
from ringback.errors import FieldError, InvalidRequest
from ringback.http.json_bodies import JsonBody
from ringback.webhooks.model import Delivery

ANSWER_BYTES_MAX = 65_536  # of a whole report
BODY_BYTES_MAX = (
    16_384  # of the receiver's answer; the same as for a delivery that the server sends
)
HEADERS_BYTES_MAX = 8_192
HEADERS_MAX = 100

LISTENER_NAME = "[A-Za-z0-9]([A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MAY_HAVE_STATUS = (Reason.TIMEOUT, Reason.PROTOCOL)

Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]
ReportedReason = Literal["dns", "connect", "tls", "timeout", "protocol"]


class DeliveryReportRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of one delivery that was handed out to a program."""

    delivery_id: Annotated[str, Meta(max_length=100)]
    epoch: Annotated[
        int, Meta(ge=0, le=2**53, description="The epoch of the delivery when it was handed out.")
    ]
    untried: Annotated[
        bool,
        Meta(
            description="True gives the delivery back, to be handed out again at once; the other "
            "members are then ignored."
        ),
    ] = False
    webhook_timestamp: Annotated[
        int, Meta(ge=0, le=2**40, description="The timestamp of the request that was posted.")
    ] = 0
    status_code: Annotated[
        Annotated[int, Meta(ge=100, le=599)] | None,
        Meta(description="The receiver's status; null if no answer came."),
    ] = None
    reason: Annotated[
        ReportedReason | None, Meta(description="The reason why there is no complete answer.")
    ] = None
    headers: Annotated[
        list[HeaderPair],
        Meta(
            max_length=HEADERS_MAX,
            description="Names, in lower case, and values; at most 8 KiB.",
        ),
    ] = []
    body: Annotated[
        str,
        Meta(
            max_length=4 * (BODY_BYTES_MAX // 3 + 1),
            description="The first 16 KiB of the answer, as base64.",
        ),
    ] = ""
    truncated: Annotated[bool, Meta(description="True if the answer was longer.")] = False
    duration_ms: Milliseconds = 0.0
    connect_ms: Milliseconds | None = None
    first_byte_ms: Milliseconds | None = None

    def answer(self) -> Answer:
        """Return the receiver's answer, or raise ``InvalidRequest``."""
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
                raise _invalid(
                    "/status_code", "is required unless there is a reason why no answer came"
                )
            return verdict(self.status_code)
        reason = Reason(self.reason)
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


class ReportedDocument(DeliveryDocument, frozen=True, kw_only=True):
    """The delivery as it now is; `recorded` is true if an attempt was recorded."""

    recorded: bool


def reported_document(delivery: Delivery, *, recorded: bool) -> ReportedDocument:
    """Return a delivery after its report."""
    return ReportedDocument(**delivery_fields(delivery), recorded=recorded)


REPORT = JsonBody(
    DeliveryReportRequest,
    {
        "delivery_id": "01a208e4-b3a8-75d8-89e0-5c12f95ee496",
        "epoch": 1,
        "webhook_timestamp": 1795445535,
        "status_code": 204,
    },
    owner="a report",
)


def read_name(name: str) -> str:
    """Return a listener's name, or raise ``InvalidRequest``."""
    if not re.fullmatch(LISTENER_NAME, name):
        sentence = (
            "A listener's name has 1 to 64 letters, digits, dots, dashes, underscores or @, and "
            "begins and ends with a letter or digit."
        )
        raise InvalidRequest(sentence, [FieldError("path:name", sentence)])
    return name


def _invalid(path: str, message: str) -> InvalidRequest:
    return invalid([FieldError(path, message)])
