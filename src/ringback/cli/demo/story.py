"""The steps of the demo: submit a job, watch it, receive its webhook, check the picture."""

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

from ringback.cli.commands.dev import EXAMPLE_INPUT, EXAMPLE_PATH
from ringback.cli.demo.emulator import Emulator, running
from ringback.cli.demo.printer import Printer
from ringback.cli.demo.receiver import Received, Receiver
from ringback.client.sync.client import Ringback
from ringback.clock import SystemClock
from ringback.wire.signature import SignatureMismatch, verify

_WEBHOOK_S_MAX = 30.0
_POLL_EVERY_S = 0.05
_REQUEST_S_MAX = 10.0
_PICTURE_BYTES_MAX = 64 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_SHOWN_HEADERS = ("content-type", "user-agent", "webhook-", "ringback-")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The demo's webhook, job and picture."""

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


def tell(printer: Printer, *, data: Path, port: int) -> Outcome:
    """Run the demo and return its outcome, or raise ``ClickException`` for a failed step."""
    clock = SystemClock()
    started = clock.monotonic()
    with _ending_on_signals(), Receiver().running() as receiver:
        printer.step("1. Start the emulator: ringback dev")
        with running(printer, data=data, port=port) as emulator:
            printer.line(f"    ready at {emulator.url}")
            with Ringback("dev", emulator.url, timeout=_REQUEST_S_MAX, max_retries=0) as client:
                job_id = _submit(printer, client, receiver.url)
                webhook = _await_webhook(printer, emulator, receiver, client, job_id)
                job = _verified(printer, emulator, webhook)
                outcome = _show_picture(printer, emulator, client, webhook, job)
        printer.line()
        printer.line(f"Done in {clock.monotonic() - started:.1f} s; the emulator has stopped.")
    return outcome


def _submit(printer: Printer, client: Ringback, webhook_url: str) -> str:
    printer.step("2. Submit a job with the header X-Webhook-URL")
    printer.block(f"POST {EXAMPLE_PATH}\nX-Webhook-URL: {webhook_url}")
    printer.block(json.dumps(EXAMPLE_INPUT))
    job = client.image(EXAMPLE_PATH, EXAMPLE_INPUT, webhook_url=webhook_url)
    printer.line(f"    answered at once: job {job.job_id} is {job.status}")
    return job.job_id


def _await_webhook(
    printer: Printer, emulator: Emulator, receiver: Receiver, client: Ringback, job_id: str
) -> Received:
    printer.step("3. The picture is being made")
    clock = SystemClock()
    deadline = clock.monotonic() + _WEBHOOK_S_MAX
    status = "submitted"
    while clock.monotonic() < deadline:
        webhook = receiver.take(timeout_s=_POLL_EVERY_S)
        # A webhook of an earlier, killed demo may come first, so the job_id is checked.
        if webhook is not None and _job_id_of(webhook) == job_id:
            printer.status("ended")
            return webhook
        emulator.check_alive()
        job = client.jobs.get(job_id)
        status = job.status
        printer.status(status, job.progress or None)
    raise click.ClickException(
        f"No webhook came within {_WEBHOOK_S_MAX:.0f} s; the job is {status}."
    )


def _job_id_of(webhook: Received) -> str | None:
    try:
        job_id: str | None = json.loads(webhook.body)["job_id"]
    except (ValueError, KeyError, TypeError):
        return None
    return job_id


def _verified(printer: Printer, emulator: Emulator, webhook: Received) -> dict[str, Any]:
    printer.step("4. The webhook arrived")
    printer.block(
        "\n".join(
            f"{name}: {value}"
            for name, value in webhook.headers.items()
            if name.startswith(_SHOWN_HEADERS)
        )
    )
    job: dict[str, Any] = json.loads(webhook.body)
    printer.line()
    printer.block(json.dumps(job, indent=2))
    now_s = SystemClock().now_ms() / 1000
    try:
        verify([emulator.secret], headers=webhook.headers, body=webhook.body, now_s=now_s)
    except SignatureMismatch as exc:
        raise click.ClickException(f"The webhook's signature is wrong: {exc}.") from exc
    printer.line(click.style("    signature verified", fg="green"))
    if job["status"] != "completed":
        raise click.ClickException(f"The job is {job['status']}: {job['result'].get('error')}")
    return job


def _show_picture(
    printer: Printer, emulator: Emulator, client: Ringback, webhook: Received, job: dict[str, Any]
) -> Outcome:
    printer.step("5. Look at the picture")
    url: str = job["result"]["urls"][0]
    content, _ = client.jobs.content(url, bytes_max=_PICTURE_BYTES_MAX)
    size = tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20))
    if not content.startswith(_PNG) or size != (EXAMPLE_INPUT["width"], EXAMPLE_INPUT["height"]):
        raise click.ClickException(f"{url} is not a PNG of the requested size.")
    # The layout of the data directory is the emulator's, so the file is searched by its name.
    name = url.rpartition("/")[2]
    picture = next(emulator.data.rglob(name), None)
    if picture is None or picture.read_bytes() != content:
        raise click.ClickException(f"{url} is not in the data directory {emulator.data}.")
    printer.line(f"    {picture}  (PNG, {size[0]} x {size[1]}, {len(content) // 1024} KiB)")
    return Outcome(webhook, job, picture, url)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``SystemExit``, so that the emulator is stopped too."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
