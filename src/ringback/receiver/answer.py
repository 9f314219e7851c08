"""The receiver's answers to webhooks, and the log of each receipt."""

from __future__ import annotations

import logging

import msgspec
from msgspec import Struct

log = logging.getLogger("ringback.receiver")


class Answer(Struct, frozen=True):
    """An HTTP answer: a status, and a JSON body that explains a refusal."""

    status: int
    body: bytes = b""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that go with the body."""
        return [("content-type", "application/json")] if self.body else []


ACCEPTED = Answer(204)


def refused(status: int, code: str, sentence: str) -> Answer:
    """Return an answer whose body says in a sentence why the request was refused."""
    return Answer(status, msgspec.json.encode({"error": sentence, "code": code}))


def logged(verdict: str, *, level: int = logging.INFO, **known: object) -> None:
    """Log one receipt: its verdict and the known ids; never a body or a secret."""
    shown = " ".join(f"{name}={value}" for name, value in known.items() if value is not None)
    log.log(level, "webhook %s %s", verdict, shown, extra={"verdict": verdict, **known})
