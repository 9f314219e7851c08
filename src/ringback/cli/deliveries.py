"""``ringback deliveries``: the log of webhooks, and doing it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from ringback.cli.options import AS_JSON, CONFIG, DATA, settings_from
from ringback.cli.terminal import visible

# ringback.cli.logbook is imported where it is used: the whole server comes with it.

_WORKSPACE = click.option(
    "--workspace", metavar="NAME", help="Only this workspace's. Default: every workspace's."
)
_FILTERS = {
    "job-id": "Only of this job.",
    "endpoint-id": "Only to this endpoint.",
    "destination": "Only to this scheme, host and port, like https://shop.example:443.",
    "status": "Only waiting, delivered, exhausted, discarded or cancelled ones.",
    "reason": "Only those whose last attempt failed for this reason, like timeout.",
    "event": "Only of this event, like job.failed.",
    "since": "Only those made at this time (ISO 8601) or later.",
    "before": "Only those made before this time.",
}


def _common(function: Any) -> Any:
    return _WORKSPACE(DATA(CONFIG(AS_JSON(function))))


def _filters(function: Any) -> Any:
    for name, meaning in reversed(_FILTERS.items()):
        function = click.option(f"--{name}", metavar="VALUE", help=meaning)(function)
    return function


@click.group("deliveries")
def command() -> None:
    """Look at webhooks; send them again, or stop them.

    All of it works beside a running server, which notices within a second.
    """


@command.command("list")
@_filters
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="How many are shown at most.",
)
@_common
def list_(
    workspace: str | None,
    data: Path | None,
    config: Path | None,
    as_json: bool,
    limit: int,
    **filters: str | None,
) -> None:
    """List deliveries, newest first."""
    from ringback.cli.logbook import list_deliveries

    query = {name: value for name, value in filters.items() if value is not None}
    settings = settings_from({"data": data}, config=config)
    found, looked_at_all = list_deliveries(settings, workspace=workspace, query=query, limit=limit)
    if as_json:
        click.echo(json.dumps(found))
    else:
        for delivery in found:
            click.echo(_line(delivery))
    if not looked_at_all:
        click.echo("The log is longer than was looked at; add --workspace or --since.", err=True)
    elif not found:
        click.echo("No deliveries.", err=True)


@command.command("show")
@click.argument("delivery_id", metavar="ID")
@_common
def show(
    delivery_id: str, workspace: str | None, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Show a delivery and every attempt."""
    from ringback.cli.logbook import show_delivery

    settings = settings_from({"data": data}, config=config)
    found = show_delivery(settings, delivery_id, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


@command.command("redeliver")
@click.argument("delivery_id", metavar="ID")
@_common
def redeliver(
    delivery_id: str, workspace: str | None, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Deliver again: the same webhook-id and bytes, a new signature."""
    from ringback.cli import logbook

    settings = settings_from({"data": data}, config=config)
    found = logbook.redeliver(settings, delivery_id, workspace=workspace)
    _tell(found, as_json, lambda: f"{delivery_id} is due now; a running server sends it.")


@command.command("redeliver-all")
@_filters
@click.option(
    "--rate",
    type=click.IntRange(1, 1_000),
    default=200,
    show_default=True,
    help="How many a second.",
)
@click.option("--workspace", metavar="NAME", required=True, help="Whose deliveries.")
@DATA
@CONFIG
@AS_JSON
def redeliver_all(
    workspace: str,
    rate: int,
    data: Path | None,
    config: Path | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Deliver again all that the filters find: exhausted ones, unless --status says otherwise.

    A running server does it, by and by, and goes on after a restart; "deliveries chores" shows
    how far it is.
    """
    from ringback.cli import logbook

    query = {name: value for name, value in filters.items() if value is not None}
    if not query:
        raise click.UsageError("Say which deliveries, like --since 2026-01-31T10:00:00Z.")
    settings = settings_from({"data": data}, config=config)
    chore = logbook.redeliver_all(settings, workspace=workspace, query=query, rate=rate)
    _tell(chore, as_json, lambda: f"{chore['id']} is begun; a running server works it off.")


@command.command("chores")
@click.option("--workspace", metavar="NAME", required=True, help="Whose chores.")
@DATA
@CONFIG
@AS_JSON
def chores(workspace: str, data: Path | None, config: Path | None, as_json: bool) -> None:
    """List what was asked for by redeliver-all, newest first, and how far it is."""
    from ringback.cli import logbook

    settings = settings_from({"data": data}, config=config)
    found = logbook.list_chores(settings, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for chore in found:
        click.echo(
            f"{chore['id']}  {chore['created_at']}  {chore['status']:9}"
            f"  {chore['progress']:>4.0%}  {chore['done']:>7} again"
        )


@command.command("cancel")
@click.argument("delivery_id", metavar="ID")
@_common
def cancel(
    delivery_id: str, workspace: str | None, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Stop a delivery that waits.

    An attempt that is in flight may still arrive.
    """
    from ringback.cli import logbook

    settings = settings_from({"data": data}, config=config)
    found = logbook.cancel(settings, delivery_id, workspace=workspace)
    _tell(found, as_json, lambda: f"{delivery_id} is cancelled.")


@command.command("explain")
@click.argument("delivery_id", metavar="ID")
@_common
def explain(
    delivery_id: str, workspace: str | None, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Say why a delivery is where it is, and when it will move."""
    from ringback.cli import logbook

    settings = settings_from({"data": data}, config=config)
    found = logbook.explain(settings, delivery_id, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for sentence in found["sentences"]:
        click.echo(visible(sentence))


def _tell(found: dict[str, Any], as_json: bool, sentence: Callable[[], str]) -> None:
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(visible(sentence()), err=True)


def _line(delivery: dict[str, Any]) -> str:
    columns = (
        delivery["delivery_id"],
        delivery["created_at"],
        f"{delivery['status']:9}",
        f"{delivery['attempts_count']:>3}",
        f"{delivery['reason'] or '-':14}",
        f"{delivery['event']:15}",
        f"{delivery['workspace']:12}",
        delivery["url"],
    )
    return visible("  ".join(columns))


def _lines(delivery: dict[str, Any]) -> Iterator[str]:
    """Yield a delivery for people: its members, then its attempts, a paragraph each."""
    for name, value in delivery.items():
        if name != "attempts" and value is not None:
            yield visible(f"{name:16} {value}")
    for attempt in delivery["attempts"]:
        yield ""
        yield visible(_summary(attempt))
        for title, headers in (("sent", "request_headers"), ("got", "response_headers")):
            for name, value in attempt[headers]:
                yield visible(f"  {title:5} {name}: {value}")
        if attempt["response"]:
            more = " (cut)" if attempt["response_truncated"] else ""
            kind = " (base64)" if attempt["response_encoding"] == "base64" else ""
            yield visible(f"  body{kind}{more}  {attempt['response']}")


def _summary(attempt: dict[str, Any]) -> str:
    came = attempt["status_code"] or "no answer"
    why = f", {attempt['reason']}" if attempt["reason"] else ""
    where = f" from {attempt['address']}" if attempt["address"] else ""
    times = [
        f"{name.removesuffix('_ms').replace('_', ' ')} {ms:g}"
        for name, ms in attempt["timings"].items()
        if ms is not None
    ]
    spent = f" ({', '.join(times)})" if times else ""
    return (
        f"attempt {attempt['number']} at {attempt['started_at']}: {came}{why}{where} "
        f"in {attempt['duration_ms']} ms{spent}"
    )
