"""Receivers that come and go, in the place of the sender's sockets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ringback.egress.answer import Answer, Reason, Timings
from ringback.egress.url import parse_target
from ringback.wire.signature import SignatureMismatch, verify
from tests.sim.ledger import Ledger
from tests.sim.loop import SimClock, VirtualTime

SIGNED_WITHIN_S = 1.5  # of a rotation: the server looks at its keys once a second


class Weather(StrEnum):
    """How a receiver answers at the moment."""

    WELL = "well"
    DOWN = "down"  # nobody takes the connection
    BREAKING = "breaking"  # 500
    BUSY = "busy"  # 503 or 429 with Retry-After
    REFUSING = "refusing"  # 404
    GONE = "gone"  # 410
    SILENT = "silent"  # it takes the request, and its answer never comes
    MOVED = "moved"  # its name leads to an address that may not be called
    NAMELESS = "nameless"  # its name leads nowhere
    MOODY = "moody"  # any of these, by turns


_SICK = [weather for weather in Weather if weather not in (Weather.WELL, Weather.MOODY)]
_MOODS = (*_SICK, Weather.WELL, Weather.WELL, Weather.WELL)
_RETRY_AFTER_S = (1, 7, 60, 600, 7200, 86_400, 10**7)


@dataclass(slots=True)
class Seen:
    """What receivers know of one webhook-id."""

    body: bytes
    requests_count: int = 0
    accepted_count: int = 0
    gone_count: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A secret that a receiver has, and when the server must sign with it."""

    secret: str
    since_s: float = 0.0
    until_ms: int | None = None


class Network:
    """All receivers, with their own record of requests, independent of the server's."""

    def __init__(
        self,
        rng: Random,
        time: VirtualTime,
        ledger: Ledger,
        *,
        origins: Sequence[str],
        timeout_s: float,
    ) -> None:
        self._rng = rng
        self._time = time
        self._clock = SimClock(time)
        self._ledger = ledger
        self._timeout_s = timeout_s
        self.weather = dict.fromkeys(origins, Weather.WELL)
        self.seen: dict[str, Seen] = {}
        self.answers: Counter[str] = Counter()
        self.secrets: defaultdict[str, list[Known]] = defaultdict(list)  # by owner of the keys

    def change(self) -> str:
        """Let one receiver fare differently from now on; return what happened."""
        origin = self._rng.choice(list(self.weather))
        ways: tuple[Weather, ...] = (Weather.WELL, Weather.WELL, Weather.MOODY, *_SICK)
        self.weather[origin] = self._rng.choice(ways)
        return f"{origin} is {self.weather[origin]}"

    def heal(self) -> None:
        """Let every receiver be well."""
        self.weather = dict.fromkeys(self.weather, Weather.WELL)

    async def post(
        self,
        target_url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        workspace_id: str,
    ) -> Answer:
        """Be the ``Poster`` of every simulated process."""
        weather = self.weather[parse_target(target_url).origin]
        if weather is Weather.MOODY:
            weather = self._rng.choice(_MOODS)
        self.answers[weather] += 1
        began = self._clock.monotonic()
        unreached = {
            Weather.DOWN: Reason.CONNECT,
            Weather.MOVED: Reason.BLOCKED_TARGET,
            Weather.NAMELESS: Reason.DNS,
        }
        if weather in unreached:
            await self._clock.sleep(self._rng.uniform(0.0, 0.05))
            return self._answer(began, reason=unreached[weather])
        seen = self._received(dict(headers), body)
        if weather is Weather.SILENT:
            if self._rng.random() < 0.5:
                seen.accepted_count += 1  # all was well, but nobody will know
            await self._clock.sleep(self._timeout_s)
            return self._answer(began, reason=Reason.TIMEOUT)
        if weather is Weather.WELL:
            seen.accepted_count += 1
        elif weather is Weather.GONE:
            seen.gone_count += 1
        await self._clock.sleep(self._rng.uniform(0.001, 0.4))
        return self._reply(began, weather)

    def _reply(self, began: float, weather: Weather) -> Answer:
        match weather:
            case Weather.WELL:
                return self._answer(began, status_code=self._rng.choice((200, 202, 204)))
            case Weather.BUSY:
                wait = str(self._rng.choice(_RETRY_AFTER_S)).encode()
                status = self._rng.choice((429, 503))
                return self._answer(
                    began,
                    status_code=status,
                    reason=Reason.STATUS,
                    headers=((b"retry-after", wait),),
                )
            case Weather.REFUSING:
                return self._answer(began, status_code=404, reason=Reason.STATUS)
            case Weather.GONE:
                return self._answer(began, status_code=410, reason=Reason.STATUS)
            case _:
                return self._answer(began, status_code=500, reason=Reason.STATUS)

    def _answer(
        self,
        began: float,
        *,
        status_code: int | None = None,
        reason: Reason | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Answer:
        timings = Timings(total_ms=1000 * (self._clock.monotonic() - began))
        return Answer(status_code=status_code, reason=reason, headers=headers, timings=timings)

    def _received(self, headers: dict[bytes, bytes], body: bytes) -> Seen:
        id_ = headers[b"webhook-id"].decode()
        seen = self.seen.setdefault(id_, Seen(body))
        seen.requests_count += 1
        if seen.body != body or self._ledger.deliveries[id_].body.encode() != body:
            self._ledger.fail(f"delivery {id_} came with different bodies")
        self._verify(id_, headers, body)
        return seen

    def _verify(self, id_: str, headers: dict[bytes, bytes], body: bytes) -> None:
        delivery = self._ledger.deliveries[id_]
        endpoint_id = delivery.endpoint_id
        owner = (
            f"workspace:{delivery.workspace_id}"
            if endpoint_id is None
            else f"endpoint:{endpoint_id}"
        )
        now_s = self._time.now_s
        shown_ms = self._time.latest_wall_ms(now_s - SIGNED_WITHIN_S)
        secrets = [
            known.secret
            for known in self.secrets[owner]
            if known.since_s <= now_s and (known.until_ms is None or shown_ms < known.until_ms)
        ]
        if not secrets:
            return
        named = {key.decode("ascii"): value.decode("latin-1") for key, value in headers.items()}
        try:
            verify(
                [self._rng.choice(secrets)],
                headers=named,
                body=body,
                now_s=self._clock.now_ms() / 1000,
            )
        except SignatureMismatch as exc:
            self._ledger.fail(f"delivery {id_} is not signed as its receiver expects: {exc}")
