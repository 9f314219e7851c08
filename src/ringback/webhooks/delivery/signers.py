"""The signers of a delivery: its endpoint's keys or its workspace's, unsealed and cached."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Struct

from ringback.clock import Clock
from ringback.signing.ed25519 import signer_for
from ringback.signing.rotation import SigningKey, endpoint_owner, in_force, workspace_owner
from ringback.webhooks.events import OPERATOR
from ringback.webhooks.model import Delivery
from ringback.webhooks.store import EndpointStore, SecretStore
from ringback.wire.signature import MessageSigner

_KEPT_S = 1.0  # so that a rotation takes effect within a second
_KEPT_MAX = 4_096

_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


class Unsealer(Protocol):
    """Unseals secrets of an owner."""

    def unseal(self, sealed: str, *, owner: str) -> str:
        """Return the secret, or raise ``DecryptionFailed``."""


class Signing(Struct, frozen=True, kw_only=True):
    """The signers, custom headers and schedule of a delivery's attempts."""

    signers: tuple[MessageSigner, ...]
    headers: tuple[tuple[bytes, bytes], ...] = ()  # the endpoint's own
    schedule_s: tuple[float, ...] | None = None  # None: the server's
    is_disabled: bool = False


class SignerCache:
    """Finds the signers of a delivery; reads them again after a second."""

    def __init__(
        self,
        secrets: SecretStore,
        endpoints: EndpointStore,
        *,
        unsealer: Unsealer,
        clock: Clock,
        operator: Signing | None = None,
    ) -> None:
        self._secrets = secrets
        self._endpoints = endpoints
        self._clock = clock
        self._operator = operator
        self._known: dict[str, tuple[Signing, float]] = {}
        # Unsealing costs more than signing, and a key's sealed text never changes its meaning.
        self._signer = lru_cache(maxsize=_KEPT_MAX)(
            lambda kind, sealed, owner: signer_for(kind, unsealer.unseal(sealed, owner=owner))
        )
        self._unsealer = unsealer

    async def of(self, delivery: Delivery) -> Signing | None:
        """Return how a delivery is signed; None when its endpoint was deleted."""
        if delivery.workspace_id == OPERATOR:
            return self._operator
        endpoint_id = delivery.endpoint_id
        owner = (
            workspace_owner(delivery.workspace_id)
            if endpoint_id is None
            else endpoint_owner(endpoint_id)
        )
        now = self._clock.monotonic()
        known = self._known.get(owner)
        if known is not None and now < known[1]:
            return known[0]
        signing = await self._look_up(owner, endpoint_id)
        if signing is None or signing.is_disabled:
            return signing  # not cached: deliveries after it is enabled again must not be discarded
        if len(self._known) >= _KEPT_MAX:
            self._known.clear()  # it fills again within a second
        self._known[owner] = (signing, now + _KEPT_S)
        return signing

    async def _look_up(self, owner: str, endpoint_id: str | None) -> Signing | None:
        keys = in_force(await self._secrets.keys_of(owner), now_ms=self._clock.now_ms())
        signers = tuple(self._signer_of(key, owner) for key in keys)
        if endpoint_id is None:
            return Signing(signers=signers)
        endpoint = await self._endpoints.get_endpoint(endpoint_id)
        if endpoint is None:
            return None
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if endpoint.headers is not None:
            plain = self._unsealer.unseal(endpoint.headers, owner=owner)
            headers = tuple(
                (name.encode("ascii"), value.encode("latin-1"))
                for name, value in _decode_headers(plain).items()
            )
        return Signing(
            signers=signers,
            headers=headers,
            schedule_s=endpoint.schedule_s,
            is_disabled=endpoint.disabled_at_ms is not None,
        )

    def _signer_of(self, key: SigningKey, owner: str) -> MessageSigner:
        signer: MessageSigner = self._signer(key.kind, key.sealed, owner)
        return signer
