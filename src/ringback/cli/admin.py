"""``ringback admin``: what an operator sees and does, whatever the number of processes is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ringback.cli.options import AS_JSON, CONFIG, DATA, Number, settings_from
from ringback.cli.terminal import visible

# ringback.cli.steward is imported where it is used: the whole server comes with it.

_ROLE = click.argument("role", type=click.Choice(["worker", "dispatcher"]))


def _data_options(function: Any) -> Any:
    return DATA(CONFIG(AS_JSON(function)))


@click.group("admin")
def command() -> None:
    """See what waits and who works; drain, requeue, tidy up.

    All of it works beside running servers. The database is that of the settings.
    """


@command.command("stats")
@_data_options
def stats(data: Path | None, config: Path | None, as_json: bool) -> None:
    """Show how many jobs and webhooks there are, what waits, and who holds what."""
    from ringback.cli.steward import stats_of

    found = stats_of(settings_from({"data": data}, config=config))
    click.echo(json.dumps(found) if as_json else _stats_text(found))


@command.command("drain")
@_ROLE
@click.option(
    "--wait",
    "wait_s",
    type=Number(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for what is held to end; status 1 if some of it has not.",
)
@_data_options
def drain(role: str, wait_s: float, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Let no process claim work of a role until undrain; what is held goes on to its end."""
    from ringback.cli.steward import drain_role

    held = drain_role(settings_from({"data": data}, config=config), role, wait_s=wait_s)
    what = "jobs" if role == "worker" else "webhooks"
    told = f"No {role} claims any more; {held} {what} are held."
    click.echo(json.dumps({"role": role, "held": held}) if as_json else told)
    if held and wait_s:
        sys.exit(1)


@command.command("undrain")
@_ROLE
@_data_options
def undrain(role: str, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Let processes claim work of a role again."""
    from ringback.cli.steward import undrain_role

    undrain_role(settings_from({"data": data}, config=config), role)
    click.echo(json.dumps({"role": role}) if as_json else f"Every {role} claims again.")


@command.command("requeue")
@click.option("--worker", "worker_id", metavar="ID", help="What this worker holds; it is dead.")
@click.option("--expired", is_flag=True, help="What nobody was heard of for longer than a lease.")
@_data_options
def requeue(
    worker_id: str | None, expired: bool, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Give jobs that are held back to the queue, before their leases' end does.

    A worker that lives after all is told so by its next heartbeat, and what it writes is refused.
    A job that has ended is never run again: submit it anew.
    """
    from ringback.cli.steward import requeue_expired, requeue_held

    if (worker_id is None) is not expired:
        raise click.UsageError("Name a worker with --worker, or ask for --expired.")
    settings = settings_from({"data": data}, config=config)
    if worker_id is None:
        count, what = requeue_expired(settings), "jobs and webhooks are free again"
    else:
        count, what = requeue_held(settings, worker_id), "jobs are queued again"
    click.echo(json.dumps({"count": count}) if as_json else f"{count} {what}.")


@command.command("vacuum")
@_data_options
def vacuum(data: Path | None, config: Path | None, as_json: bool) -> None:
    """Delete now what is past its retention, and have the database tidy up."""
    from ringback.cli.steward import vacuum_all

    pruned = vacuum_all(settings_from({"data": data}, config=config))
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
