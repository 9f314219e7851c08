"""The HTTP client of one provider: rate limit, safe retries, size limits, errors for the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import msgspec

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.http_client import Headers, HttpClient, Request, Response
from ringback.egress.rate_limiter import RateLimiter
from ringback.engines.upstream.delays import (
    is_unavailable,
    is_unreached,
    may_retry,
    retry_delay_s,
)
from ringback.engines.upstream.multipart import Upload, multipart
from ringback.engines.upstream.responses import ACCOUNT_STATUSES, Refusal, plain, refusal
from ringback.errors import EngineError, ProviderUnavailable, SubmissionUnknown
from ringback.log import get_logger

log = get_logger(__name__)

ANSWER_BYTES_MAX = 4 << 20
_UPLOAD_S = 300.0


class ProviderClient:
    """Sends requests to one provider's base URL; ``headers`` are sent with each of them."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        backup_url: str | None = None,
        http_client: HttpClient,
        clock: Clock,
        rng: Random,
        pace: RateLimiter,
        headers: Headers = (),
        secrets: tuple[str, ...] = (),
        retries: int = 6,
        timeout_s: float = 30.0,
        result_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self._backup_url = backup_url  # where base_url cannot be connected to
        self.secrets = secrets
        self._http_client = http_client
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self._headers = headers
        self._retries = retries
        self._timeout_s = timeout_s
        self.result_bytes_max = result_bytes_max  # of an answer that may have files in it

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes = b"",
        headers: Headers = (),
        may_repeat: bool = True,
        timeout_s: float | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
        retries: int | None = None,
        ends: Callable[[Response], bool] = lambda _reply: False,
    ) -> Response:
        """Return a complete response, with any status except those that mean "try again later".

        ``ends`` selects responses of these statuses that no waiting can change; they are returned.
        Raises ``ProviderUnavailable`` when every attempt failed, ``SubmissionUnknown`` when a
        request that must not be repeated may have arrived, and ``EngineError`` where a retry is
        pointless.
        """
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is not a path of the provider")
        if json is not None:
            body = msgspec.json.encode(json)
            headers = (("content-type", "application/json"), *headers)
        call = Request(
            method=method,
            url=self.base_url + path,
            headers=(("accept", "application/json"), *self._headers, *headers),
            body=body,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            bytes_max=bytes_max,
            may_repeat=may_repeat,
        )
        return await self._send(call, self._retries if retries is None else retries, ends)

    async def read_job(self, path: str) -> Response:
        """Return the provider's answer about an accepted job, which is worth waiting for.

        Raises ``ProviderUnavailable`` for a wrong key or an unpaid account, which the operator can
        mend, and ``EngineError`` when the provider no longer has the job.
        """
        response = await self.send("GET", path, bytes_max=self.result_bytes_max)
        if response.status in ACCOUNT_STATUSES:
            raise ProviderUnavailable(self.name, f"status {response.status}")
        if response.status in (404, 410):
            raise Refusal(f"The provider of {self.name} no longer has this job.")
        return response

    async def upload(
        self, path: str, fields: Sequence[tuple[str, str | Upload]], *, headers: Headers = ()
    ) -> Response:
        """Post a form with files, and again if its answer is lost.

        Not for a submission that costs money: ``ask`` with ``may_repeat=False`` is.
        """
        content_type, body = multipart(fields)
        headers = (("content-type", content_type), *headers)
        return await self.send("POST", path, body=body, headers=headers, timeout_s=_UPLOAD_S)

    def refusal(self, response: Response) -> EngineError:
        """Return the error for a response with which the provider refused the job."""
        return refusal(self.name, response, self.secrets)

    async def _send(
        self, call: Request, retries: int, ends: Callable[[Response], bool]
    ) -> Response:
        attempts = 0
        while True:
            await self._turn()
            reply = await self._http_client.send(call)
            if self._backup_url is not None and is_unreached(reply):
                url = self._backup_url + call.url.removeprefix(self.base_url)
                reply = await self._http_client.send(replace(call, url=url))
            if not is_unavailable(reply) or (reply.reason is None and ends(reply)):
                return reply
            attempts += 1
            again = may_retry(reply, may_repeat=call.may_repeat)
            if not again or attempts > retries:
                raise self._no_answer(call, reply, is_final=not again)
            now_ms = self._clock.now_ms()
            await self._clock.sleep(retry_delay_s(reply, attempts, rng=self._rng, now_ms=now_ms))

    async def _turn(self) -> None:
        """Wait until the rate limit allows a request."""
        while (wait_s := self._pace.wait_s(self._clock.monotonic())) > 0:
            await self._clock.sleep(wait_s)
        self._pace.take(self._clock.monotonic())

    def _no_answer(self, call: Request, reply: Response, *, is_final: bool) -> EngineError:
        reason = reply.reason.value if reply.reason is not None else f"status {reply.status}"
        detail = plain(reply.detail, self.secrets)
        log.warning("provider_unavailable", engine=self.name, reason=reason, detail=detail)
        if reply.reason is Reason.BLOCKED_TARGET:
            return EngineError(f"The provider of {self.name} may not be called from here.")
        if reply.reason is Reason.TOO_LARGE:
            return EngineError(f"The provider of {self.name} sent a response that is too large.")
        if is_final and not call.may_repeat:
            return SubmissionUnknown(self.name, reason)
        return ProviderUnavailable(self.name, reason)
