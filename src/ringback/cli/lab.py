"""``ringback lab``: examine a receiver, and move the emulator's clock."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.connection import connection, where
from ringback.cli.options import AS_JSON
from ringback.cli.signing import SECRET
from ringback.errors import InvalidFaults, InvalidTarget

if TYPE_CHECKING:
    from ringback.cli.lab_clock import RemoteClock
    from ringback.lab.report import Finding, Report

# The lab is imported where it is used: it comes with the sender.

_COLORS = {"pass": "green", "warn": "yellow", "fail": "red"}
_VISIBLE = re.compile(r"[\x21-\x7e]{1,200}")


def _visible(_ctx: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not _VISIBLE.fullmatch(text):
        raise click.BadParameter("use 1 to 200 visible ASCII characters.")
    return text


@click.group("lab")
def command() -> None:
    """Examine a receiver; move the emulator's clock."""


def _target(_ctx: click.Context, _argument: click.Parameter, url: str) -> str:
    from ringback.egress.policy import BlockedTarget, TargetPolicy
    from ringback.egress.url import parse_target

    try:
        TargetPolicy.dev().judge_url(parse_target(url))
    except BlockedTarget as exc:
        raise click.BadParameter(f"{exc.detail}; loopback and public addresses will do.") from exc
    except InvalidTarget as exc:
        raise click.BadParameter(str(exc)) from exc
    return url


def _clock_at(url: str | None, token: str | None) -> RemoteClock:
    from ringback.cli.lab_clock import RemoteClock

    base_url, key = where(url, token)
    return RemoteClock(base_url, token=key)


def _duration(_ctx: click.Context, _argument: click.Parameter, text: str) -> str:
    from ringback.lab.durations import parse_duration

    try:
        parse_duration(text)
    except InvalidFaults as exc:
        raise click.BadParameter(str(exc)) from exc
    return text


@command.command("check", short_help="Examine the receiver at URL, and report.")
@click.argument("url", callback=_target)
@SECRET
@click.option(
    "--job-id",
    metavar="ID",
    callback=_visible,
    help="A job that the receiver knows, if it asks for that.",
)
@AS_JSON
@click.pass_context
def check(
    ctx: click.Context, url: str, secret: str | None, job_id: str | None, as_json: bool
) -> None:
    """Post webhooks to the receiver at URL, right ones and wrong ones, and report.

    The exit status is 1 when a check failed. Without a secret the webhooks are signed with one that
    nobody knows. The receiver is sent made-up jobs, so examine one that runs for tests.
    """
    import asyncio

    from ringback.ids import new_secret

    on_finding = None if as_json else _say
    report = asyncio.run(_examine(url, secret or new_secret(), job_id, on_finding))
    if as_json:
        click.echo(json.dumps(report.document()))
    else:
        click.echo(_summary(report))
    if not report.is_well:
        ctx.exit(1)


async def _examine(url: str, secret: str, job_id: str | None, on_finding: Any) -> Report:
    from ringback.clock import SystemClock
    from ringback.egress.policy import TargetPolicy
    from ringback.egress.sender import Sender
    from ringback.lab.checks import examine
    from ringback.lab.probe import Probe

    sender = Sender(TargetPolicy.dev())
    try:
        probe = Probe(url, secret=secret, poster=sender, clock=SystemClock(), job_id=job_id)
        return await examine(probe, **({"on_finding": on_finding} if on_finding else {}))
    finally:
        await sender.close()


@command.command("clock")
@connection
@AS_JSON
def clock(url: str | None, token: str | None, as_json: bool) -> None:
    """Tell the emulator's time, and how far it was moved."""
    reading = _clock_at(url, token).read()
    if as_json:
        click.echo(json.dumps(reading))
        return
    click.echo(reading["now"])
    click.echo(f"That is {reading['ahead']} ahead of the machine's time.", err=True)


@command.command("advance", short_help="Move the emulator's time on by DURATION.")
@click.argument("duration", callback=_duration)
@connection
@AS_JSON
def advance(duration: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Move the emulator's time on by DURATION, like 90s, 5m or 75h.

    Whatever falls due on the way happens: a three-day schedule of webhooks plays in a second.
    """
    moved = _clock_at(url, token).advance(duration)
    if as_json:
        click.echo(json.dumps(moved))
        return
    for name, value in moved.items():
        click.echo(f"{name:8}  {value}")


def _say(finding: Finding) -> None:
    word = click.style(finding.verdict.value, fg=_COLORS[finding.verdict.value])
    click.echo(f"{word}  {finding.name:26}  {finding.seen}\n      {'':26}  {finding.why}")


def _summary(report: Report) -> str:
    counts = {verdict: 0 for verdict in _COLORS}
    for finding in report.findings:
        counts[finding.verdict.value] += 1
    summary = f"{counts['pass']} passed, {counts['warn']} to look at, {counts['fail']} failed"
    if report.not_tried:
        summary += f", {len(report.not_tried)} not tried: they tell nothing before this one passes"
    return f"\n{summary}."
