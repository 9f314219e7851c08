"""The signing key service makes, rotates and seals the keys that sign webhooks."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ringback.clock import Clock
from ringback.ids import Ids
from ringback.log import get_logger
from ringback.signing.ed25519 import new_signing_secret
from ringback.signing.rotation import (
    Kind,
    SigningKey,
    endpoint_owner,
    in_force,
    workspace_owner,
)
from ringback.storage.contract import Store, Workspace

log = get_logger(__name__)

HMAC: Kind = "v1"
ED25519: Kind = "v1a"


class Seals(Protocol):
    """Seals secrets for their owners, and unseals them."""

    def seal(self, secret: str, *, owner: str) -> str:
        """Return the sealed secret, which may be stored."""

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the secret, or raise ``DecryptionFailed``."""

    def reseal(self, stored: str, *, owner: str) -> str:
        """Return a text, plain or sealed with an older master key, sealed with the newest one."""


class NewKey(Struct, frozen=True, kw_only=True):
    """A new key and its secret, which is shown only once."""

    key: SigningKey
    secret: str


class SigningKeyService:
    """Makes, rotates and reads the signing keys of owners."""

    def __init__(self, store: Store, seals: Seals, *, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._seals = seals
        self._clock = clock
        self._ids = ids

    def make(self, owner: str, kind: Kind = HMAC) -> NewKey:
        """Return a new key for an owner, without storing it."""
        secret, public = new_signing_secret(kind)
        key = SigningKey(
            key_id=f"key_{self._ids.uuid7()}",
            kind=kind,
            sealed=self._seals.seal(secret, owner=owner),
            public=public,
            created_at_ms=self._clock.now_ms(),
        )
        return NewKey(key=key, secret=secret)

    def seal(self, text: str, *, owner: str) -> str:
        """Return a text of an owner, sealed for the database."""
        return self._seals.seal(text, owner=owner)

    async def open_workspace(self, workspace_id: str) -> Workspace:
        """Return the workspace of that id; create it, with its own key, if there is none."""
        known = await self._store.get_workspace(workspace_id)
        if known is not None:
            return known
        made = self.make(workspace_owner(workspace_id))
        workspace = Workspace(workspace_id=workspace_id, created_at_ms=made.key.created_at_ms)
        return await self._store.open_workspace(workspace, made.key)

    async def secrets_of(self, owner: str, kind: Kind = HMAC) -> list[str]:
        """Return the secrets that sign an owner's webhooks now, newest first."""
        keys = in_force(await self._store.keys_of(owner), now_ms=self._clock.now_ms())
        return [self._seals.unseal(key.sealed, owner=owner) for key in keys if key.kind == kind]

    async def opened(self, owner: str) -> list[tuple[SigningKey, str]]:
        """Return every key of an owner with its secret, retired ones too, newest first."""
        keys = await self._store.keys_of(owner)
        return [(key, self._seals.unseal(key.sealed, owner=owner)) for key in keys]

    async def rotate(self, owner: str, kind: Kind = HMAC, *, overlap_s: float) -> str:
        """Give an owner a new key, with an overlap for older ones; return its secret."""
        made = await self.replace_key(owner, kind, overlap_s=overlap_s)
        assert made is not None
        return made.secret

    async def replace_key(
        self, owner: str, kind: Kind, *, overlap_s: float, others_max: int | None = None
    ) -> NewKey | None:
        """Give an owner a new key; change nothing and return None if over ``others_max`` sign."""
        made = self.make(owner, kind)
        retire_at_ms = made.key.created_at_ms + round(overlap_s * 1000)
        if not await self._store.add_key(
            owner, made.key, retire_others_at_ms=retire_at_ms, others_max=others_max
        ):
            return None
        log.info("secret_rotated", owner=owner, kind=kind)
        return made

    async def public_keys(self, owner: str) -> list[str]:
        """Return the public keys that verify an owner's webhooks now, newest first."""
        keys = in_force(await self._store.keys_of(owner), now_ms=self._clock.now_ms())
        return [key.public for key in keys if key.public is not None]

    async def seal_all(self) -> int:
        """Seal secrets that are plain, or sealed with an older master key; return how many."""
        count = 0
        for owner, key in await self._store.all_keys():
            sealed = self._seals.reseal(key.sealed, owner=owner)
            if sealed != key.sealed:
                await self._store.reseal_key(replace(key, sealed=sealed))
                count += 1
        count += await self._seal_headers()
        if count:
            log.info("secrets_sealed", count=count)
        return count

    async def _seal_headers(self) -> int:
        """Seal the endpoints' own headers with the newest master key; return for how many."""
        count = 0
        for workspace in await self._store.list_workspaces():
            for endpoint in await self._store.list_endpoints(workspace.workspace_id):
                if endpoint.headers is None:
                    continue
                owner = endpoint_owner(endpoint.endpoint_id)
                sealed = self._seals.reseal(endpoint.headers, owner=owner)
                if sealed != endpoint.headers:
                    after = replace(endpoint, headers=sealed)
                    count += await self._store.change_endpoint(
                        after, before=endpoint, now_ms=self._clock.now_ms()
                    )
        return count
