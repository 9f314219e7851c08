"""The heart of ``ringback listen --forward-to``: forwards, tells of it, and minds the keyboard."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
import signal
import socket
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec import Struct

from ringback.cli.keyboard import keys_pressed
from ringback.cli.terminal import visible
from ringback.client.aio.client import AsyncRingback
from ringback.client.clock import SystemClock
from ringback.client.errors import ClientError
from ringback.client.forwarding import Forwarder
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.wire.document import iso_time

TERMINATED = 143  # what a shell says of a program that SIGTERM ended
_CHOICES = 9
_HELP = "r: redeliver the last, l: list the last ones, 1-9: redeliver one of them, q: quit"


class Forwarding(Struct, frozen=True, kw_only=True):
    """What is asked for on the command line."""

    url: str | None
    token: str | None
    forward_to: str
    name: str
    events: tuple[str, ...] | None
    models: tuple[str, ...]
    rotate_secret: bool = False
    as_json: bool = False
    print_json: bool = False


def forward(asked: Forwarding) -> int:
    """Forward until q is pressed or a signal comes; return the exit status."""
    _check_target(asked.forward_to)
    try:
        return asyncio.run(_Session(asked).run())
    except ClientError as exc:
        raise click.ClickException(visible(str(exc))) from exc


def forget(asked: Forwarding) -> None:
    """Delete the listener."""
    try:
        asyncio.run(_forget(asked))
    except ClientError as exc:
        raise click.ClickException(visible(str(exc))) from exc
    click.echo(f"The listener {asked.name} is forgotten, and what waited for it.", err=True)


def default_name() -> str:
    """Return a listener's name for this person on this machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have no name for its user
        user = "user"
    name = re.sub(r"[^A-Za-z0-9._@-]+", "-", f"{user}@{socket.gethostname()}")
    return name[:64].strip("._@-") or "listener"


async def _forget(asked: Forwarding) -> None:
    async with AsyncRingback(asked.token, asked.url) as client:
        await client.webhooks.listeners.forget(asked.name)


class _Session:
    """One run: an ``Onlooker``, and what keys do."""

    def __init__(self, asked: Forwarding) -> None:
        self._asked = asked
        self._clock = SystemClock()
        self._last: deque[HandedDelivery] = deque(maxlen=_CHOICES)
        self._presses: set[asyncio.Task[None]] = set()
        self._has_keys = False
        self._status = 0

    async def run(self) -> int:
        async with AsyncRingback(self._asked.token, self._asked.url) as client:
            self._client = client
            forwarder = Forwarder(
                client,
                self._asked.forward_to,
                name=self._asked.name,
                events=self._asked.events,
                models=self._asked.models,
                onlooker=self,
            )
            self._running = asyncio.create_task(forwarder.run())
            loop = asyncio.get_running_loop()
            with suppress(NotImplementedError):  # on Windows
                for number in (signal.SIGTERM, signal.SIGHUP):
                    loop.add_signal_handler(number, self._end, TERMINATED)
            with keys_pressed(self._press) as self._has_keys:
                await self._until_ended()
        return self._status

    async def _until_ended(self) -> None:
        try:
            await self._running
        except asyncio.CancelledError:
            ours = asyncio.current_task()
            if ours is not None and ours.cancelling():
                raise  # Ctrl-C: what is under way was given back, and the program ends by it
        finally:
            for press in self._presses:
                press.cancel()

    def _end(self, status: int) -> None:
        self._status = status
        self._running.cancel()

    # What it is told.

    def opened(self, listener: Endpoint) -> None:
        """Say who listens, where it goes, and the secret or how to get one."""
        if self._asked.rotate_secret and listener.secret is None:
            self._begin(self._rotate(listener))
            return
        self._introduce(listener, listener.secret)

    def connected(self, *, again: bool) -> None:
        """Say so once the server is back."""
        if again:
            self._talk("Connected again.")

    def lost(self, trouble: ClientError) -> None:
        """Say once that the server is out of reach."""
        self._talk(f"{trouble} It is tried again until it is back.")

    def forwarded(
        self, delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
    ) -> None:
        """Print what was forwarded, and how that went."""
        known = (one for one in self._last if one.delivery_id == delivery.delivery_id)
        if (before := next(known, None)) is not None:
            self._last.remove(before)
        self._last.appendleft(delivery)
        if self._asked.as_json:
            click.echo(json.dumps(_document(delivery, answer, after)))
            return
        click.echo(visible(f"{self._time()}  {_line(delivery)}  {_outcome(answer, after)}"))
        if self._asked.print_json:
            click.echo(_pretty(delivery.body))

    def _introduce(self, listener: Endpoint, secret: str | None) -> None:
        name, url = self._asked.name, self._client.base_url
        if self._asked.as_json:
            about = {
                "type": "listener",
                "listener": name,
                "endpoint_id": listener.id,
                "events": listener.events,
                "models": listener.models,
                "forward_to": self._asked.forward_to,
                "secret": secret,
            }
            click.echo(json.dumps(about))
            return
        self._talk(f"Listening as {name} at {url}; it goes to {self._asked.forward_to}.")
        self._talk(f"Events: {', '.join(listener.events)}{_of_models(listener)}.")
        if secret is None:
            self._talk(
                "Its signing secret was shown when it was made; --rotate-secret shows a new one."
            )
        else:
            self._talk(f"Its signing secret, shown this once: {secret}")
        if self._has_keys:
            self._talk(f"Keys: {_HELP}.")

    def _talk(self, sentence: str) -> None:
        click.echo(visible(sentence), err=True)

    def _time(self) -> str:
        return datetime.fromtimestamp(self._clock.now_s(), UTC).astimezone().strftime("%H:%M:%S")

    # What keys do.

    def _press(self, key: str) -> None:
        if key == "q":
            self._end(0)
        elif key in "?h":
            self._talk(f"{_HELP}.")
        elif key == "l":
            self._list()
        elif key == "r":
            self._redeliver(1)
        elif key.isdigit() and key != "0":
            self._redeliver(int(key))

    def _list(self) -> None:
        if not self._last:
            self._talk("Nothing was forwarded yet.")
        for number, delivery in enumerate(self._last, 1):
            self._talk(f"{number}  {_line(delivery)}")

    def _redeliver(self, number: int) -> None:
        if number > len(self._last):
            self._talk(f"There is no number {number} yet; l lists the last ones.")
            return
        self._begin(self._ask_again(self._last[number - 1]))

    async def _ask_again(self, delivery: HandedDelivery) -> None:
        await self._client.deliveries.redeliver(delivery.delivery_id)
        self._talk(f"Again: {_line(delivery)}")

    async def _rotate(self, listener: Endpoint) -> None:
        secret = await self._client.webhooks.endpoints.rotate_secret(listener.id)
        self._introduce(listener, secret)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._tried(work))
        self._presses.add(task)
        task.add_done_callback(self._presses.discard)

    async def _tried(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as exc:
            self._talk(str(exc))


def _check_target(url: str) -> None:
    with suppress(ValueError):
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if is_http and url.isprintable() and " " not in url:
            return
    raise click.UsageError(
        f"--forward-to {url!r} is no URL to post to; write it like http://localhost:3000/webhook."
    )


def _line(delivery: HandedDelivery) -> str:
    again = "" if delivery.attempt == 1 else f"  attempt {delivery.attempt}"
    return f"{delivery.event:13}  {delivery.delivery_id}{again}"


def _outcome(answer: LocalAnswer, after: Delivery | ClientError) -> str:
    said = _said(answer)
    took = f"{said} in {answer.duration_ms:.0f} ms"
    if isinstance(after, ClientError):
        return f"{took}; not recorded: {after}"
    if after.next_attempt_at is not None:
        return f"{took}; again at {after.next_attempt_at.astimezone():%H:%M:%S}"
    return took if after.status == "delivered" else f"{took}; {after.status}"


def _said(answer: LocalAnswer) -> str:
    if answer.status_code is None or answer.reason in ("timeout", "protocol"):
        return f"{answer.reason} ({answer.detail})"
    return str(answer.status_code)


def _of_models(listener: Endpoint) -> str:
    return f"; models: {', '.join(listener.models)}" if listener.models else ""


def _document(
    delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
) -> dict[str, Any]:
    recorded = None if isinstance(after, ClientError) else after
    again_at = None if recorded is None else recorded.next_attempt_at
    return {
        "type": "forwarded",
        "delivery_id": delivery.delivery_id,
        "event": delivery.event,
        "job_id": delivery.job_id,
        "attempt": delivery.attempt,
        "status_code": answer.status_code,
        "reason": answer.reason,
        "detail": answer.detail or None,
        "duration_ms": round(answer.duration_ms, 3),
        "status": None if recorded is None else recorded.status,
        "next_attempt_at": None
        if again_at is None
        else iso_time(round(again_at.timestamp() * 1000)),
        "body": delivery.body,
    }


def _pretty(body: str) -> str:
    """Return a body as indented JSON, with nothing in it that a terminal would obey."""
    try:
        text = json.dumps(json.loads(body), indent=2)
    except (ValueError, RecursionError):
        text = body
    return "\n".join(map(visible, text.split("\n")))
