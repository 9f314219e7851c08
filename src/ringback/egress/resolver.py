"""The resolver that all of a process share: fair between workspaces, with a short cache."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from typing import Protocol

from ringback.clock import Clock, SystemClock
from ringback.concurrency.fair_limiter import FairLimiter
from ringback.egress.host_lookup import DnsLookup, Found, HostLookup, ThreadedLookup
from ringback.egress.name_servers import NameServer

OWN = ""
"""The workspace of the server's own questions: those of names that its operator has set."""

# A look-up holds a socket or two. Some name servers serve no more than 150 questions at once.
LOOKUPS_MAX = 64
_LOOKUPS_RESERVE = 32
_CACHED_S_MAX = 30.0
_CACHED_FAILURE_S_MAX = 5.0
_CACHE_MAX = 4_096
_SENDS_IN_TIME = 4


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str, port: int, *, workspace_id: str = OWN) -> Sequence[str]:
        """Return the name's addresses in the order to try them, or raise ``OSError``.

        Workspaces share the limit of look-ups at once; this one counts as ``workspace_id``'s.
        """


class SystemResolver:
    """Resolves names as the machine is set up to, for every workspace at its own pace.

    A workspace asks one question per name at a time, and its questions in flight are limited by
    its share: names that are never answered delay no other workspace's. A question is dropped
    when all its callers have gone.
    """

    def __init__(
        self,
        servers: Sequence[NameServer] = (),
        *,
        timeout_s: float = 2.0,
        clock: Clock | None = None,
        lookup: HostLookup | None = None,
    ) -> None:
        self._lookup = lookup or _lookup_for(servers, timeout_s)
        self._timeout_s = timeout_s
        self._limiter = FairLimiter(LOOKUPS_MAX, reserve=_LOOKUPS_RESERVE)
        self._cache = _Cache(clock or SystemClock())
        self._open: dict[tuple[str, str], _Question] = {}
        self._dropped: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def open_count(self) -> int:
        """How many questions somebody waits for, or are still being dropped."""
        return len(self._open) + len(self._dropped)

    async def resolve(self, host: str, port: int, *, workspace_id: str = OWN) -> Sequence[str]:
        """Return the name's addresses in the order in which ``getaddrinfo`` has them."""
        if self._is_closed:
            raise OSError("the resolver is closed")
        if known := self._lookup.known(host):
            return known
        found = self._cache.get(host) or await self._query(host, workspace_id)
        if not found.addresses:
            raise OSError(found.error)
        return found.addresses

    def close(self) -> None:
        """Answer open questions with a failure, and take no more."""
        self._is_closed = True
        for key, question in list(self._open.items()):
            question.end(Found(error="the resolver is closed"))
            self._drop(key, question)
        self._lookup.close()

    async def _query(self, host: str, workspace_id: str) -> Found:
        key = (workspace_id, host)
        question = self._open.get(key)
        if question is None:
            question = self._open[key] = _Question()
            question.task = asyncio.create_task(self._find(key, question))
        question.askers += 1
        try:
            # Shielded: one asker's deadline must not end the question for the others.
            return await asyncio.shield(question.answer)
        finally:
            question.askers -= 1
            if not question.askers:
                self._drop(key, question)

    async def _find(self, key: tuple[str, str], question: _Question) -> None:
        workspace_id, host = key
        found = Found(error=f"no name server answered within {self._timeout_s} s")
        try:
            async with self._limiter.slot(workspace_id), asyncio.timeout(self._timeout_s):
                found = await self._lookup.find(host)
        except TimeoutError:
            pass
        except OSError as exc:
            found = Found(error=str(exc))
        finally:
            self._cache.put(host, found)
            question.end(found)

    def _drop(self, key: tuple[str, str], question: _Question) -> None:
        """Drop a question, and end its look-up if that still runs."""
        if self._open.get(key) is question:
            del self._open[key]
        task = question.task
        if task is not None and not task.done():
            self._dropped.add(task)
            task.add_done_callback(self._dropped.discard)
            task.cancel()


class _Question:
    """A question of one workspace about one name, and how many wait for its answer."""

    __slots__ = ("answer", "askers", "task")

    def __init__(self) -> None:
        self.answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self.askers = 0
        self.task: asyncio.Task[None] | None = None

    def end(self, found: Found) -> None:
        if not self.answer.done():
            self.answer.set_result(found)


class _Cache:
    """Keeps look-ups for as long as the answers say, and not longer than half a minute."""

    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._found: dict[str, tuple[float, Found]] = {}

    def get(self, host: str) -> Found | None:
        kept = self._found.get(host)
        return kept[1] if kept is not None and self._monotonic() < kept[0] else None

    def put(self, host: str, found: Found) -> None:
        ttl_s = min(found.ttl_s, _CACHED_S_MAX if found.addresses else _CACHED_FAILURE_S_MAX)
        if ttl_s <= 0:
            return
        self._found.pop(host, None)
        if len(self._found) >= _CACHE_MAX:
            del self._found[next(iter(self._found))]
        self._found[host] = (self._monotonic() + ttl_s, found)


def _lookup_for(servers: Sequence[NameServer], timeout_s: float) -> HostLookup:
    """Return a look-up at the named servers, or the system's own."""
    if servers or platform.system() == "Linux":
        return DnsLookup(servers, resend_s=timeout_s / _SENDS_IN_TIME)
    return ThreadedLookup(LOOKUPS_MAX + _LOOKUPS_RESERVE)
