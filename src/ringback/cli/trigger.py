"""``ringback trigger``: a signed event at a receiver's door, without a job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from ringback.cli.endings import Status
from ringback.cli.options import AS_JSON
from ringback.cli.output import print_json, print_lines, talk
from ringback.cli.signing import SECRET

if TYPE_CHECKING:
    from ringback.lab.deliveries import Parcel

_TYPES = (
    "job.completed, job.failed, job.cancelled, job.started, job.progress, job.backlogged, "
    "endpoint.test, delivery.exhausted, endpoint.failing, endpoint.disabled, destination.paused, "
    "destination.recovered"
)


def _type(_ctx: click.Context, _argument: click.Parameter, event: str) -> str:
    from ringback.webhooks.events import EventType

    if event not in list(EventType):
        raise click.BadParameter(f"it is one of {_TYPES}.")
    return event


def _target(_ctx: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_right = None
    if not is_right or not url.isprintable() or " " in url:
        raise click.BadParameter("a receiver's URL begins with http:// or https://.")
    return url


@click.command("trigger")
@click.argument("event", callback=_type)
@click.option("--to", "url", metavar="URL", callback=_target, help="The receiver, anywhere.")
@SECRET
@click.option("--job-id", metavar="ID", help="A job that the receiver knows, if it asks for that.")
@click.option("--webhook-id", metavar="ID", help="Use it twice to deliver twice.")
@click.option("--dry-run", is_flag=True, help="Print the request, and post nothing.")
@AS_JSON
def command(
    event: str,
    url: str | None,
    secret: str | None,
    job_id: str | None,
    webhook_id: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Post a signed event to a URL, without a job.

    The receiver cannot tell it from a real one, but for the job, which is made up, and the header
    ringback-engine, which says "lab". The exit status is 0 when it was answered with 2xx.
    """
    from ringback.cli.triggering import Triggered, make, post
    from ringback.ids import new_secret

    if url is None and not dry_run:
        raise click.UsageError("Say where it goes: --to http://127.0.0.1:8000/webhook")
    if secret is None:
        secret = new_secret()
        talk(f"Without --secret it is signed with one that nobody knows: {secret}")
    target = url or "http://127.0.0.1/"
    try:
        webhook = make(event, secret=secret, job_id=job_id, webhook_id=webhook_id)
    except ValueError as exc:
        raise click.UsageError(f"{exc}.") from exc
    if dry_run:
        _print_request(webhook, target, as_json=as_json)
        return Status.WELL
    answered: Triggered = post(target, webhook)
    if as_json:
        print_json(answered.document())
    else:
        print_lines(answered.lines())
    return Status.WELL if answered.is_delivered else Status.FAILED


def _print_request(webhook: Parcel, url: str, *, as_json: bool) -> None:
    headers = {name.decode(): value.decode() for name, value in webhook.headers}
    if as_json:
        document: dict[str, Any] = {"url": url, "headers": headers, "body": webhook.body.decode()}
        print_json(document)
        return
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(webhook.body)}")
    sys.stdout.buffer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + webhook.body)
    sys.stdout.buffer.flush()
