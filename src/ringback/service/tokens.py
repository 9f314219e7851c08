"""The verbs on tokens: make one, look at them, revoke one.

Making them is the operator's: a token that could make others would outlive its own revocation.
"""

from __future__ import annotations

import hashlib
import re

from ringback.clock import Clock
from ringback.errors import FieldError, InvalidRequest, TokenNotFound
from ringback.ids import new_token
from ringback.log import get_logger
from ringback.service.secrets import KeyDesk
from ringback.storage.contract import Token, Workspaces

log = get_logger(__name__)

WORKSPACE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
NAME_RULE = "use 1 to 63 of a-z, 0-9 and -, not beginning with -"
_HINT_LENGTH = 7
_ID_LENGTH = 12


class TokenDesk:
    """What can be done about tokens; those of one workspace, or of all for the operator."""

    def __init__(self, workspaces: Workspaces, keys: KeyDesk, *, clock: Clock) -> None:
        self._workspaces = workspaces
        self._keys = keys
        self._clock = clock

    async def create(self, workspace_id: str) -> tuple[Token, str]:
        """Make a token, and its workspace if that is new; only this answer ever holds its text.

        Raises ``InvalidRequest`` for what is no workspace's name.
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
            # The digest's beginning: whoever has a token can tell which of the list it is.
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
        """Return the workspace's tokens, or with None those of all, newest first."""
        tokens = await self._workspaces.list_tokens()
        return [one for one in reversed(tokens) if workspace_id in (None, one.workspace_id)]

    async def revoke(self, token_id: str, *, workspace_id: str | None) -> None:
        """Make a token of this workspace, or with None of any, open nothing.

        Raises ``TokenNotFound``.
        """
        own = {token.token_id for token in await self.list_tokens(workspace_id)}
        if token_id not in own:
            raise TokenNotFound
        await self._workspaces.revoke_token(token_id, now_ms=self._clock.now_ms())
        log.info("token_revoked", token_id=token_id)
