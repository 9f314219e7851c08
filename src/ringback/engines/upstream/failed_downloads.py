"""Says why a result was not fetched. Pure."""

from __future__ import annotations

from http import HTTPStatus

from ringback.egress.answer import Reason
from ringback.egress.http_client import Response
from ringback.egress.url import parse_target

_WORDS = {
    Reason.DNS: "the name {host} has no address",
    Reason.CONNECT: "{host} cannot be connected to",
    Reason.TLS: "{host} has no certificate that can be trusted",
    Reason.TIMEOUT: "{host} did not send it in time",
    Reason.PROTOCOL: "the answer of {host} is not whole, or not HTTP",
}


def failure_words(response: Response, url: str, *, engine: str, bytes_max: int) -> str:
    """Return why a result was not fetched, as the end of a sentence that says so."""
    target = parse_target(url)
    host = target.host_header
    match response.reason:
        case None:
            return f"{host} answered {_status_words(response.status or 0)}"
        case Reason.BLOCKED_TARGET:
            return (
                f"it is at {target.scheme}://{host}, which this server may not call; the operator "
                f"can allow it by result_origins in the table [engines.{engine}]"
            )
        case Reason.TOO_LARGE:
            return f"it is larger than the {bytes_max} bytes that result_bytes_max allows"
        case reason:
            words = _WORDS.get(reason, "{host} gave no usable answer")
            return words.format(host=host)


def _status_words(status: int) -> str:
    if 300 <= status < 400:
        return f"{status}, a redirect that leads to no file"
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
