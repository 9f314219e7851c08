"""The keys that fal publishes to know its webhooks by: kept for a day at most."""

from __future__ import annotations

import asyncio

from ringback.clock import Clock
from ringback.engines.upstream.fal.signature import Signed
from ringback.engines.upstream.line import Line
from ringback.errors import EngineError
from ringback.receiver.public_keys import Ed25519Key, keys_in

KEPT_S = 24 * 3_600.0  # fal asks for no longer
_AGAIN_S = 60.0  # however many requests with wrong signatures come
_BYTES_MAX = 262_144


class FalKeys:
    """Says whether one of the published keys has signed something."""

    def __init__(self, line: Line, path: str, *, clock: Clock) -> None:
        self._line = line
        self._path = path
        self._clock = clock
        self._keys: list[Ed25519Key] = []
        self._asked_at: float | None = None
        self._had_at = 0.0
        self._asking = asyncio.Lock()

    async def have_signed(self, signed: Signed) -> bool:
        """Say so by the keys at hand, and by newer ones where none of those fits."""
        async with self._asking:
            if self._keys and self._clock.monotonic() - self._had_at >= KEPT_S:
                self._keys = []
            if self._fits(signed):
                return True
            return await self._renew() and self._fits(signed)

    def _fits(self, signed: Signed) -> bool:
        return any(key.has_signed(signed.content, signed.signature) for key in self._keys)

    async def _renew(self) -> bool:
        now = self._clock.monotonic()
        if self._asked_at is not None and now - self._asked_at < _AGAIN_S:
            return False
        self._asked_at = now
        try:
            reply = await self._line.ask("GET", self._path, retries=0, bytes_max=_BYTES_MAX)
            found = keys_in(reply.body) if reply.status == 200 else []
        except (EngineError, ValueError):
            return False
        if found:
            self._keys, self._had_at = found, self._clock.monotonic()
        return bool(found)
