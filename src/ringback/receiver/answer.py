"""What a webhook is answered with, and the receiver's log of it."""

from __future__ import annotations

import logging

import msgspec
from msgspec import Struct

log = logging.getLogger("ringback.receiver")


class Answer(Struct, frozen=True):
    """A status, and a body of JSON for those who read it."""

    status: int
    body: bytes = b""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that go with the body."""
        return [("content-type", "application/json")] if self.body else []


ACCEPTED = Answer(204)


def refused(status: int, code: str, sentence: str) -> Answer:
    """Return an answer that says in a sentence why a request was refused."""
    return Answer(status, msgspec.json.encode({"error": sentence, "code": code}))


def logged(verdict: str, *, level: int = logging.INFO, **known: object) -> None:
    """Log one receipt: its verdict, and what is known of it; never a body or a secret."""
    shown = " ".join(f"{name}={value}" for name, value in known.items() if value is not None)
    log.log(level, "webhook %s %s", verdict, shown, extra={"verdict": verdict, **known})
