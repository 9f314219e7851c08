"""Forms as browsers send them: bounded, decoded, and refused from other sites."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from ringback.api.bodies import read_bounded
from ringback.api.headers import headers_of
from ringback.errors import FormRefused, InvalidRequest, UnsupportedMediaType

KEY = "form_key"
KEY_HEADER = b"x-form-key"
_FIELDS_MAX = 500


async def read_form(request: Request, bytes_max: int) -> dict[str, list[str]]:
    """Return the fields of a form, each with its values in order."""
    headers = headers_of(request.scope)
    content_type = (headers.any(b"content-type") or b"").partition(b";")[0].strip().lower()
    if content_type != b"application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Forms come as application/x-www-form-urlencoded.")
    body = await read_bounded(headers, request.receive, bytes_max)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as exc:
        raise InvalidRequest("The form is not spelled as browsers spell forms.") from exc
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def one(form: Mapping[str, list[str]], name: str) -> str:
    """Return a field's last value, without space around it; empty when it did not come."""
    values = form.get(name)
    return values[-1].strip() if values else ""


def check_source(request: Request, base_url: str) -> None:
    """Raise ``FormRefused`` unless our own page sends the request, as its browser says.

    Every browser says one or the other with a POST; what says neither is no browser.
    """
    headers = headers_of(request.scope)
    site, origin = headers.any(b"sec-fetch-site"), headers.any(b"origin")
    host = (headers.any(b"host") or b"").decode("latin-1").lower()
    ours = {urlsplit(base_url).netloc.lower(), host}
    if site is not None:
        is_ours = site == b"same-origin"
    else:
        is_ours = origin is not None and urlsplit(origin.decode("latin-1")).netloc.lower() in ours
    if not is_ours:
        raise FormRefused("This form was sent from another site; open the page and send it there.")


def check_key(form: Mapping[str, list[str]], form_key: str) -> None:
    """Raise ``FormRefused`` unless the form carries its session's key."""
    if not compare_digest(one(form, KEY).encode(), form_key.encode()):
        raise FormRefused(
            "This form belongs to a session that is over; reload it and send it again."
        )
