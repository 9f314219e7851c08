"""``ringback admin``: the operator's commands for a server of any number of processes."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from ringback.cli.console.options import Number, with_settings
from ringback.cli.console.terminal import visible
from ringback.settings import Settings

# ringback.cli.local.admin is imported where it is used: the whole server comes with it.

_ROLE = click.argument("role", type=click.Choice(["worker", "dispatcher"]))


@click.group("admin")
def command() -> None:
    """Show queues and workers; drain, requeue, prune.

    The commands work beside running servers, on the database of the settings.
    """


@command.command("stats")
@with_settings
def stats(settings: Settings, as_json: bool) -> None:
    """Show the counts of jobs and webhooks, the queues, and the workers with their leases."""
    from ringback.cli.local.admin import stats_of

    found = stats_of(settings)
    click.echo(json.dumps(found) if as_json else _stats_text(found))


@command.command("drain")
@_ROLE
@click.option(
    "--wait",
    "wait_s",
    type=Number(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait this long for held work to end; the exit status is 1 if some has not.",
)
@with_settings
def drain(role: str, wait_s: float, settings: Settings, as_json: bool) -> None:
    """Let no process claim work of a role until undrain; held work goes on to its end."""
    from ringback.cli.local.admin import drain_role

    held = drain_role(settings, role, wait_s=wait_s)
    work = "jobs" if role == "worker" else "webhooks"
    sentence = f"No {role} claims any more; {held} {work} are held."
    click.echo(json.dumps({"role": role, "held": held}) if as_json else sentence)
    if held and wait_s:
        sys.exit(1)


@command.command("undrain")
@_ROLE
@with_settings
def undrain(role: str, settings: Settings, as_json: bool) -> None:
    """Let processes claim work of a role again."""
    from ringback.cli.local.admin import undrain_role

    undrain_role(settings, role)
    click.echo(json.dumps({"role": role}) if as_json else f"Every {role} claims again.")


@command.command("requeue")
@click.option("--worker", "worker_id", metavar="ID", help="All jobs of this worker; it is dead.")
@click.option("--expired", is_flag=True, help="All jobs and webhooks whose lease has ended.")
@with_settings
def requeue(worker_id: str | None, expired: bool, settings: Settings, as_json: bool) -> None:
    """Give held jobs back to the queue without waiting for their leases to end.

    If the worker is alive after all, its next heartbeat and its writes are refused. A job that
    has ended is never run again: submit it anew.
    """
    from ringback.cli.local.admin import requeue_expired, requeue_held

    if (worker_id is None) is not expired:
        raise click.UsageError("Name a worker with --worker, or ask for --expired.")
    if worker_id is None:
        count, outcome = requeue_expired(settings), "jobs and webhooks are free again"
    else:
        count, outcome = requeue_held(settings, worker_id), "jobs are queued again"
    click.echo(json.dumps({"count": count}) if as_json else f"{count} {outcome}.")


@command.command("vacuum")
@with_settings
def vacuum(settings: Settings, as_json: bool) -> None:
    """Prune all rows past their retention now, and maintain the database."""
    from ringback.cli.local.admin import vacuum_all

    pruned = vacuum_all(settings)
    click.echo(json.dumps({"pruned": pruned}) if as_json else f"{pruned:,} rows were past it.")


def _stats_text(found: dict[str, Any]) -> str:
    lines = [_sums("jobs", found["jobs"]), _sums("webhooks", found["deliveries"])]
    for one in found["queued"]:
        model, since = visible(one["model"]), one["oldest_at"]
        lines.append(f"queued    {one['count']:,} of {model} ({one['engine']}), since {since}")
    due = found["due"]
    since = f", since {due['oldest_at']}" if due["oldest_at"] else ""
    lines.append(f"due       {due['count']:,} webhooks{since}; {due['held']:,} held")
    for one in found["workers"]:
        name, until = visible(one["worker"]), one["lease_until"]
        lines.append(f"worker    {name} holds {one['jobs']:,} jobs until {until}")
    lines += [f"drained   no {role} claims" for role in found["drained"]]
    return "\n".join(lines)


def _sums(name: str, counts: dict[str, int]) -> str:
    return f"{name:9} " + (", ".join(f"{n:,} {status}" for status, n in counts.items()) or "none")
