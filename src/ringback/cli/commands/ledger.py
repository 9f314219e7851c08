"""``ringback ledger`` proves that no accepted job and no owed delivery is missing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ringback.cli.console.options import with_settings
from ringback.cli.console.terminal import visible
from ringback.settings import Settings

if TYPE_CHECKING:
    from ringback.storage.audit import AuditReport

# The server's modules are imported where they are used, because importing them is slow.


@click.command("ledger")
@click.option("--workspace", metavar="NAME", help="Only this workspace's. Default: all of them.")
@with_settings
def command(workspace: str | None, settings: Settings, as_json: bool) -> None:
    """Prove that no accepted job and no owed delivery is missing.

    It reads the whole database, also beside a running server. The exit status is 1 when a count
    is wrong, and the rows are named.
    """
    from ringback.cli.local.tokens import check_holds_data, with_store

    check_holds_data(settings)

    def show_rule(rule: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kreading: {rule}", nl=False, err=True)

    ledger = with_store(
        settings, lambda store: store.ledger(workspace, on_rule=show_rule), bounded=False
    )
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    click.echo(json.dumps(_document(ledger)) if as_json else _text(ledger))
    if not ledger.balances:
        sys.exit(1)


def _document(ledger: AuditReport) -> dict[str, Any]:
    import msgspec

    return {"balances": ledger.balances, **msgspec.to_builtins(ledger)}


def _text(ledger: AuditReport) -> str:
    from ringback.storage.audit import DELIVERIES

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
