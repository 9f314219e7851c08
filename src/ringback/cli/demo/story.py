"""The story that the demo tells: submit, watch, be called back, look at the picture."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from ringback.cli.demo.client import Client
from ringback.cli.demo.emulator import Emulator, running
from ringback.cli.demo.receiver import Received, Receiver
from ringback.cli.demo.teller import Teller
from ringback.cli.dev import EXAMPLE_INPUT, EXAMPLE_PATH
from ringback.clock import SystemClock
from ringback.wire.signature import SignatureMismatch, verify

_WEBHOOK_S_MAX = 30.0
_POLL_EVERY_S = 0.05
_PNG = b"\x89PNG\r\n\x1a\n"
_SHOWN_HEADERS = ("content-type", "user-agent", "webhook-", "ringback-")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the story came to."""

    webhook: Received
    job: dict[str, Any]
    picture: Path
    url: str

    def document(self) -> dict[str, Any]:
        """Return the outcome for programs."""
        return {
            "job_id": self.job["job_id"],
            "webhook": {"headers": self.webhook.headers, "body": self.job, "verified": True},
            "picture": str(self.picture),
            "url": self.url,
        }


def tell(teller: Teller, *, data: Path, port: int) -> Outcome:
    """Tell the story and return what it came to, or raise ``ClickException`` where it broke."""
    clock = SystemClock()
    started = clock.monotonic()
    with _ending_on_signals(), Receiver().running() as receiver:
        teller.step("1. Start the emulator: ringback dev")
        with running(teller, data=data, port=port) as emulator:
            teller.line(f"    ready at {emulator.url}")
            client = Client(emulator.url, token="dev")
            job_id = _submit(teller, client, receiver.url)
            webhook = _await_webhook(teller, emulator, receiver, client, job_id)
            job = _verified(teller, emulator, webhook)
            outcome = _look(teller, emulator, client, webhook, job)
        teller.line()
        teller.line(f"Done in {clock.monotonic() - started:.1f} s; the emulator has stopped.")
    return outcome


def _submit(teller: Teller, client: Client, webhook_url: str) -> str:
    teller.step("2. Submit a job with the header X-Webhook-URL")
    teller.block(f"POST {EXAMPLE_PATH}\nX-Webhook-URL: {webhook_url}")
    teller.block(json.dumps(EXAMPLE_INPUT))
    answer = client.post(EXAMPLE_PATH, EXAMPLE_INPUT, {"X-Webhook-URL": webhook_url})
    job_id: str = answer["job_id"]
    teller.line(f"    answered at once: job {job_id} is {answer['status']}")
    return job_id


def _await_webhook(
    teller: Teller, emulator: Emulator, receiver: Receiver, client: Client, job_id: str
) -> Received:
    teller.step("3. The picture is being made")
    clock = SystemClock()
    deadline = clock.monotonic() + _WEBHOOK_S_MAX
    status = "submitted"
    while clock.monotonic() < deadline:
        webhook = receiver.take(timeout_s=_POLL_EVERY_S)
        # One of an earlier demo that was killed may come first; receivers check the job_id.
        if webhook is not None and _job_id_of(webhook) == job_id:
            teller.passing("called back", 1.0)
            return webhook
        emulator.check_alive()
        job = client.get(f"/jobs/{job_id}")
        status = job["status"]
        teller.passing(status, job.get("progress", 1.0))
    raise click.ClickException(
        f"No webhook came within {_WEBHOOK_S_MAX:.0f} s; the job is {status}."
    )


def _job_id_of(webhook: Received) -> str | None:
    try:
        job_id: str | None = json.loads(webhook.body)["job_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return job_id


def _verified(teller: Teller, emulator: Emulator, webhook: Received) -> dict[str, Any]:
    teller.step("4. The webhook arrived")
    teller.block(
        "\n".join(
            f"{name}: {value}"
            for name, value in webhook.headers.items()
            if name.startswith(_SHOWN_HEADERS)
        )
    )
    job: dict[str, Any] = json.loads(webhook.body)
    teller.line()
    teller.block(json.dumps(job, indent=2))
    now_s = SystemClock().now_ms() / 1000
    try:
        verify([emulator.secret], headers=webhook.headers, body=webhook.body, now_s=now_s)
    except SignatureMismatch as exc:
        raise click.ClickException(f"The webhook's signature is wrong: {exc}.") from exc
    teller.line(click.style("    signature verified", fg="green"))
    if job["status"] != "completed":
        raise click.ClickException(f"The job is {job['status']}: {job['result'].get('error')}")
    return job


def _look(
    teller: Teller, emulator: Emulator, client: Client, webhook: Received, job: dict[str, Any]
) -> Outcome:
    teller.step("5. Look at the picture")
    url: str = job["result"]["urls"][0]
    content = client.download(url)
    size = tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20))
    if not content.startswith(_PNG) or size != (EXAMPLE_INPUT["width"], EXAMPLE_INPUT["height"]):
        raise click.ClickException(f"{url} is not a PNG of the size that was asked for.")
    # Where the emulator keeps artifacts is its own business, so the file is found by its name.
    name = url.rpartition("/")[2]
    picture = next(emulator.data.rglob(name), None)
    if picture is None or picture.read_bytes() != content:
        raise click.ClickException(f"{url} is not in the data directory {emulator.data}.")
    teller.line(f"    {picture}  (PNG, {size[0]} x {size[1]}, {len(content) // 1024} KiB)")
    teller.line(f"    {url}")
    return Outcome(webhook, job, picture, url)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that the emulator is stopped then too."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
