"""``ringback ledger``: prove that nothing that was promised is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.options import AS_JSON, CONFIG, DATA, settings_from
from ringback.cli.terminal import visible

if TYPE_CHECKING:
    from ringback.ledger import Ledger

# The server's parts are imported where they are used: they take their time.


@click.command("ledger")
@click.option("--workspace", metavar="NAME", help="Only this workspace's. Default: all of them.")
@DATA
@CONFIG
@AS_JSON
def command(workspace: str | None, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Prove that all that was accepted and owed is there.

    Reads everything, beside a running server if there is one. Ends with status 1, and names the
    rows, when something does not add up.
    """
    from ringback.cli.keyring import check_holds_data, with_store

    settings = settings_from({"data": data}, config=config)
    check_holds_data(settings)

    def tell(rule: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kreading: {rule}", nl=False, err=True)

    ledger = with_store(
        settings, lambda store: store.ledger(workspace, on_rule=tell), bounded=False
    )
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    click.echo(json.dumps(_document(ledger)) if as_json else _text(ledger))
    if not ledger.balances:
        sys.exit(1)


def _document(ledger: Ledger) -> dict[str, Any]:
    import msgspec

    return {"balances": ledger.balances, **msgspec.to_builtins(ledger)}


def _text(ledger: Ledger) -> str:
    from ringback.ledger import DELIVERIES

    lines = []
    for one in ledger.accounts:
        ways = ", ".join(f"{one.deliveries.get(way, 0):,} {way}" for way in DELIVERIES)
        lines += [
            visible(one.workspace_id),
            f"  jobs      {one.accepted_count:,} accepted = {one.pending_count:,} pending "
            f"+ {one.ended_count:,} ended + {one.jobs_pruned_count:,} pruned",
            f"  webhooks  {one.owed_count:,} owed = {ways}, {one.deliveries_pruned_count:,} pruned",
        ]
    lines += [
        f"WRONG  {fault.rule}: {visible(fault.row)}: {fault.sentence}" for fault in ledger.faults
    ]
    lines.append(
        "The books balance." if ledger.balances else "The books do NOT balance; please report it."
    )
    return "\n".join(lines)
