"""Addresses at which providers report changes of jobs, and the check of such requests.

Each address is unguessable and known to one provider for one job. A request to it only makes the
runner poll the provider; its content is not used.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from ringback.clock import Clock
from ringback.engines.upstream.provider import Provider
from ringback.engines.upstream.replays import Replays
from ringback.wire.signature import TOLERANCE_S

PREFIX = "/hooks"


class ProviderWebhooks:
    """Creates and checks one engine's webhook addresses."""

    def __init__(
        self,
        name: str,
        provider: Provider,
        *,
        public_url: str | None,
        secret: str | None,
        clock: Clock,
        wake: Callable[[str], None],
    ) -> None:
        self._name = name
        self._provider = provider
        self._public_url = public_url and public_url.rstrip("/")
        # Every process has the engine's secret, so all create the same addresses.
        self._key = None if secret is None else hashlib.sha256(secret.encode()).digest()
        self._clock = clock
        self._wake = wake
        self._replays = Replays(tolerance_s=TOLERANCE_S)

    def url_for(self, job_id: str) -> str | None:
        """Return a job's address for the provider, or None without a public URL or a secret."""
        if self._public_url is None or self._key is None:
            return None
        return f"{self._public_url}{PREFIX}/{self._name}/{job_id}/{self._proof(job_id)}"

    async def take(
        self, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Wake the job's runner if the request is the provider's; return whether it is.

        A copy of an earlier one is the provider's too, which sends it again until it is answered
        with a 2xx; it wakes nobody.
        """
        if self._key is None or not hmac.compare_digest(
            self._proof(job_id).encode(), proof.encode()
        ):
            return False
        now_s = self._clock.now_ms() / 1000
        signed = await self._provider.verify_webhook(headers, body, now_s=now_s)
        if signed is None:
            return False
        if not signed or self._replays.is_new(signed, now_s=now_s):
            self._wake(job_id)
        return True

    def _proof(self, job_id: str) -> str:
        assert self._key is not None
        about = f"ringback hook {self._name} {job_id}".encode()
        return hmac.new(self._key, about, hashlib.sha256).hexdigest()[:40]
