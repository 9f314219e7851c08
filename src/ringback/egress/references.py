"""Resolves the URLs that answers name, in redirects and in results (RFC 3986, 5.2). Pure.

The policy judges each of them as it is called.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urldefrag, urljoin

from ringback.egress.http_client import Response
from ringback.egress.url import MalformedTarget, parse_target

REDIRECTS_MAX = 3
_STATUSES = frozenset({301, 302, 303, 307, 308})
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DROPPED = str.maketrans("", "", "\t\r\n")  # as browsers do (URL Standard, 4.4)


def absolute_url(text: str, *, base: str) -> str:
    """Return the URL that an answer has written, or raise ``MalformedTarget``.

    A relative one is resolved against ``base``; blanks are encoded and a fragment is left out,
    because neither is sent.
    """
    try:
        url = _resolved(text, base)
    except ValueError as exc:  # a bracket that is not closed
        raise MalformedTarget("The URL's host or port is not spelled as one.") from exc
    parse_target(url)
    return url


def location_of(response: Response) -> str | None:
    """Return the text of a GET's redirect (RFC 9110, 15.4), or None for an answer that is none."""
    location = response.header(b"location")
    if response.status not in _STATUSES or not location:
        return None
    try:
        return location.decode().strip()
    except UnicodeDecodeError:
        return location.decode("latin-1").strip()


def next_url(url: str, response: Response) -> str | None:
    """Return the URL that a GET's redirect names, or None for an answer that names none."""
    location = location_of(response)
    if location is None:
        return None
    try:
        return _resolved(location, url)
    except ValueError:  # a bracket that is not closed
        return None


def _resolved(text: str, base: str) -> str:
    compact = text.translate(_DROPPED).strip().replace("\\", "%5C")
    url = urldefrag(urljoin(base, _STRAY_PERCENT.sub("%25", compact))).url
    return "".join(
        letter if _is_sent(letter) else quote(letter, errors="replace") for letter in url
    )


def _is_sent(letter: str) -> bool:
    return letter != " " and letter.isprintable()
