"""``ringback trigger`` posts a signed, made-up event to a receiver."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from ringback.cli.console.exit_status import Status
from ringback.cli.console.json_input import input_object
from ringback.cli.console.options import AS_JSON, CA_FILE, SKIP_VERIFY
from ringback.cli.console.output import print_json, print_lines, talk
from ringback.cli.verifying.signing import SECRET

if TYPE_CHECKING:
    from ringback.lab.deliveries import WebhookRequest

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
    from ringback.client.config import http_host

    if url is not None and http_host(url) is None:
        raise click.BadParameter("a receiver's URL begins with http:// or https://.")
    return url


@click.command("trigger")
@click.argument("event", callback=_type)
@click.option("--to", "url", metavar="URL", callback=_target, help="The receiver, anywhere.")
@CA_FILE
@SKIP_VERIFY
@SECRET
@click.option("--job-id", metavar="ID", help="A job id that the receiver knows, if it checks that.")
@click.option("--webhook-id", metavar="ID", help="Use it twice to deliver twice.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set a member of the body, like result.urls.0=https://…; repeatable.",
)
@click.option(
    "--data",
    "patch",
    metavar="JSON",
    help="Merge a JSON object into the body, null removes; @FILE reads it, - from standard input.",
)
@click.option("--dry-run", is_flag=True, help="Print the request, and post nothing.")
@AS_JSON
def command(
    event: str,
    url: str | None,
    ca_file: Path | None,
    skip_verify: bool,
    secret: str | None,
    job_id: str | None,
    webhook_id: str | None,
    assignments: tuple[str, ...],
    patch: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Post a signed event to a URL, without a job.

    It equals a real event, except that the job is made up, the header ringback-engine is "lab",
    and --data and --set change its body. The exit status is 0 for an answer of 2xx.
    """
    from ringback.cli.verifying.trigger import Triggered, make, post
    from ringback.ids import new_secret

    if url is None and not dry_run:
        raise click.UsageError("Say where it goes: --to http://127.0.0.1:8000/webhook")
    if secret is None:
        secret = new_secret()
        talk(f"Without --secret it is signed with a random one: {secret}")
    target = url or "http://127.0.0.1/"
    try:
        webhook = make(
            event,
            secret=secret,
            job_id=job_id,
            webhook_id=webhook_id,
            patch=input_object(patch, option="--data"),
            assignments=assignments,
        )
    except ValueError as exc:
        raise click.UsageError(f"{exc}.") from exc
    if dry_run:
        _print_request(webhook, target, as_json=as_json)
        return Status.WELL
    answer: Triggered = post(target, webhook, ca_file=ca_file, verifies=not skip_verify)
    if as_json:
        print_json(answer.document())
    else:
        print_lines(answer.lines())
    return Status.WELL if answer.is_delivered else Status.FAILED


def _print_request(webhook: WebhookRequest, url: str, *, as_json: bool) -> None:
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
