"""Workspaces, their tokens and their secrets."""

from __future__ import annotations

from typing import Any

from ringback.storage.contract import Token, Workspace
from ringback.storage.sql import workspace_verbs as verbs
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import key_from
from ringback.webhooks.rotation import SigningKey


class SqlWorkspaces(SqlBase):
    """``Workspaces`` and their ``Secrets``."""

    async def open_workspace(self, workspace: Workspace, key: SigningKey) -> Workspace:
        """Return the workspace of that id, made now with this key if there was none."""
        known = await self.get_workspace(workspace.workspace_id)
        if known is not None:
            return known
        await self._call(verbs.open_workspaces, (workspace, key))
        made = await self.get_workspace(workspace.workspace_id)
        assert made is not None
        return made

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""
        rows = await self._read("workspaces.get_workspace", workspace_id=workspace_id)
        return _workspace(rows[0]) if rows else None

    async def list_workspaces(self) -> list[Workspace]:
        """Return every workspace, by id."""
        return [_workspace(row) for row in await self._scan("workspaces.list_workspaces")]

    async def add_token(self, token: Token) -> None:
        """Keep a new token."""
        await self._write(
            "workspaces.add_token",
            token_id=token.token_id,
            workspace_id=token.workspace_id,
            digest=token.digest,
            hint=token.hint,
            created_at_ms=token.created_at_ms,
        )

    async def find_token(self, digest: str) -> Token | None:
        """Return the token with that digest if it has not been revoked."""
        rows = await self._read("workspaces.find_token", digest=digest)
        return _token(rows[0]) if rows else None

    async def list_tokens(self) -> list[Token]:
        """Return every token, oldest first."""
        return [_token(row) for row in await self._scan("workspaces.list_tokens")]

    async def revoke_token(self, token_id: str, *, now_ms: int) -> bool:
        """Make a token open nothing."""
        return bool(await self._write("workspaces.revoke_token", token_id=token_id, now_ms=now_ms))

    async def keys_of(self, owner: str) -> list[SigningKey]:
        """Return every key of an owner, newest first."""
        return [key_from(row) for row in await self._read("secrets.keys_of", owner=owner)]

    async def all_keys(self) -> list[tuple[str, SigningKey]]:
        """Return every key with its owner."""
        return [(row[0], key_from(row[1:])) for row in await self._scan("secrets.all_keys")]

    async def add_key(
        self,
        owner: str,
        key: SigningKey,
        *,
        retire_others_at_ms: int | None,
        others_max: int | None = None,
    ) -> bool:
        """Keep a new key; the owner's others of its kind retire at that time, unless sooner.

        False, and nothing is kept, when more of that kind than ``others_max`` sign already.
        """
        asked = (owner, key, retire_others_at_ms, others_max)
        return bool(await self._call(verbs.add_keys, asked))

    async def retire_keys(self, owner: str, *, kind: str, at_ms: int) -> int:
        """Let an owner's keys of a kind sign no longer than that; returns how many."""
        asked = {"owner": owner, "kind": kind, "at_ms": at_ms, "besides": ""}
        return len(await self._write("secrets.retire_keys", **asked))

    async def reseal_key(self, key: SigningKey) -> None:
        """Write a key sealed anew."""
        await self._write("secrets.reseal_key", key_id=key.key_id, sealed=key.sealed)

    async def forget_retired(self, *, before_ms: int, limit: int) -> int:
        """Delete keys that retired before then, at most so many; returns how many."""
        return len(await self._write("secrets.forget_retired", before_ms=before_ms, limit=limit))


def _workspace(row: tuple[Any, ...]) -> Workspace:
    return Workspace(workspace_id=row[0], created_at_ms=row[1])


def _token(row: tuple[Any, ...]) -> Token:
    return Token(
        token_id=row[0],
        workspace_id=row[1],
        digest=row[2],
        hint=row[3],
        created_at_ms=row[4],
        revoked_at_ms=row[5],
    )
