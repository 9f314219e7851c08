"""A provider of upstream engines that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ringback.engines.upstream.provider import Inputs, Look, Order


class ScriptedProvider:
    """Answers submissions and looks from two lists, and remembers what it was asked.

    An exception in a list is raised, and the last of the looks stays. ``gate`` holds submissions
    up until the test opens it.
    """

    def __init__(
        self,
        *,
        submissions: Sequence[str | Look | Exception] = ("t-1",),
        looks: Sequence[Look | Exception] = (Look(status="completed"),),
        is_idempotent: bool = True,
    ) -> None:
        self.is_idempotent = is_idempotent
        self.submissions = list(submissions)
        self.looks = list(looks)
        self.orders: list[Order] = []
        self.looked: list[str] = []
        self.cancelled: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.on_look = asyncio.Event()

    async def submit(self, order: Order, inputs: Inputs) -> str | Look:
        """Keep the order and give the next answer."""
        self.orders.append(order)
        self.asked.set()
        await self.gate.wait()
        answer = self.submissions.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def look(self, ticket: str) -> Look:
        """Keep the ticket and give the next look."""
        self.looked.append(ticket)
        self.on_look.set()
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self, ticket: str) -> None:
        """Keep the ticket."""
        self.cancelled.append(ticket)

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe the body ``genuine``."""
        return body == b"genuine"

    async def close(self) -> None:
        """Nothing is held."""
