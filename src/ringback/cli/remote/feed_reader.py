"""Reads a server's feed by long polls, through outages, with the cursor saved in a file."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from ringback.client.config import Config
from ringback.client.errors import ApiError, ConnectionFailed, RateLimitError, ServerError
from ringback.client.models import Event, Page
from ringback.client.sync.client import Ringback
from ringback.clock import SystemClock
from ringback.errors import SetupError

_WAIT_S = 30
_PAGE = 100
_AGAIN_S = 1.0
_AGAIN_S_MAX = 30.0
_CURSOR = re.compile(r"[0-9A-Za-z_-]{1,200}")


class FeedReader:
    """Reads a server's feed, and saves its cursor."""

    def __init__(self, config: Config, *, state: Path | None, from_start: bool) -> None:
        self._url = config.base_url
        self._client = Ringback(config.api_key, config.base_url, max_retries=0)
        self._state = state
        self._cursor = _kept_in(state) or ("" if from_start else "latest")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def run(
        self,
        show: Callable[[Event], None],
        warn: Callable[[str], None],
        *,
        once: bool,
    ) -> None:
        """Show each event until interrupted; ``once`` ends after the events so far."""
        again_s = _AGAIN_S
        while True:
            try:
                page = self._page(wait_s=0 if once else _WAIT_S)
            except _Unavailable as exc:
                if once:
                    raise SetupError(str(exc)) from exc
                warn(f"{exc} Trying again in {again_s:g} s.")
                asyncio.run(SystemClock().sleep(again_s))
                again_s = min(again_s * 2, _AGAIN_S_MAX)
                continue
            again_s = _AGAIN_S
            for event in page.items:
                show(event)
            self._keep(page.next_cursor or "")
            if once and len(page.items) < _PAGE:
                return

    def _page(self, *, wait_s: int) -> Page[Event]:
        try:
            page = self._client.events.list(after=self._cursor or None, limit=_PAGE, wait=wait_s)
        except ConnectionFailed as exc:
            raise _Unavailable(f"{self._url} cannot be reached ({exc})") from exc
        except ApiError as exc:
            raise self._refused(exc) from exc
        if not _CURSOR.fullmatch(page.next_cursor or ""):
            raise _not_ringback()
        return page

    def _refused(self, error: ApiError) -> Exception:
        if isinstance(error, ServerError) and error.status < 300:
            return _not_ringback()
        sentence = f"{self._url} answered {error.status}: {error.message}"
        if isinstance(error, RateLimitError) or error.status >= 500:
            return _Unavailable(sentence)
        hint = " The file of --state has another server's cursor." if error.status == 400 else ""
        return SetupError(f"{sentence}{hint}")

    def _keep(self, cursor: str) -> None:
        if cursor == self._cursor:
            return
        self._cursor = cursor
        if self._state is not None:
            _write(self._state, cursor)


class _Unavailable(Exception):
    """The server cannot be read now; a later try may succeed."""


def _not_ringback() -> SetupError:
    return SetupError("The answer is not a Ringback server's; --url names the server's address.")


def _kept_in(state: Path | None) -> str | None:
    """Return the cursor in a file, or None without a file."""
    if state is None:
        return None
    try:
        cursor = state.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"The cursor in {state} cannot be read: {exc}.") from exc
    if not _CURSOR.fullmatch(cursor):
        raise SetupError(
            f"The file {state} holds no cursor of a feed; name another file, or delete it."
        )
    return cursor


def _write(state: Path, cursor: str) -> None:
    """Save the cursor atomically: after a power failure the file has the old one or the new one."""
    new = state.with_name(f".{state.name}.new")
    try:
        with new.open("w", encoding="ascii") as file:
            file.write(f"{cursor}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(state)
    except OSError as exc:
        raise SetupError(f"The cursor cannot be saved in {state}: {exc}.") from exc
    finally:
        new.unlink(missing_ok=True)  # it is left only after an error or an interrupt
