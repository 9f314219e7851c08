"""A client of the feed: long polls, through outages, with its place kept in a file."""

from __future__ import annotations

import asyncio
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ringback.clock import SystemClock
from ringback.errors import SetupError

_WAIT_S = 30
_TIMEOUT_S = _WAIT_S + 15.0
_PAGE = 100
_ANSWER_BYTES_MAX = 64 * 2**20
_AGAIN_S = 1.0
_AGAIN_S_MAX = 30.0
_CURSOR = r"^[0-9A-Za-z_-]{1,200}$"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Event(Struct, frozen=True, kw_only=True):
    """An event as the server tells it."""

    cursor: str
    event_id: str
    type: str
    job_id: str | None
    created_at: str
    webhook_ids: tuple[str, ...]
    body: str


class Page(Struct, frozen=True, kw_only=True):
    """Some events, and where to go on."""

    items: list[Event]
    next_cursor: Annotated[str, Meta(pattern=_CURSOR)]


_decode_page = msgspec.json.Decoder(Page).decode


class FeedReader:
    """Reads a server's feed, and remembers how far it came."""

    def __init__(self, url: str, token: str, *, state: Path | None, from_start: bool) -> None:
        host = _host_of(url)
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise SetupError("The token must be visible ASCII characters.")
        self._url = url.rstrip("/")
        self._token = token
        self._state = state
        self._cursor = _kept_in(state) or ("" if from_start else "latest")
        self._opener = urllib.request.build_opener(_NoRedirects, *_proxies_for(host))

    def run(
        self,
        show: Callable[[Event], None],
        worry: Callable[[str], None],
        *,
        once: bool,
    ) -> None:
        """Show each event until interrupted, or until there are no more if once is enough."""
        again_s = _AGAIN_S
        while True:
            try:
                page = self._page(wait_s=0 if once else _WAIT_S)
            except _Trouble as exc:
                if once:
                    raise SetupError(str(exc)) from exc
                worry(f"{exc} Trying again in {again_s:g} s.")
                asyncio.run(SystemClock().sleep(again_s))
                again_s = min(again_s * 2, _AGAIN_S_MAX)
                continue
            again_s = _AGAIN_S
            for event in page.items:
                show(event)
            self._keep(page.next_cursor)
            if once and len(page.items) < _PAGE:
                return

    def _page(self, *, wait_s: int) -> Page:
        query = {
            "limit": _PAGE,
            "wait": wait_s,
            **({"after": self._cursor} if self._cursor else {}),
        }
        request = urllib.request.Request(
            f"{self._url}/events?{urllib.parse.urlencode(query)}",
            headers={"authorization": f"Bearer {self._token}", "accept": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                body = answer.read(_ANSWER_BYTES_MAX + 1)
        except urllib.error.HTTPError as exc:
            with exc:
                raise self._refused(exc.code, exc.read(65_536)) from exc
        except (OSError, HTTPException) as exc:
            reason = getattr(exc, "reason", exc)
            raise _Trouble(f"{self._url} cannot be reached ({reason}).") from exc
        return _read_page(body)

    def _refused(self, status: int, body: bytes) -> Exception:
        said = f"{self._url} answered {status}"
        with suppress(ValueError, KeyError, TypeError):
            said = f"{said}: {json.loads(body)['error']}"
        if status == 429 or status >= 500:
            return _Trouble(f"{said}.")
        hint = " --state names a file of another server's place." if status == 400 else ""
        return SetupError(f"{said}{hint}")

    def _keep(self, cursor: str) -> None:
        if cursor == self._cursor:
            return
        self._cursor = cursor
        if self._state is not None:
            _write(self._state, cursor)


class _Trouble(Exception):
    """The server cannot be read just now; it may be later."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token would go along."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Return nothing, so that the redirect is an error."""


def _host_of(url: str) -> str:
    with suppress(ValueError):
        parts = urllib.parse.urlsplit(url)
        is_plain = url.isprintable() and " " not in url
        if is_plain and parts.scheme in ("http", "https") and parts.hostname:
            return parts.hostname
    raise SetupError(f"{url!r} is not a server's URL; it begins with http:// or https://.")


def _proxies_for(host: str) -> list[urllib.request.BaseHandler]:
    # The machine itself is never behind a proxy, whatever the environment says.
    return [urllib.request.ProxyHandler({})] if host in _LOOPBACK else []


def _read_page(body: bytes) -> Page:
    try:
        return _decode_page(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise SetupError(
            "What answered is no Ringback server; --url names the server's address."
        ) from exc


def _kept_in(state: Path | None) -> str | None:
    """Return the cursor that a file holds; None when there is no such file yet."""
    if state is None:
        return None
    try:
        cursor = state.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"The file {state} cannot be read as a place in the feed: {exc}.") from exc
    if not re.fullmatch(_CURSOR, cursor):
        raise SetupError(
            f"The file {state} holds no place in the feed; name another, or delete it."
        )
    return cursor


def _write(state: Path, cursor: str) -> None:
    """Keep the cursor: whenever the power fails, the file holds the old one or the new one."""
    new = state.with_name(f".{state.name}.new")
    try:
        with new.open("w", encoding="ascii") as file:
            file.write(f"{cursor}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(state)
    except OSError as exc:
        raise SetupError(f"The place in the feed cannot be kept in {state}: {exc}.") from exc
    finally:
        new.unlink(missing_ok=True)  # only there if something broke, or somebody interrupted
