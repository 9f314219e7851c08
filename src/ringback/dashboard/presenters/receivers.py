"""Code of a receiver of one's own, in Python and in Node, and the commands around it.

The README has the same two, and its test runs each against the receiver checks.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec import Struct

from ringback.dashboard.presenters.snippets import TOKEN, Snippet

SECRET = "RINGBACK_WEBHOOK_SECRET"
RECEIVER_URL = "http://127.0.0.1:8000/webhook"
_FOLDER = Path(__file__).parent.parent / "receivers"


class Commands(Struct, frozen=True, kw_only=True):
    """The commands that start the receiver, check it, and bring a far server's webhooks to it."""

    start: str
    check: str
    listen: str


def receivers() -> tuple[Snippet, ...]:
    """Return the two receivers; both read their secret from ``RINGBACK_WEBHOOK_SECRET``."""
    files = (("Python", "receiver.py"), ("Node", "receiver.mjs"))
    return tuple(
        Snippet(name=name, code=(_FOLDER / f"{file}.txt").read_text("utf-8").rstrip())
        for name, file in files
    )


def commands(base_url: str, *, secret: str | None, token: str | None) -> Commands:
    """Return the commands; without a secret or a token they show where it belongs."""
    key = shlex.quote(secret) if secret else "whsec_…"
    login = f'--url {shlex.quote(base_url)} --token "{token or TOKEN}"'
    return Commands(
        start=f"export {SECRET}={key}\npython receiver.py    # node receiver.mjs",
        check=f'ringback lab check {RECEIVER_URL} --secret "${SECRET}"',
        listen=f"ringback listen {login} \\\n  --forward-to {RECEIVER_URL}",
    )
