"""Whose request it is: a bearer token opens a workspace."""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct
from starlette.types import Scope

from ringback.api.headers import RequestHeaders, headers_of
from ringback.clock import Clock
from ringback.errors import NotAuthenticated
from ringback.service.secrets import KeyDesk
from ringback.settings import Settings
from ringback.storage.contract import Workspaces

_BEARER = re.compile(rb"bearer +([\x21-\x7e]+)", re.IGNORECASE)
_KEY = re.compile(rb"key +([\x21-\x7e]+)", re.IGNORECASE)
_BARE = re.compile(rb"[\x21-\x7e]+")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_REMEMBERED_MAX = 4096
_BELIEVED_S = 1.0
_ID_LENGTH = 12


def token_id_of(digest: str) -> str:
    """Return a token's id: the beginning of its digest, by which its owner can tell which it is."""
    return digest[:_ID_LENGTH]


class Opened(Struct, frozen=True):
    """What a token opens, and which one it is."""

    workspace_id: str
    token_id: str


class Authenticator:
    """Says which workspace a request's credential opens."""

    def __init__(
        self, workspaces: Workspaces, keys: KeyDesk, settings: Settings, clock: Clock
    ) -> None:
        self._workspaces = workspaces
        self._keys = keys
        self._is_dev = settings.is_dev
        self._clock = clock
        # What a credential opens, and until when that is believed without asking again.
        self._known: dict[str, tuple[Opened, float]] = {}

    async def workspace_of(self, scope: Scope) -> str:
        """Return the workspace's id, or raise ``NotAuthenticated``."""
        return (await self.opened_by(scope)).workspace_id

    async def opened_by(self, scope: Scope) -> Opened:
        """Return what the request's token opens, or raise ``NotAuthenticated``."""
        return await self._opened(self.token_of(scope))

    def token_of(self, scope: Scope) -> bytes:
        """Return a request's credential, or raise ``NotAuthenticated``."""
        return self._token(headers_of(scope))

    async def workspace_of_token(self, token: bytes) -> str:
        """Return the id of the workspace that a token opens, or raise ``NotAuthenticated``."""
        return (await self._opened(token)).workspace_id

    async def _opened(self, token: bytes) -> Opened:
        # The digest is what is looked up and remembered: a lookup whose time tells how much of a
        # digest was right tells nothing about the token, so it need not be constant in time.
        digest = hashlib.sha256(token).hexdigest()
        now_s = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and now_s < known[1]:
            return known[0]
        if self._is_dev:
            opened = await self._open(token.decode(), digest)
        else:
            opened = await self._look_up(digest)
        return self._remember(digest, opened, now_s)

    async def workspace_of_digest(self, digest: str) -> str:
        """Return the id of the workspace that the token with that digest opens, or raise."""
        return (await self.opened_by_digest(digest)).workspace_id

    async def opened_by_digest(self, digest: str) -> Opened:
        """Return what the token with that digest opens, or raise ``NotAuthenticated``."""
        now_s = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and now_s < known[1]:
            return known[0]
        return self._remember(digest, await self._look_up(digest), now_s)

    def _remember(self, digest: str, opened: Opened, now_s: float) -> Opened:
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()  # it fills again within a second
        self._known[digest] = (opened, now_s + _BELIEVED_S)
        return opened

    async def _look_up(self, digest: str) -> Opened:
        token = await self._workspaces.find_token(digest)
        if token is None:
            self._known.pop(digest, None)
            raise NotAuthenticated("This token is unknown or was revoked.")
        return Opened(token.workspace_id, token.token_id)

    async def _open(self, token: str, digest: str) -> Opened:
        name = token if _NAME.fullmatch(token) else f"dev-{digest[:16]}"
        return Opened((await self._keys.open_workspace(name)).workspace_id, token_id_of(digest))

    def _token(self, headers: RequestHeaders) -> bytes:
        value = headers.get(b"authorization")
        if value is not None and (match := _BEARER.fullmatch(value)):
            return match[1]
        if self._is_dev:
            if value is not None and (match := _KEY.fullmatch(value)):
                return match[1]
            key = headers.get(b"x-api-key")
            if key is not None and _BARE.fullmatch(key):
                return key
        raise NotAuthenticated("Send the header Authorization: Bearer TOKEN.")
