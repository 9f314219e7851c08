"""Brings results home: capped, judged again at every redirect, their type found by content."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urljoin

from ringback.clock import Clock
from ringback.egress.caller import Call, Caller, Reply
from ringback.egress.url import MalformedTarget, parse_target
from ringback.engines.contract import EngineIO
from ringback.engines.upstream.delays import is_away, may_ask_again, retry_delay_s
from ringback.engines.upstream.places import Place, Pouring, temporary_place, type_of_file
from ringback.engines.upstream.provider import File
from ringback.errors import EngineError
from ringback.media.content import MediaType
from ringback.media.looking import media_type_of

_REDIRECTS_MAX = 3
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How much is done for one file."""

    bytes_max: int
    timeout_s: float
    retries: int


# The next look, which may find the job at its end, waits for a preview: not for long.
_OF_PREVIEWS = Terms(bytes_max=8 << 20, timeout_s=10.0, retries=0)


class Files:
    """Gets the files of one engine.

    Those on the provider's own origin are asked for by the operator's leave, with what opens the
    provider where it is needed; all others as any stranger's URL is, and without.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str,
        provider: Caller,
        public: Caller,
        clock: Clock,
        rng: Random,
        bytes_max: int,
        timeout_s: float,
        retries: int,
        place: Place = temporary_place,
    ) -> None:
        self._name = name
        self._origin = parse_target(base_url).origin
        self._provider = provider
        self._public = public
        self._clock = clock
        self._rng = rng
        self._terms = Terms(bytes_max=bytes_max, timeout_s=timeout_s, retries=retries)
        self._place = place
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, file: File, io: EngineIO) -> str:
        """Return the artifact that a result was kept as, or raise ``EngineError``."""
        return await self._kept(file, io, self._terms)

    async def keep_preview(self, file: File, io: EngineIO) -> str:
        """Return the artifact that a preview was kept as; a slow or large one is refused."""
        return await self._kept(file, io, _OF_PREVIEWS)

    async def _kept(self, file: File, io: EngineIO, terms: Terms) -> str:
        if file.content is not None:
            return await io.save(file.content, media_type=self._known(media_type_of(file.content)))
        async with self._room:
            with self._place() as path:
                await self._fetch(file, path, terms)
                return await io.save(path, media_type=self._known(type_of_file(path)))

    def _known(self, media_type: MediaType | None) -> str:
        if media_type is None:
            raise EngineError(
                f"The provider of {self._name} made a file of a type that is not known here."
            )
        return media_type.value

    async def _fetch(self, file: File, path: Path, terms: Terms) -> None:
        """Bring what lies behind the file's URL to the path, or raise ``EngineError``."""
        assert file.url is not None
        url = file.url
        for _ in range(_REDIRECTS_MAX + 1):
            reply = await self._asked(url, file, path, terms)
            if reply.status == 200 and reply.reason is None:
                return
            location = reply.header(b"location")
            if reply.reason is not None or location is None or not 300 <= (reply.status or 0) < 400:
                break
            url = urljoin(url, location.decode("latin-1"))
        said = reply.reason.value if reply.reason is not None else f"status {reply.status}"
        raise EngineError(
            f"The job was completed by the provider of {self._name}, but its result could not be "
            f"fetched: {said}."
        )

    async def _asked(self, url: str, file: File, path: Path, terms: Terms) -> Reply:
        try:
            is_theirs = parse_target(url).origin == self._origin
        except MalformedTarget as exc:
            raise EngineError(
                f"The provider of {self._name} named a result by what is no URL."
            ) from exc
        caller = self._provider if is_theirs else self._public
        call = Call(
            method="GET",
            url=url,
            headers=file.headers if is_theirs else (),
            timeout_s=terms.timeout_s,
            bytes_max=terms.bytes_max,
        )
        attempts = 0
        while True:
            with path.open("wb") as opened:
                pouring = Pouring(opened)
                reply = await caller.ask(call, sink=pouring)
            if pouring.error is not None:
                raise pouring.error  # our disk's, whose owner knows what to do
            attempts += 1
            over = not is_away(reply) or not may_ask_again(reply, may_repeat=True)
            if over or attempts > terms.retries:
                return reply
            now_ms = self._clock.now_ms()
            await self._clock.sleep(retry_delay_s(reply, attempts, rng=self._rng, now_ms=now_ms))
