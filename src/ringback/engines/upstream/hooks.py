"""The addresses at which providers may say that there is news, and who believes them.

An address is told to one provider for one job, and nobody guesses it. What is sent to it says no
more than "look now": the runner then asks the provider itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

from ringback.clock import Clock
from ringback.engines.upstream.provider import Provider

PREFIX = "/hooks"


class Hooks:
    """Makes one engine's addresses and judges what comes to them."""

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
        # Every process of this server has the engine's secret, so all make the same addresses.
        self._key = None if secret is None else hashlib.sha256(secret.encode()).digest()
        self._clock = clock
        self._wake = wake

    def url_for(self, job_id: str) -> str | None:
        """Return where the provider may call about a job, or None where it cannot."""
        if self._public_url is None or self._key is None:
            return None
        return f"{self._public_url}{PREFIX}/{self._name}/{job_id}/{self._proof(job_id)}"

    async def take(
        self, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Wake whoever waits for the job's news, if the request is the provider's."""
        if self._key is None or not hmac.compare_digest(
            self._proof(job_id).encode(), proof.encode()
        ):
            return False
        now_s = self._clock.now_ms() / 1000
        if not await self._provider.judge_hook(headers, body, now_s=now_s):
            return False
        self._wake(job_id)
        return True

    def _proof(self, job_id: str) -> str:
        assert self._key is not None
        about = f"ringback hook {self._name} {job_id}".encode()
        return hmac.new(self._key, about, hashlib.sha256).hexdigest()[:40]
