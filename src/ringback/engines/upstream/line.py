"""The line to one provider: paced, retried where that is safe, judged, capped."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from ringback.clock import Clock
from ringback.egress.answer import Reason
from ringback.egress.caller import Call, Caller, Headers, Reply
from ringback.engines.upstream.delays import is_away, may_ask_again, retry_delay_s
from ringback.engines.upstream.said import plain
from ringback.errors import AnswerLost, EngineError, ProviderAway
from ringback.log import get_logger
from ringback.webhooks.pace import Pace

log = get_logger(__name__)

ANSWER_BYTES_MAX = 4 << 20


class Line:
    """Asks one provider at its base URL; ``headers`` are sent with every request."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        caller: Caller,
        clock: Clock,
        rng: Random,
        pace: Pace,
        headers: Headers = (),
        secrets: tuple[str, ...] = (),
        retries: int = 6,
        timeout_s: float = 30.0,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self.secrets = secrets
        self._caller = caller
        self._clock = clock
        self._rng = rng
        self._pace = pace
        self._headers = headers
        self._retries = retries
        self._timeout_s = timeout_s

    async def ask(
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
        ends: Callable[[Reply], bool] = lambda _reply: False,
    ) -> Reply:
        """Return a whole answer, whatever its status, but for those that say "not now".

        Of these, ``ends`` names the ones that no waiting mends; they are returned too.
        Raises ``ProviderAway`` when there was none in all its attempts, ``AnswerLost`` when a
        request that must not be repeated may have arrived, ``EngineError`` where asking again
        would come to the same.
        """
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is not a path of the provider")
        if json is not None:
            body = msgspec.json.encode(json)
            headers = (("content-type", "application/json"), *headers)
        call = Call(
            method=method,
            url=self.base_url + path,
            headers=(("accept", "application/json"), *self._headers, *headers),
            body=body,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            bytes_max=bytes_max,
            may_repeat=may_repeat,
        )
        return await self._asked(call, self._retries if retries is None else retries, ends)

    async def _asked(self, call: Call, retries: int, ends: Callable[[Reply], bool]) -> Reply:
        attempts = 0
        while True:
            await self._turn()
            reply = await self._caller.ask(call)
            if not is_away(reply) or (reply.reason is None and ends(reply)):
                return reply
            attempts += 1
            again = may_ask_again(reply, may_repeat=call.may_repeat)
            if not again or attempts > retries:
                raise self._no_answer(call, reply, is_final=not again)
            now_ms = self._clock.now_ms()
            await self._clock.sleep(retry_delay_s(reply, attempts, rng=self._rng, now_ms=now_ms))

    async def _turn(self) -> None:
        """Return when the rate allows a request."""
        while (wait_s := self._pace.wait_s(self._clock.monotonic())) > 0:
            await self._clock.sleep(wait_s)
        self._pace.take(self._clock.monotonic())

    def _no_answer(self, call: Call, reply: Reply, *, is_final: bool) -> EngineError:
        said = reply.reason.value if reply.reason is not None else f"status {reply.status}"
        detail = plain(reply.detail, self.secrets)
        log.warning("provider_away", engine=self.name, reason=said, detail=detail)
        if reply.reason is Reason.BLOCKED_TARGET:
            return EngineError(f"The provider of {self.name} may not be called from here.")
        if reply.reason is Reason.TOO_LARGE:
            return EngineError(f"The provider of {self.name} sent more than is read.")
        if is_final and not call.may_repeat:
            return AnswerLost(self.name, said)
        return ProviderAway(self.name, said)
