"""Advice for a receiver's owner or the operator, by how the last attempt failed. Pure."""

from __future__ import annotations

from http import HTTPStatus

from ringback.egress.answer import Reason
from ringback.webhooks.model import Attempt

_BY_REASON: dict[str, str] = {
    Reason.DNS: "Check the spelling of the URL's host name, and its records in the DNS.",
    Reason.CONNECT: "Check that the receiver runs, and that its port is open to this server.",
    Reason.TIMEOUT: "Have the receiver answer 2xx at once, and do its work afterwards.",
    Reason.PROTOCOL: (
        "Check that an HTTP server listens at that port, and that it ends its answers."
    ),
    Reason.REDIRECT: "Webhooks follow no redirect: use the URL that it leads to.",
    Reason.BLOCKED_TARGET: (
        "Use a public https URL, or have the operator allow this one: see webhook_networks, "
        "webhook_hosts and webhook_ports."
    ),
}
_CERTIFICATE = (
    "Give the receiver a certificate of a known authority for its host name, or have the operator "
    "trust your own authority by the setting ca_file."
)
_NO_TLS = "Check that the port speaks TLS: a receiver of plain HTTP has a URL with http://."
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: "Let the path through without a login: the signature is the proof.",
    HTTPStatus.FORBIDDEN: (
        "Check the receiver's firewall, and that it verifies with the secret of this workspace: "
        "ringback verify explains a signature."
    ),
    HTTPStatus.NOT_FOUND: "Check the path of the URL.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Have the path of the URL take POST.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "Allow larger bodies in the receiver, or in the proxy before it."
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "The receiver asks for fewer: webhook_rate_per_destination bounds them."
    ),
}
_FAILED = "The receiver failed: its own log has the reason."
_REFUSED = "The receiver refused the request: its answer may say why."


def advice_for(attempt: Attempt) -> str | None:
    """Return the advice for a failed attempt, a sentence, or None where there is none."""
    match attempt.reason:
        case None | Reason.LAB:
            return None
        case Reason.TLS:
            return _CERTIFICATE if "certificate" in (attempt.detail or "") else _NO_TLS
        case Reason.STATUS:
            return _of_status(attempt.status_code or 0)
        case reason:
            return _BY_REASON.get(reason)


def _of_status(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _FAILED
    return next((text for code, text in _BY_STATUS.items() if code == status), _REFUSED)
