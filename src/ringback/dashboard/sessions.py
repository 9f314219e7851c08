"""Sessions: a sealed cookie holds the workspace that a token has opened.

The server stores no row for a session, only one for each session that was ended by logging out, so
that a copy of its cookie is refused in every process and after a restart. A session is renewed
while it is used, up to a week after it began; then its row may be deleted.

Over https the cookie is called ``__Host-ringback``: browsers take that name only from this host,
with ``Secure`` and for all paths. Over plain http that name is impossible: Safari drops every
``Secure`` cookie there, on localhost too, though Chromium and Firefox would keep it. There the
cookie is named after the port, because all ports of one machine share their cookies, and a token
is accepted only where the host is this machine itself (``is_private``).
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ringback.clock import Clock
from ringback.errors import DecryptionFailed
from ringback.http.public_path import path_of
from ringback.ids import new_token

SESSION_S = 12 * 3600
"""How long an unused session lasts."""
SESSION_S_MAX = 7 * 86_400
"""How long a session can last at most, however often it is renewed."""
_OWNER = "dashboard:session"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_COOKIE_LENGTH_MAX = 4_096


class Seals(Protocol):
    """Seals texts for an owner, and unseals them."""

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the text sealed, so that only this server can read it."""

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the text, or raise ``DecryptionFailed``."""


class Session(Struct, frozen=True, kw_only=True):
    """The content of a session cookie."""

    workspace_id: str
    digest: str | None  # of the token that opened it; None in the emulator, which needs no token
    form_key: str  # every form of the session carries it
    session_id: str
    began_at_ms: int
    until_ms: int

    @property
    def ends_at_ms(self) -> int:
        """Return when the session ends at the latest, however often it is renewed."""
        return self.began_at_ms + SESSION_S_MAX * 1000


class EndedSessions(Protocol):
    """Stores which sessions were ended, for all processes."""

    async def end_session(self, session_id: str, *, forget_at_ms: int, now_ms: int) -> None:
        """Store until ``forget_at_ms`` that a session has ended."""

    async def is_session_ended(self, session_id: str) -> bool:
        """Say whether a session was ended."""


class Sessions:
    """Makes and reads session cookies."""

    def __init__(self, seals: Seals, ended: EndedSessions, clock: Clock) -> None:
        self._seals = seals
        self._ended = ended
        self._clock = clock

    def begin(self, workspace_id: str, digest: str | None) -> Session:
        """Return a new session of a workspace."""
        now_ms = self._clock.now_ms()
        return Session(
            workspace_id=workspace_id,
            digest=digest,
            form_key=new_token(),
            session_id=new_token(),
            began_at_ms=now_ms,
            until_ms=now_ms + SESSION_S * 1000,
        )

    def renewed(self, session: Session) -> Session:
        """Return the session, extended as far as it may be."""
        until_ms = min(self._clock.now_ms() + SESSION_S * 1000, session.ends_at_ms)
        return msgspec.structs.replace(session, until_ms=until_ms)

    async def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, or None for a foreign cookie or an ended session."""
        session = self._unsealed(cookie)
        if session is None or await self._ended.is_session_ended(session.session_id):
            return None
        return session

    def _unsealed(self, cookie: str | None) -> Session | None:
        if not cookie or len(cookie) > _COOKIE_LENGTH_MAX:
            return None
        try:
            text = self._seals.unseal(cookie, owner=_OWNER)
            session = msgspec.json.decode(text, type=Session)
        except (DecryptionFailed, msgspec.DecodeError, UnicodeError):
            return None
        return session if self._clock.now_ms() < session.until_ms else None

    async def end(self, session: Session) -> None:
        """End the session, for every copy of its cookie."""
        await self._ended.end_session(
            session.session_id, forget_at_ms=session.ends_at_ms, now_ms=self._clock.now_ms()
        )

    def cookie(self, session: Session, base_url: str) -> str:
        """Return the ``Set-Cookie`` of a session."""
        sealed = self._seals.seal(msgspec.json.encode(session).decode(), owner=_OWNER)
        left_s = max(0, session.until_ms - self._clock.now_ms()) // 1000
        return f"{cookie_name(base_url)}={sealed}; Max-Age={left_s}; {_attributes(base_url)}"

    def no_cookie(self, base_url: str) -> str:
        """Return the ``Set-Cookie`` that deletes the cookie."""
        return f"{cookie_name(base_url)}=; Max-Age=0; {_attributes(base_url)}"


def cookie_name(base_url: str) -> str:
    """Return the name of the session's cookie for the base URL that the browser uses."""
    if not base_url.startswith("https://"):
        return f"ringback-{urlsplit(base_url).port or 80}"
    return "__Secure-ringback" if path_of(base_url) else "__Host-ringback"


def is_private(base_url: str) -> bool:
    """Say whether a token can be sent safely: over https, or to this machine itself."""
    return base_url.startswith("https://") or urlsplit(base_url).hostname in _LOCAL


def _attributes(base_url: str) -> str:
    secure = "; Secure" if base_url.startswith("https://") else ""
    # Beside other servers on the same host, each under a path of its own.
    return f"Path={path_of(base_url) or '/'}; HttpOnly; SameSite=Lax{secure}"
