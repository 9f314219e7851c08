"""``ringback usage``: what a workspace has spent, and what it may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.options import AS_JSON
from ringback.cli.output import print_json, print_lines, talk

if TYPE_CHECKING:
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
    help="What to tell apart; may be given more than once. Default: the day.",
)
@connection
@AS_JSON
def command(
    first: datetime | None,
    last: datetime | None,
    group: tuple[str, ...],
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """See what was spent, and what is left of the budgets.

    Completed jobs alone are counted, on the day of their completion.
    """
    with client_of(url, token) as client:
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
    whose = "the workspace" if budget.token_id is None else f"token {budget.token_id}"
    each = " a month" if budget.period == "month" else ""
    return f"{budget.left:,g} of {budget.compute_units:,g} units{each} are left for {whose}"


def _text(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()
