"""The verbs on a workspace's own tokens: look at them, revoke one.

Making them is the operator's: a token that could make others would outlive its own revocation.
"""

from __future__ import annotations

from ringback.clock import Clock
from ringback.errors import TokenNotFound
from ringback.log import get_logger
from ringback.storage.contract import Token, Workspaces

log = get_logger(__name__)


class TokenDesk:
    """What a workspace may do about its tokens."""

    def __init__(self, workspaces: Workspaces, *, clock: Clock) -> None:
        self._workspaces = workspaces
        self._clock = clock

    async def list_tokens(self, workspace_id: str) -> list[Token]:
        """Return the workspace's tokens, newest first."""
        tokens = await self._workspaces.list_tokens()
        return [token for token in reversed(tokens) if token.workspace_id == workspace_id]

    async def revoke(self, token_id: str, *, workspace_id: str) -> None:
        """Make a token of this workspace open nothing, or raise ``TokenNotFound``."""
        own = {token.token_id for token in await self.list_tokens(workspace_id)}
        if token_id not in own:
            raise TokenNotFound
        await self._workspaces.revoke_token(token_id, now_ms=self._clock.now_ms())
        log.info("token_revoked", token_id=token_id)
