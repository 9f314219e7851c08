"""Forms of browsers: read with a size limit, decoded, and refused when another site sent them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hmac import compare_digest
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from ringback.errors import FormRefused, InvalidRequest, UnsupportedMediaType
from ringback.http.bodies import read_bounded
from ringback.http.file_bodies import FileBodies
from ringback.http.headers import headers_of

KEY = "form_key"
KEY_HEADER = b"x-form-key"
_FIELDS_MAX = 500


async def read_form(request: Request, bytes_max: int) -> dict[str, list[str]]:
    """Return the fields of a form, each with its values in order."""
    _check_type(request)
    headers = headers_of(request.scope)
    return _fields_of(await read_bounded(headers, request.receive, bytes_max))


async def read_file_form(
    request: Request, bodies: FileBodies, *, workspace_id: str
) -> dict[str, list[str]]:
    """Return the fields of a form that may have data URIs in it."""
    _check_type(request)
    headers = headers_of(request.scope)
    async with bodies.content(headers, request.receive, workspace_id=workspace_id) as parts:
        return _fields_of(parts.pop())


def _check_type(request: Request) -> None:
    headers = headers_of(request.scope)
    content_type = (headers.any(b"content-type") or b"").partition(b";")[0].strip().lower()
    if content_type != b"application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Forms come as application/x-www-form-urlencoded.")


def _fields_of(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as exc:
        raise InvalidRequest("The form is not encoded as browsers encode forms.") from exc
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def one(form: Mapping[str, list[str]], name: str) -> str:
    """Return a field's last value, stripped; empty for a missing field."""
    values = form.get(name)
    return values[-1].strip() if values else ""


def check_source(request: Request, base_url: str) -> None:
    """Raise ``FormRefused`` unless the browser states that our own page sent the request.

    Every browser sends Sec-Fetch-Site or Origin with a POST; a request with neither is refused.
    """
    headers = headers_of(request.scope)
    site, origin = headers.any(b"sec-fetch-site"), headers.any(b"origin")
    host = (headers.any(b"host") or b"").decode("latin-1").lower()
    ours = {urlsplit(base_url).netloc.lower(), host}
    if site is not None:
        is_ours = site == b"same-origin"
    else:
        is_ours = origin is not None and _netloc(origin) in ours
    if not is_ours:
        raise FormRefused("This form was sent from another site; open the page and send it there.")


def _netloc(origin: bytes) -> str | None:
    with suppress(ValueError):  # a bracket that is not closed
        return urlsplit(origin.decode("latin-1")).netloc.lower()
    return None


def check_key(form: Mapping[str, list[str]], form_key: str) -> None:
    """Raise ``FormRefused`` unless the form carries its session's key."""
    if not compare_digest(one(form, KEY).encode(), form_key.encode()):
        raise FormRefused(
            "This form belongs to a session that has ended; reload it and send it again."
        )
