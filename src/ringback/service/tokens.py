"""The token service creates, lists and revokes tokens.

Only the operator creates them: a token that could create others would outlive its revocation.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

from ringback.clock import Clock
from ringback.errors import FieldError, InvalidRequest, TokenNotFound
from ringback.ids import new_token
from ringback.log import get_logger
from ringback.service.secrets import SigningKeyService
from ringback.storage.contract import Token, WorkspaceStore

log = get_logger(__name__)

WORKSPACE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
NAME_RULE = "use 1 to 63 of a-z, 0-9 and -, not beginning with -"
_HINT_LENGTH = 7
_ID_LENGTH = 12


class Principal(Struct, frozen=True):
    """The workspace and the token that a request acts for; the emulator's page has no token."""

    workspace_id: str
    token_id: str | None


class TokenService:
    """The operations on the tokens of one workspace, or of all for the operator."""

    def __init__(
        self, workspaces: WorkspaceStore, keys: SigningKeyService, *, clock: Clock
    ) -> None:
        self._workspaces = workspaces
        self._keys = keys
        self._clock = clock

    async def create(self, workspace_id: str) -> tuple[Token, str]:
        """Create a token, and its workspace if that is new; only this result has the token's text.

        Raises ``InvalidRequest`` for a malformed name of a workspace.
        """
        if not WORKSPACE_NAME.fullmatch(workspace_id):
            raise InvalidRequest(
                f"The workspace's name is wrong: {NAME_RULE}.",
                [FieldError("/workspace", NAME_RULE)],
            )
        await self._keys.open_workspace(workspace_id)
        text = new_token()
        digest = hashlib.sha256(text.encode()).hexdigest()
        token = Token(
            # The digest's beginning lets the owner of a token find it in the list.
            token_id=digest[:_ID_LENGTH],
            workspace_id=workspace_id,
            digest=digest,
            hint=text[:_HINT_LENGTH],
            created_at_ms=self._clock.now_ms(),
        )
        await self._workspaces.add_token(token)
        log.info("token_made", token_id=token.token_id, workspace_id=workspace_id)
        return token, text

    async def list_tokens(self, workspace_id: str | None) -> list[Token]:
        """Return the tokens of a workspace, or of all with None, newest first."""
        tokens = await self._workspaces.list_tokens()
        return [one for one in reversed(tokens) if workspace_id in (None, one.workspace_id)]

    async def revoke(self, token_id: str, *, workspace_id: str | None) -> None:
        """Revoke a token of this workspace, or of any with None; raises ``TokenNotFound``."""
        own = {token.token_id for token in await self.list_tokens(workspace_id)}
        if token_id not in own:
            raise TokenNotFound
        await self._workspaces.revoke_token(token_id, now_ms=self._clock.now_ms())
        log.info("token_revoked", token_id=token_id)
