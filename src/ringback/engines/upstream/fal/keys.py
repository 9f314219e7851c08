"""The public keys of fal's webhooks, cached for a day at most."""

from __future__ import annotations

import asyncio

from ringback.clock import Clock
from ringback.engines.upstream.client import ProviderClient
from ringback.engines.upstream.fal.signature import Signed
from ringback.errors import EngineError
from ringback.receiver.public_keys import Ed25519Key, keys_in

KEPT_S = 24 * 3_600.0  # the maximum that fal allows
_RETRY_S = 60.0  # a flood of wrong signatures must not become one of requests
_BYTES_MAX = 262_144


class FalKeys:
    """Verifies signatures with the published keys."""

    def __init__(self, client: ProviderClient, path: str, *, clock: Clock) -> None:
        self._client = client
        self._path = path
        self._clock = clock
        self._keys: list[Ed25519Key] = []
        self._fetched_at: float | None = None
        self._keys_at = 0.0
        self._lock = asyncio.Lock()

    async def have_signed(self, signed: Signed) -> bool:
        """Verify with the cached keys, and with newly fetched ones if none matches."""
        async with self._lock:
            if self._keys and self._clock.monotonic() - self._keys_at >= KEPT_S:
                self._keys = []
            if self._fits(signed):
                return True
            return await self._renew() and self._fits(signed)

    def _fits(self, signed: Signed) -> bool:
        return any(key.has_signed(signed.content, signed.signature) for key in self._keys)

    async def _renew(self) -> bool:
        now = self._clock.monotonic()
        if self._fetched_at is not None and now - self._fetched_at < _RETRY_S:
            return False
        self._fetched_at = now
        try:
            response = await self._client.send("GET", self._path, retries=0, bytes_max=_BYTES_MAX)
            found = keys_in(response.body) if response.status == 200 else []
        except (EngineError, ValueError):
            return False
        if found:
            self._keys, self._keys_at = found, self._clock.monotonic()
        return bool(found)
