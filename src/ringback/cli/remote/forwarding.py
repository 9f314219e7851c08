"""The session of ``ringback listen --forward-to``: forwards, prints, and handles key presses."""

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
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from ringback.cli.console.keyboard import keys_pressed
from ringback.cli.console.output import talk
from ringback.cli.console.terminal import visible
from ringback.client.aio.client import AsyncRingback
from ringback.client.clock import SystemClock
from ringback.client.config import http_host
from ringback.client.errors import ClientError
from ringback.client.forwarding import Forwarder
from ringback.client.models import Delivery, Endpoint, HandedDelivery, LocalAnswer
from ringback.wire.document import iso_time

TERMINATED = 143  # the shell's status of a program that SIGTERM ended
_CHOICES = 9
_HELP = "r: redeliver the last, l: list the last ones, 1-9: redeliver one of them, q: quit"


class Forwarding(Struct, frozen=True, kw_only=True):
    """The options of the command."""

    url: str | None
    token: str | None
    forward_to: str
    name: str
    events: tuple[str, ...] | None
    models: tuple[str, ...]
    rotate_secret: bool = False
    as_json: bool = False
    print_json: bool = False
    ca_file: Path | None = None
    verifies: bool = True


def forward(options: Forwarding) -> int:
    """Forward until q is pressed or a signal comes; return the exit status."""
    _check_target(options.forward_to)
    try:
        return asyncio.run(_Session(options).run())
    except ClientError as exc:
        raise click.ClickException(visible(str(exc))) from exc


def forget(options: Forwarding) -> None:
    """Delete the listener."""
    try:
        asyncio.run(_forget(options))
    except ClientError as exc:
        raise click.ClickException(visible(str(exc))) from exc
    click.echo(f"The listener {options.name} and its waiting deliveries are deleted.", err=True)


def default_name() -> str:
    """Return a listener's name for this person on this machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have no name for its user
        user = "user"
    name = re.sub(r"[^A-Za-z0-9._@-]+", "-", f"{user}@{socket.gethostname()}")
    return name[:64].strip("._@-") or "listener"


async def _forget(options: Forwarding) -> None:
    async with AsyncRingback(options.token, options.url) as client:
        await client.webhooks.listeners.forget(options.name)


class _Session:
    """One run of the command: the forwarder's ``Observer`` and the keyboard's handler."""

    def __init__(self, options: Forwarding) -> None:
        self._options = options
        self._clock = SystemClock()
        self._last: deque[HandedDelivery] = deque(maxlen=_CHOICES)
        self._presses: set[asyncio.Task[None]] = set()
        self._has_keys = False
        self._status = 0

    async def run(self) -> int:
        async with AsyncRingback(
            self._options.token, self._options.url, ca_file=self._options.ca_file
        ) as client:
            self._client = client
            forwarder = Forwarder(
                client,
                self._options.forward_to,
                name=self._options.name,
                events=self._options.events,
                models=self._options.models,
                observer=self,
                ca_file=self._options.ca_file,
                verifies=self._options.verifies,
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
                raise  # Ctrl-C: the forwarder has given its deliveries back
        finally:
            for press in self._presses:
                press.cancel()

    def _end(self, status: int) -> None:
        self._status = status
        self._running.cancel()

    def opened(self, listener: Endpoint) -> None:
        """Print the listener, its target, and its secret or how to get one."""
        if self._options.rotate_secret and listener.secret is None:
            self._begin(self._rotate(listener))
            return
        self._introduce(listener, listener.secret)

    def connected(self, *, again: bool) -> None:
        """Print that the server is reachable again."""
        if again:
            talk("Connected again.")

    def lost(self, error: ClientError) -> None:
        """Print that the server is unreachable."""
        talk(f"{error} Reconnecting until it succeeds.")

    def forwarded(
        self, delivery: HandedDelivery, answer: LocalAnswer, after: Delivery | ClientError
    ) -> None:
        """Print the delivery, the receiver's answer and the next attempt."""
        known = (one for one in self._last if one.delivery_id == delivery.delivery_id)
        if (before := next(known, None)) is not None:
            self._last.remove(before)
        self._last.appendleft(delivery)
        if self._options.as_json:
            click.echo(json.dumps(_document(delivery, answer, after)))
            return
        click.echo(visible(f"{self._time()}  {_line(delivery)}  {_outcome(answer, after)}"))
        if self._options.print_json:
            click.echo(_pretty(delivery.body))

    def _introduce(self, listener: Endpoint, secret: str | None) -> None:
        name, url = self._options.name, self._client.base_url
        if self._options.as_json:
            about = {
                "type": "listener",
                "listener": name,
                "endpoint_id": listener.endpoint_id,
                "events": listener.events,
                "models": listener.models,
                "forward_to": self._options.forward_to,
                "secret": secret,
            }
            click.echo(json.dumps(about))
            return
        talk(f"Listening as {name} at {url}; it goes to {self._options.forward_to}.")
        talk(f"Events: {', '.join(listener.events)}{_of_models(listener)}.")
        if secret is None:
            talk("Its signing secret was shown when it was made; --rotate-secret shows a new one.")
        else:
            talk(f"Its signing secret, shown this once: {secret}")
        if self._has_keys:
            talk(f"Keys: {_HELP}.")

    def _time(self) -> str:
        return datetime.fromtimestamp(self._clock.now_s(), UTC).astimezone().strftime("%H:%M:%S")

    def _press(self, key: str) -> None:
        if key == "q":
            self._end(0)
        elif key in "?h":
            talk(f"{_HELP}.")
        elif key == "l":
            self._list()
        elif key == "r":
            self._redeliver(1)
        elif key.isdigit() and key != "0":
            self._redeliver(int(key))

    def _list(self) -> None:
        if not self._last:
            talk("Nothing was forwarded yet.")
        for number, delivery in enumerate(self._last, 1):
            talk(f"{number}  {_line(delivery)}")

    def _redeliver(self, number: int) -> None:
        if number > len(self._last):
            talk(f"There is no number {number} yet; l lists the last ones.")
            return
        self._begin(self._redeliver_one(self._last[number - 1]))

    async def _redeliver_one(self, delivery: HandedDelivery) -> None:
        await self._client.deliveries.redeliver(delivery.delivery_id)
        talk(f"Again: {_line(delivery)}")

    async def _rotate(self, listener: Endpoint) -> None:
        secret = await self._client.webhooks.endpoints.rotate_secret(listener.endpoint_id)
        self._introduce(listener, secret)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._run_reporting(work))
        self._presses.add(task)
        task.add_done_callback(self._presses.discard)

    async def _run_reporting(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ClientError as exc:
            talk(str(exc))


def _check_target(url: str) -> None:
    if http_host(url) is None:
        raise click.UsageError(
            f"--forward-to {url!r} is no URL to post to; "
            "write it like http://localhost:3000/webhook."
        )


def _line(delivery: HandedDelivery) -> str:
    again = "" if delivery.attempt == 1 else f"  attempt {delivery.attempt}"
    return f"{delivery.event:13}  {delivery.delivery_id}{again}"


def _outcome(answer: LocalAnswer, after: Delivery | ClientError) -> str:
    took = f"{_status(answer)} in {answer.duration_ms:.0f} ms"
    if isinstance(after, ClientError):
        return f"{took}; not recorded: {after}"
    if after.next_attempt_at is not None:
        return f"{took}; again at {after.next_attempt_at.astimezone():%H:%M:%S}"
    return took if after.status == "delivered" else f"{took}; {after.status}"


def _status(answer: LocalAnswer) -> str:
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
    """Return a body as indented JSON without control characters."""
    try:
        text = json.dumps(json.loads(body), indent=2)
    except (ValueError, RecursionError):
        text = body
    return "\n".join(map(visible, text.split("\n")))
