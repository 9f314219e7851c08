"""Workspaces, their tokens and their secrets."""

from __future__ import annotations

from typing import Any

from ringback.signing.rotation import SigningKey
from ringback.storage.contract import EmptiedWorkspace, Token, Workspace
from ringback.storage.mapping.rows import key_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions import reset, workspaces


class SqlWorkspaces(SqlBase):
    """``Workspaces`` and their ``Secrets``."""

    async def open_workspace(self, workspace: Workspace, key: SigningKey) -> Workspace:
        known = await self.get_workspace(workspace.workspace_id)
        if known is not None:
            return known
        await self._call(workspaces.open_workspaces, (workspace, key))
        made = await self.get_workspace(workspace.workspace_id)
        assert made is not None
        return made

    async def get_workspace(self, workspace_id: str) -> Workspace | None:
        rows = await self._read("workspaces.get_workspace", workspace_id=workspace_id)
        return _workspace(rows[0]) if rows else None

    async def list_workspaces(self) -> list[Workspace]:
        return [_workspace(row) for row in await self._scan("workspaces.list_workspaces")]

    async def empty_workspace(self, workspace_id: str) -> EmptiedWorkspace:
        return await self._call(reset.empty_workspace, (workspace_id,))

    async def add_token(self, token: Token) -> None:
        await self._write(
            "workspaces.add_token",
            token_id=token.token_id,
            workspace_id=token.workspace_id,
            digest=token.digest,
            hint=token.hint,
            created_at_ms=token.created_at_ms,
        )

    async def find_token(self, digest: str) -> Token | None:
        rows = await self._read("workspaces.find_token", digest=digest)
        return _token(rows[0]) if rows else None

    async def list_tokens(self) -> list[Token]:
        return [_token(row) for row in await self._scan("workspaces.list_tokens")]

    async def revoke_token(self, token_id: str, *, now_ms: int) -> bool:
        return bool(await self._write("workspaces.revoke_token", token_id=token_id, now_ms=now_ms))

    async def end_session(self, session_id: str, *, forget_at_ms: int, now_ms: int) -> None:
        await self._write("workspaces.forget_sessions", now_ms=now_ms)
        await self._write(
            "workspaces.end_session", session_id=session_id, forget_at_ms=forget_at_ms
        )

    async def is_session_ended(self, session_id: str) -> bool:
        return bool(await self._read("workspaces.is_session_ended", session_id=session_id))

    async def keys_of(self, owner: str) -> list[SigningKey]:
        return [key_from(row) for row in await self._read("secrets.keys_of", owner=owner)]

    async def all_keys(self) -> list[tuple[str, SigningKey]]:
        return [(row[0], key_from(row[1:])) for row in await self._scan("secrets.all_keys")]

    async def add_key(
        self,
        owner: str,
        key: SigningKey,
        *,
        retire_others_at_ms: int | None,
        others_max: int | None = None,
    ) -> bool:
        item = (owner, key, retire_others_at_ms, others_max)
        return bool(await self._call(workspaces.add_key_of_kind, item))

    async def retire_keys(self, owner: str, *, kind: str, at_ms: int) -> int:
        bindings = {"owner": owner, "kind": kind, "at_ms": at_ms, "besides": ""}
        return len(await self._write("secrets.retire_keys", **bindings))

    async def reseal_key(self, key: SigningKey) -> None:
        await self._write("secrets.reseal_key", key_id=key.key_id, sealed=key.sealed)

    async def forget_retired(self, *, before_ms: int, limit: int) -> int:
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
