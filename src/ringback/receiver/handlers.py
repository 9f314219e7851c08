"""Handlers by event type, and the delay before a failed handler is called again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Struct

from ringback.receiver.errors import ReceiverMisuse
from ringback.receiver.event import WebhookEvent

Function = Callable[..., Any]
ANY = "*"
_FIRST_S = 1.0
_LONGEST_S = 3_600.0


class Handler(Struct, frozen=True):
    """A function that handles events, and whether it shares the ledger's transaction."""

    function: Function
    is_transactional: bool

    @property
    def is_async(self) -> bool:
        """Say whether it is called on an event loop."""
        return inspect.iscoroutinefunction(self.function)

    def call(self, event: WebhookEvent, *more: Any) -> Any:
        """Call it with the event, and with the connection if it is transactional."""
        return self.function(event, *more)


class Handlers:
    """One function per type of event; ``*`` is for all others."""

    def __init__(self) -> None:
        self._by_type: dict[str, Handler] = {}

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def add(self, types: tuple[str, ...], handler: Handler) -> None:
        """Keep a handler for these types; raises ``ReceiverMisuse`` for a second one."""
        if handler.is_transactional and handler.is_async:
            raise ReceiverMisuse(
                "A transactional handler must not be async: its connection is not; use def."
            )
        for type_ in types or (ANY,):
            if type_ in self._by_type:
                raise ReceiverMisuse(
                    f"There is a handler for {type_} already; call both functions from one."
                )
            self._by_type[type_] = handler

    def for_type(self, type_: str) -> Handler | None:
        """Return the handler for a type, else the one for all types, else None."""
        return self._by_type.get(type_) or self._by_type.get(ANY)


def again_after_s(attempts_count: int, *, attempts_max: int, rng: Random) -> float | None:
    """Return the delay after this many failed attempts, or None to give up.

    The delay doubles from a second to an hour, with a jitter of a fifth.
    """
    if attempts_count >= attempts_max:
        return None
    return min(_LONGEST_S, _FIRST_S * 2.0 ** (attempts_count - 1)) * rng.uniform(0.8, 1.2)
