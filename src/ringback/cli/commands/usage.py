"""``ringback usage`` shows a workspace's usage and budgets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.output import print_json, print_lines, talk

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.models import Budget, Usage, UsageItem

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("usage")
@click.option("--from", "first", type=_DAY, help="The first day, in UTC. Default: this month's.")
@click.option("--to", "last", type=_DAY, help="The last day. Default: today.")
@click.option(
    "--by",
    "group",
    multiple=True,
    type=click.Choice(["day", "model", "token"]),
    help="Group by this; may be repeated. Default: the day.",
)
@with_client
def command(
    first: datetime | None,
    last: datetime | None,
    group: tuple[str, ...],
    client: Ringback,
    as_json: bool,
) -> None:
    """Show the usage, and the rest of the budgets.

    Only completed jobs are counted, on the day of their completion.
    """
    found = client.usage(first=_text(first), last=_text(last), group=group or ("day",))
    if as_json:
        print_json(found)
        return
    print_lines(_lines(found))
    if not found.items:
        talk("No job was completed in that time.")


def _lines(usage: Usage) -> Iterator[str]:
    yield from (_line(item) for item in usage.items)
    if len(usage.items) > 1:
        yield _line(usage.total, "in all")
    yield from (_budget(budget) for budget in usage.budgets)


def _line(item: UsageItem, name: str | None = None) -> str:
    names = [one for one in (name, item.day, item.model, item.token_id) if one]
    return (
        f"{'  '.join(names) or 'unknown':44}  {item.compute_units:12,g} units  {item.jobs:8,} jobs"
    )


def _budget(budget: Budget) -> str:
    owner = "the workspace" if budget.token_id is None else f"token {budget.token_id}"
    each = " a month" if budget.period == "month" else ""
    return f"{budget.left:,g} of {budget.compute_units:,g} units{each} are left for {owner}"


def _text(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()
