"""``ringback verify`` explains why a webhook's signature is wrong."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import IO

import click

from ringback.cli.console.exit_status import Status
from ringback.cli.console.options import AS_JSON, Number
from ringback.cli.console.output import print_json, print_lines
from ringback.cli.verifying.signing import SECRETS

_BYTES_MAX = 2 * 2**20  # receivers take half of that


def _moment(_ctx: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text) if text.isascii() and text.isdigit() else _iso(text).timestamp()
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(
            "a time is ISO 8601, like 2026-01-31T10:00:00Z, or seconds since 1970."
        ) from exc


def _iso(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@click.command("verify")
@click.argument("file", type=click.File("rb"), default="-")
@SECRETS
@click.option(
    "--at", "at_s", metavar="TIME", callback=_moment, help="When it arrived. Default: now."
)
@click.option(
    "--tolerance",
    "tolerance_s",
    type=Number(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How far from that time it may have been signed.",
)
@AS_JSON
def command(
    file: IO[bytes],
    secrets: tuple[str, ...],
    at_s: float | None,
    tolerance_s: float,
    as_json: bool,
) -> int:
    """Explain why a webhook's signature is wrong.

    FILE, or standard input, is the captured request: its headers, an empty line, and the body.
    The exit status is 0 for a genuine webhook, 1 for any other, 2 for input that is no request.
    """
    from ringback.cli.verifying.public import diagnose_any
    from ringback.cli.verifying.request import NoRequest, read_request
    from ringback.clock import SystemClock

    if not secrets:
        raise click.UsageError("Give the secret with --secret, or in RINGBACK_WEBHOOK_SECRET.")
    if file is sys.stdin.buffer and sys.stdin.isatty():
        click.echo("Paste the request, then press Ctrl-D:", err=True)
    raw = file.read(_BYTES_MAX + 1)
    if len(raw) > _BYTES_MAX:
        raise click.UsageError(f"The request has more than {_BYTES_MAX} bytes.")
    try:
        request = read_request(raw)
    except NoRequest as exc:
        raise click.UsageError(str(exc)) from exc
    now_s = SystemClock().now_ms() / 1000 if at_s is None else at_s
    found = diagnose_any(request, secrets, now_s=now_s, tolerance_s=tolerance_s)
    if as_json:
        findings = [finding._asdict() for finding in found.findings]
        print_json({"genuine": found.is_genuine, "findings": findings})
    else:
        word = "genuine" if found.is_genuine else "refused"
        print_lines(f"{word}  {finding.sentence}" for finding in found.findings)
    return Status.WELL if found.is_genuine else Status.FAILED
