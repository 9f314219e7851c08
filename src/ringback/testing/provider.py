"""A provider for upstream engines that answers by a test's script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ringback.engines.upstream.provider import Inputs, ProviderStatus, Submission


class ScriptedProvider:
    """Responds to submissions and polls from two lists, and records the calls.

    An exception in a list is raised, and the last poll repeats. ``gate`` blocks submissions
    until the test sets it.
    """

    def __init__(
        self,
        *,
        submissions: Sequence[str | ProviderStatus | Exception] = ("t-1",),
        polls: Sequence[ProviderStatus | Exception] = (ProviderStatus(status="completed"),),
        is_idempotent: bool = True,
    ) -> None:
        self.is_idempotent = is_idempotent
        self.submissions = list(submissions)
        self.polls = list(polls)
        self.received: list[Submission] = []
        self.polled: list[str] = []
        self.cancelled: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.submitting = asyncio.Event()
        self.on_poll = asyncio.Event()

    async def submit(self, submission: Submission, inputs: Inputs) -> str | ProviderStatus:
        """Record the submission and return the next response."""
        self.received.append(submission)
        self.submitting.set()
        await self.gate.wait()
        answer = self.submissions.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def poll(self, ticket: str) -> ProviderStatus:
        """Record the ticket and return the next status."""
        self.polled.append(ticket)
        self.on_poll.set()
        answer = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self, ticket: str) -> None:
        """Record the ticket."""
        self.cancelled.append(ticket)

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Accept only the body ``genuine``."""
        return "" if body == b"genuine" else None

    async def close(self) -> None:
        """Do nothing: this provider holds no resources."""
