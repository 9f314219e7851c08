"""``ringback lab`` examines a receiver, advances the emulator's clock, and resets a workspace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.console.connection import connection, where
from ringback.cli.console.options import AS_JSON, CA_FILE, SKIP_VERIFY
from ringback.cli.verifying.signing import SECRET
from ringback.errors import InvalidFaults

if TYPE_CHECKING:
    from ringback.cli.verifying.receiver_poster import ReceiverPoster
    from ringback.lab.report import Finding, Report

# The lab is imported where it is used, because --help must be fast.

_COLORS = {"pass": "green", "warn": "yellow", "fail": "red"}
_VISIBLE = re.compile(r"[\x21-\x7e]{1,200}")


def _visible(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not _VISIBLE.fullmatch(text):
        raise click.BadParameter("use 1 to 200 visible ASCII characters.")
    return text


@click.group("lab")
def command() -> None:
    """Examine a receiver; advance the clock; reset a workspace."""


def _target(_ctx: click.Context, _argument: click.Parameter, url: str) -> str:
    from ringback.client.config import http_host

    if http_host(url) is None:
        raise click.BadParameter(
            f"{url!r} is no URL to post to; write it like http://localhost:8000/webhook."
        )
    return url


def _duration(_ctx: click.Context, _argument: click.Parameter, text: str) -> str:
    from ringback.jobs.durations import parse_duration

    try:
        parse_duration(text)
    except InvalidFaults as exc:
        raise click.BadParameter(str(exc)) from exc
    return text


@command.command("check", short_help="Examine the receiver at URL, and report.")
@click.argument("url", callback=_target)
@CA_FILE
@SKIP_VERIFY
@SECRET
@click.option(
    "--job-id",
    metavar="ID",
    callback=_visible,
    help="A job id that the receiver knows, if it checks that.",
)
@AS_JSON
@click.pass_context
def check(
    ctx: click.Context,
    url: str,
    ca_file: Path | None,
    skip_verify: bool,
    secret: str | None,
    job_id: str | None,
    as_json: bool,
) -> None:
    """Post valid and invalid webhooks to the receiver at URL, and report.

    The exit status is 1 when a check failed. Without a secret the webhooks are signed with a
    random one. The webhooks describe made-up jobs, so examine a receiver for tests.
    """
    import asyncio

    from ringback.cli.verifying.receiver_poster import ReceiverPoster
    from ringback.ids import new_secret

    on_finding = None if as_json else _say
    poster = ReceiverPoster(url, ca_file=ca_file, verifies=not skip_verify)
    report = asyncio.run(_examine(url, secret or new_secret(), job_id, on_finding, poster))
    if as_json:
        click.echo(json.dumps(report.document()))
    else:
        click.echo(_summary(report))
    if not report.is_well:
        ctx.exit(1)


async def _examine(
    url: str, secret: str, job_id: str | None, on_finding: Any, poster: ReceiverPoster
) -> Report:
    from ringback.clock import SystemClock
    from ringback.lab.checks import examine
    from ringback.lab.probe import Probe

    try:
        probe = Probe(url, secret=secret, poster=poster, clock=SystemClock(), job_id=job_id)
        return await examine(probe, **({"on_finding": on_finding} if on_finding else {}))
    finally:
        await poster.close()


@command.command("clock")
@connection
@AS_JSON
def clock(url: str | None, token: str | None, as_json: bool) -> None:
    """Print the emulator's time, and how far it is ahead."""
    from ringback.cli.remote.lab_clock import read_clock

    reading = read_clock(where(url, token))
    if as_json:
        click.echo(json.dumps(reading))
        return
    click.echo(reading["now"])
    click.echo(f"That is {reading['ahead']} ahead of the machine's time.", err=True)


@command.command("advance", short_help="Advance the emulator's clock by DURATION.")
@click.argument("duration", callback=_duration)
@connection
@AS_JSON
def advance(duration: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Advance the emulator's clock by DURATION, like 90s, 5m or 75h.

    Everything due on the way runs: a three-day schedule of webhooks takes a second.
    """
    from ringback.cli.remote.lab_clock import advance_clock

    moved = advance_clock(where(url, token), duration)
    if as_json:
        click.echo(json.dumps(moved))
        return
    for name, value in moved.items():
        click.echo(f"{name:8}  {value}")


@command.command("reset", short_help="Empty the token's workspace of the emulator.")
@connection
@AS_JSON
def reset(url: str | None, token: str | None, as_json: bool) -> None:
    """Empty the token's workspace of the emulator, and print how much was deleted.

    Its jobs, webhooks, events, endpoints, assets, styles, node apps and usage are deleted, and
    running jobs are stopped. Its signing secret and the clock stay. It asks no question.
    """
    from ringback.cli.remote.lab_clock import reset_workspace

    emptied = reset_workspace(where(url, token))
    if as_json:
        click.echo(json.dumps(emptied))
        return
    for name, count in emptied.items():
        click.echo(f"{name:10}  {count}")


def _say(finding: Finding) -> None:
    word = click.style(finding.verdict.value, fg=_COLORS[finding.verdict.value])
    click.echo(f"{word}  {finding.name:26}  {finding.seen}\n      {'':26}  {finding.why}")


def _summary(report: Report) -> str:
    counts = {verdict: 0 for verdict in _COLORS}
    for finding in report.findings:
        counts[finding.verdict.value] += 1
    summary = f"{counts['pass']} passed, {counts['warn']} to look at, {counts['fail']} failed"
    if report.not_tried:
        summary += f", {len(report.not_tried)} not tried: they need this one to pass first"
    return f"\n{summary}."
