"""Sessions: who has shown a token, in a sealed cookie, so that the server keeps nothing.

Over https the cookie is called ``__Host-ringback``: browsers take that name only from this host,
with ``Secure`` and for all paths. Over plain http it cannot be: Safari drops every ``Secure``
cookie there, on localhost too, though Chromium and Firefox would keep it. There it is named after
the port, because the cookies of one machine are shared by all its ports, and a token is taken only
where the host is this machine itself (``is_private``).
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ringback.clock import Clock
from ringback.dashboard.deps import Seals
from ringback.errors import SealBroken
from ringback.ids import new_token

SESSION_S = 12 * 3600
_OWNER = "dashboard:session"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_COOKIE_LENGTH_MAX = 4_096


class Session(Struct, frozen=True, kw_only=True):
    """What a cookie says: whose page it is, until when, and what its forms carry."""

    workspace_id: str
    digest: str | None  # of the token that opened it; None: the emulator's, which needs none
    form_key: str
    until_ms: int


class Sessions:
    """Makes and reads session cookies."""

    def __init__(self, seals: Seals, clock: Clock) -> None:
        self._seals = seals
        self._clock = clock

    def begin(self, workspace_id: str, digest: str | None) -> Session:
        """Return a new session of a workspace."""
        return Session(
            workspace_id=workspace_id,
            digest=digest,
            form_key=new_token(),
            until_ms=self._clock.now_ms() + SESSION_S * 1000,
        )

    def renewed(self, session: Session) -> Session:
        """Return the session with all its time before it."""
        until_ms = self._clock.now_ms() + SESSION_S * 1000
        return msgspec.structs.replace(session, until_ms=until_ms)

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, or None for one that is not ours or is over."""
        if not cookie or len(cookie) > _COOKIE_LENGTH_MAX:
            return None
        try:
            text = self._seals.unseal(cookie, owner=_OWNER)
            session = msgspec.json.decode(text, type=Session)
        except (SealBroken, msgspec.DecodeError, UnicodeError):
            return None
        return session if self._clock.now_ms() < session.until_ms else None

    def cookie(self, session: Session, base_url: str) -> str:
        """Return the ``Set-Cookie`` of a session."""
        sealed = self._seals.seal(msgspec.json.encode(session).decode(), owner=_OWNER)
        return f"{cookie_name(base_url)}={sealed}; Max-Age={SESSION_S}; {_attributes(base_url)}"

    def end(self, base_url: str) -> str:
        """Return the ``Set-Cookie`` that takes the session away."""
        return f"{cookie_name(base_url)}=; Max-Age=0; {_attributes(base_url)}"


def cookie_name(base_url: str) -> str:
    """Return what the session's cookie is called where the browser reaches us by that URL."""
    if base_url.startswith("https://"):
        return "__Host-ringback"
    return f"ringback-{urlsplit(base_url).port or 80}"


def is_private(base_url: str) -> bool:
    """Say whether a token may be typed in: over https, or without leaving the machine."""
    return base_url.startswith("https://") or urlsplit(base_url).hostname in _LOCAL


def _attributes(base_url: str) -> str:
    secure = "; Secure" if base_url.startswith("https://") else ""
    return f"Path=/; HttpOnly; SameSite=Lax{secure}"
