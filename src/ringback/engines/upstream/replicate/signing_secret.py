"""The secret of an account's webhooks: from the settings, or fetched from Replicate."""

from __future__ import annotations

import asyncio

from ringback.clock import Clock
from ringback.engines.upstream.client import ProviderClient
from ringback.engines.upstream.responses import json_of
from ringback.errors import EngineError
from ringback.wire.signature import decode_secret

PATH = "/v1/webhooks/default/secret"
KEPT_S = 3_600.0
_RETRY_S = 60.0  # after a failed request


class SigningSecret:
    """The account's secret; it is fetched when needed and cached for an hour."""

    def __init__(self, configured: str | None, *, client: ProviderClient, clock: Clock) -> None:
        self._configured = configured
        self._client = client
        self._clock = clock
        self._kept: str | None = None
        self._fetched_at: float | None = None
        self._lock = asyncio.Lock()

    async def candidates(self) -> tuple[str, ...]:
        """Return the secrets to verify with; none if the secret is not available."""
        if self._configured is not None:
            return (self._configured,)
        async with self._lock:
            if self._is_due():
                self._fetched_at = self._clock.monotonic()
                self._kept = await self._fetch() or self._kept
        return () if self._kept is None else (self._kept,)

    def _is_due(self) -> bool:
        if self._fetched_at is None:
            return True
        age_s = self._clock.monotonic() - self._fetched_at
        return age_s >= (_RETRY_S if self._kept is None else KEPT_S)

    async def _fetch(self) -> str | None:
        try:
            response = await self._client.send("GET", PATH, retries=0)
        except EngineError:
            return None
        document = json_of(response) if response.status == 200 else None
        key = document.get("key") if isinstance(document, dict) else None
        try:
            return key if isinstance(key, str) and decode_secret(key) else None
        except ValueError:
            return None
