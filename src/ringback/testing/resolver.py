"""A DNS resolver for tests that answers from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast


class FakeResolver:
    """A resolver that answers from a table; a list of lists is answered one after another."""

    def __init__(self, answers: Mapping[str, Sequence[str] | Sequence[Sequence[str]] | OSError]):
        self._answers = dict(answers)
        self.questions: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int, *, workspace_id: str = "") -> Sequence[str]:
        """Return the scripted addresses; names that were not scripted do not exist."""
        earlier = sum(question[0] == host for question in self.questions)
        self.questions.append((host, port))
        answer = self._answers.get(host, OSError("name not known"))
        if isinstance(answer, OSError):
            raise answer
        if answer and not isinstance(answer[0], str):
            answer = answer[min(earlier, len(answer) - 1)]
        return cast("Sequence[str]", answer)
