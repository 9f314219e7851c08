"""What Replicate signs an account's webhooks with: the operator's word, or what Replicate says."""

from __future__ import annotations

import asyncio

from ringback.clock import Clock
from ringback.engines.upstream.line import Line
from ringback.engines.upstream.said import document_of
from ringback.errors import EngineError
from ringback.wire.signature import decode_secret

PATH = "/v1/webhooks/default/secret"
KEPT_S = 3_600.0
_AGAIN_S = 60.0  # after a look that came to nothing


class SigningSecret:
    """The one secret of an account; asked for when it is needed, and kept for an hour."""

    def __init__(self, given: str | None, *, line: Line, clock: Clock) -> None:
        self._given = given
        self._line = line
        self._clock = clock
        self._kept: str | None = None
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def candidates(self) -> tuple[str, ...]:
        """Return what may have signed a webhook; nothing, when it is not to be had."""
        if self._given is not None:
            return (self._given,)
        async with self._asking:
            if self._is_due():
                self._asked_at = self._clock.monotonic()
                self._kept = await self._asked() or self._kept
        return () if self._kept is None else (self._kept,)

    def _is_due(self) -> bool:
        if self._asked_at is None:
            return True
        age_s = self._clock.monotonic() - self._asked_at
        return age_s >= (_AGAIN_S if self._kept is None else KEPT_S)

    async def _asked(self) -> str | None:
        try:
            reply = await self._line.ask("GET", PATH, retries=0)
        except EngineError:
            return None
        document = document_of(reply) if reply.status == 200 else None
        key = document.get("key") if isinstance(document, dict) else None
        try:
            return key if isinstance(key, str) and decode_secret(key) else None
        except ValueError:
            return None
