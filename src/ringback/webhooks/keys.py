"""Signing keys."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ringback.ids import new_secret
from ringback.wire.signature import Signer, Signs


class SigningKey(Struct, frozen=True, kw_only=True):
    """A key that signs, sealed."""

    key_id: str
    kind: str
    sealed: str
    public: str | None = None
    created_at_ms: int
    retires_at_ms: int | None = None


def workspace_owner(workspace_id: str) -> str:
    """Return the name under which a workspace's keys are kept."""
    return f"workspace:{workspace_id}"


def endpoint_owner(endpoint_id: str) -> str:
    """Return the name under which an endpoint's keys are kept."""
    return f"endpoint:{endpoint_id}"


def in_force(keys: Iterable[SigningKey], *, now_ms: int) -> list[SigningKey]:
    """Return the keys that sign now."""
    return [key for key in keys if key.retires_at_ms is None or key.retires_at_ms > now_ms]


def new_signing_secret(kind: str) -> tuple[str, str | None]:
    """Return a new secret of a kind and its public key, if it has one."""
    return new_secret(), None


def signer_for(kind: str, secret: str) -> Signs:
    """Return what signs with a secret."""
    return Signer(secret)
