"""Authentication: a bearer token stands for a principal, which belongs to a workspace."""

from __future__ import annotations

import asyncio
import hashlib
import re

from starlette.types import Scope

from ringback.clock import Clock
from ringback.errors import NotAuthenticated, TooManyAttempts
from ringback.http.attempts import Attempts, address_of
from ringback.http.headers import RequestHeaders, headers_of
from ringback.service.secrets import SigningKeyService
from ringback.service.tokens import Principal
from ringback.settings import Settings
from ringback.storage.contract import WorkspaceStore

_BEARER = re.compile(rb"bearer +([\x21-\x7e]+)", re.IGNORECASE)
_KEY = re.compile(rb"key +([\x21-\x7e]+)", re.IGNORECASE)
_BARE = re.compile(rb"[\x21-\x7e]+")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_REMEMBERED_MAX = 4096
_CACHED_S = 1.0
_LISTED_S = 1.0  # the list of all digests is cached for so long
_ID_LENGTH = 12


def token_id_of(digest: str) -> str:
    """Return a token's id: the beginning of its digest."""
    return digest[:_ID_LENGTH]


class Authenticator:
    """Finds the principal of a request's token."""

    def __init__(
        self, workspaces: WorkspaceStore, keys: SigningKeyService, settings: Settings, clock: Clock
    ) -> None:
        self._workspaces = workspaces
        self._keys = keys
        self._is_dev = settings.is_dev
        self._clock = clock
        # By digest, each with the time until which no look-up is needed.
        self._known: dict[str, tuple[Principal, float]] = {}
        self._attempts = Attempts(clock)
        self._listed: tuple[frozenset[str], float] = (frozenset(), float("-inf"))
        self._listing: asyncio.Task[frozenset[str]] | None = None

    async def workspace_of(self, scope: Scope) -> str:
        """Return the id of the principal's workspace; raises as ``authenticate``."""
        return (await self.authenticate(scope)).workspace_id

    async def authenticate(self, scope: Scope) -> Principal:
        """Return the principal of the request's token.

        Raises ``NotAuthenticated``, or ``TooManyAttempts`` for a wrong token from an address that
        sent many of them.
        """
        return await self._authenticate(self._token(headers_of(scope)), scope)

    async def workspace_of_token(self, token: bytes, scope: Scope) -> str:
        """Return the id of a token's workspace; raises as ``authenticate``."""
        return (await self._authenticate(token, scope)).workspace_id

    async def _authenticate(self, token: bytes, scope: Scope) -> Principal:
        # The look-up is by digest. Its time may reveal how much of a digest was right, which says
        # nothing about the token, so it need not be constant in time.
        digest = hashlib.sha256(token).hexdigest()
        now_s = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and now_s < known[1]:
            return known[0]
        if self._is_dev:
            principal = await self._dev_principal(token.decode(), digest)
        else:
            principal = await self._look_up_within_limits(digest, address_of(scope))
        return self._remember(digest, principal, now_s)

    async def _look_up_within_limits(self, digest: str, address: str) -> Principal:
        """Look a token up; above its address's limit, only if it exists."""
        attempt = self._attempts.begin(address)
        if attempt is None and digest not in await self._all_digests():
            raise TooManyAttempts(retry_after_s=self._attempts.retry_after_s(address))
        try:
            principal = await self._look_up(digest)
        except NotAuthenticated:
            raise  # counted; a store that is unavailable says nothing about the token
        except Exception:
            self._take_back(address, attempt)
            raise
        self._take_back(address, attempt)
        return principal

    def _take_back(self, address: str, attempt: float | None) -> None:
        if attempt is not None:
            self._attempts.take_back(address, attempt)

    async def _all_digests(self) -> frozenset[str]:
        """Return the digests of all valid tokens; the store is asked at most once a second.

        Concurrent requests wait for the same query and get its error if it fails: an unavailable
        store delays none of them longer than one query does.
        """
        digests, until_s = self._listed
        if self._clock.monotonic() < until_s:
            return digests
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._list())
        # A client that leaves must not cancel the query for the others.
        return await asyncio.shield(self._listing)

    async def _list(self) -> frozenset[str]:
        tokens = await self._workspaces.list_tokens()
        digests = frozenset(one.digest for one in tokens if one.revoked_at_ms is None)
        self._listed = (digests, self._clock.monotonic() + _LISTED_S)
        return digests

    async def workspace_of_digest(self, digest: str) -> str:
        """Return the id of a digest's workspace; raises ``NotAuthenticated``."""
        now_s = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and now_s < known[1]:
            return known[0].workspace_id
        return self._remember(digest, await self._look_up(digest), now_s).workspace_id

    def _remember(self, digest: str, principal: Principal, now_s: float) -> Principal:
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()  # it fills again within a second
        self._known[digest] = (principal, now_s + _CACHED_S)
        return principal

    async def _look_up(self, digest: str) -> Principal:
        token = await self._workspaces.find_token(digest)
        if token is None:
            self._known.pop(digest, None)
            raise NotAuthenticated("This token is unknown or was revoked.")
        return Principal(token.workspace_id, token.token_id)

    async def _dev_principal(self, token: str, digest: str) -> Principal:
        name = token if _NAME.fullmatch(token) else f"dev-{digest[:16]}"
        return Principal((await self._keys.open_workspace(name)).workspace_id, token_id_of(digest))

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
