"""``ringback deliveries`` shows the delivery log, redelivers and cancels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click

from ringback.cli.console.options import with_settings
from ringback.cli.console.terminal import visible
from ringback.settings import Settings

# ringback.cli.local.deliveries is imported where it is used: the whole server comes with it.

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
    return _WORKSPACE(with_settings(function))


def _filters(function: Any) -> Any:
    for name, meaning in reversed(_FILTERS.items()):
        function = click.option(f"--{name}", metavar="VALUE", help=meaning)(function)
    return function


@click.group("deliveries")
def command() -> None:
    """List webhook deliveries; redeliver or cancel them.

    The commands work beside a running server, which notices within a second.
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
    settings: Settings,
    as_json: bool,
    limit: int,
    **filters: str | None,
) -> None:
    """List deliveries, newest first."""
    from ringback.cli.local.deliveries import list_deliveries

    query = {name: value for name, value in filters.items() if value is not None}
    found, is_complete = list_deliveries(settings, workspace=workspace, query=query, limit=limit)
    if as_json:
        click.echo(json.dumps(found))
    else:
        for delivery in found:
            click.echo(_line(delivery))
    if not is_complete:
        click.echo("Only a part of the log was read; add --workspace or --since.", err=True)
    elif not found:
        click.echo("No deliveries.", err=True)


@command.command("show")
@click.argument("delivery_id", metavar="ID")
@_common
def show(delivery_id: str, workspace: str | None, settings: Settings, as_json: bool) -> None:
    """Show a delivery and every attempt."""
    from ringback.cli.local.deliveries import show_delivery

    found = show_delivery(settings, delivery_id, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


@command.command("redeliver")
@click.argument("delivery_id", metavar="ID")
@_common
def redeliver(delivery_id: str, workspace: str | None, settings: Settings, as_json: bool) -> None:
    """Redeliver a delivery: the same webhook-id and bytes, a new signature."""
    from ringback.cli.local import deliveries

    found = deliveries.redeliver(settings, delivery_id, workspace=workspace)
    _report(found, as_json, lambda: f"{delivery_id} is due now; a running server sends it.")


@command.command("redeliver-all")
@_filters
@click.option(
    "--rate",
    type=click.IntRange(1, 1_000),
    default=200,
    show_default=True,
    help="How many a second.",
)
@click.option("--workspace", metavar="NAME", required=True, help="The workspace.")
@with_settings
def redeliver_all(
    workspace: str,
    rate: int,
    settings: Settings,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Redeliver all deliveries that match the filters, by default exhausted ones.

    A running server does it and goes on after a restart; "deliveries bulk-operations" shows the
    progress.
    """
    from ringback.cli.local import deliveries

    query = {name: value for name, value in filters.items() if value is not None}
    if not query:
        raise click.UsageError("Say which deliveries, like --since 2026-01-31T10:00:00Z.")
    bulk_operation = deliveries.redeliver_all(settings, workspace=workspace, query=query, rate=rate)
    _report(
        bulk_operation,
        as_json,
        lambda: f"{bulk_operation['bulk_operation_id']} has begun; a running server does it.",
    )


@command.command("bulk-operations")
@click.option("--workspace", metavar="NAME", required=True, help="The workspace.")
@with_settings
def bulk_operations(workspace: str, settings: Settings, as_json: bool) -> None:
    """List the bulk operations of redeliver-all with their progress, newest first."""
    from ringback.cli.local import deliveries

    found = deliveries.list_bulk_operations(settings, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for bulk_operation in found:
        click.echo(
            f"{bulk_operation['bulk_operation_id']}  {bulk_operation['created_at']}"
            f"  {bulk_operation['status']:9}"
            f"  {bulk_operation['progress']:>4.0%}  {bulk_operation['done']:>7} again"
        )


@command.command("cancel")
@click.argument("delivery_id", metavar="ID")
@_common
def cancel(delivery_id: str, workspace: str | None, settings: Settings, as_json: bool) -> None:
    """Cancel a waiting delivery.

    An attempt that is in flight may still arrive.
    """
    from ringback.cli.local import deliveries

    found = deliveries.cancel(settings, delivery_id, workspace=workspace)
    _report(found, as_json, lambda: f"{delivery_id} is cancelled.")


@command.command("explain")
@click.argument("delivery_id", metavar="ID")
@_common
def explain(delivery_id: str, workspace: str | None, settings: Settings, as_json: bool) -> None:
    """Explain why a delivery has its status, and when that will change."""
    from ringback.cli.local import deliveries

    found = deliveries.explain(settings, delivery_id, workspace=workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for sentence in found["sentences"]:
        click.echo(visible(sentence))


def _report(found: dict[str, Any], as_json: bool, sentence: Callable[[], str]) -> None:
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
    why += f": {attempt['detail']}" if attempt["detail"] else ""
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
