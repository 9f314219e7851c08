"""Key rotation: a new key and its predecessors sign together until the overlap ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Kind = Literal["v1", "v1a"]
KINDS: tuple[Kind, ...] = ("v1", "v1a")  # HMAC first: most receivers check only that
SIGNING_PER_KIND_MAX = 4  # however often a key is rotated, the header stays short


class SigningKey(Struct, frozen=True, kw_only=True):
    """A stored key that signs webhooks; its secret is sealed."""

    key_id: str
    kind: Kind
    sealed: str
    public: str | None = None  # whpk_…, of v1a
    created_at_ms: int
    retires_at_ms: int | None = None  # None: no successor yet


def in_force(keys: Iterable[SigningKey], *, now_ms: int) -> list[SigningKey]:
    """Return the keys that sign now, in the order of their signatures.

    HMAC keys come first, then Ed25519, each kind from the newest to the oldest whose overlap has
    not ended, and at most ``SIGNING_PER_KIND_MAX`` of a kind.
    """
    of_kind: defaultdict[str, list[SigningKey]] = defaultdict(list)
    for key in signing_order(keys):
        if key.retires_at_ms is None or now_ms < key.retires_at_ms:
            of_kind[key.kind].append(key)
    return [key for kind in KINDS for key in of_kind[kind][:SIGNING_PER_KIND_MAX]]


def signing_order(keys: Iterable[SigningKey]) -> list[SigningKey]:
    """Return all these keys, HMAC before Ed25519, and the newest of a kind first."""
    # A key without a successor is the newest, even if the clock was set back since.
    newest_first = sorted(
        keys,
        key=lambda key: (key.retires_at_ms is None, key.created_at_ms, key.key_id),
        reverse=True,
    )
    return sorted(newest_first, key=lambda key: KINDS.index(key.kind))


def workspace_owner(workspace_id: str) -> str:
    """Return the name under which a workspace's keys are kept."""
    return f"workspace:{workspace_id}"


def endpoint_owner(endpoint_id: str) -> str:
    """Return the name under which an endpoint's keys are kept."""
    return f"endpoint:{endpoint_id}"
