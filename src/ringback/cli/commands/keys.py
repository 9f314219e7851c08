"""``ringback keys`` manages tokens, signing secrets and budgets of workspaces."""

from __future__ import annotations

import json
import re

import click

from ringback.cli.console.options import Number, with_settings
from ringback.settings import Settings

# ringback.cli.local.tokens is imported where it is used: the whole server comes with it.

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _workspace_name(_ctx: click.Context, _option: click.Parameter, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise click.BadParameter("use 1 to 63 of a-z, 0-9 and -, not beginning with -")
    return name


_WORKSPACE = click.option(
    "--workspace", required=True, metavar="NAME", callback=_workspace_name, help="The workspace."
)


@click.group("keys")
def command() -> None:
    """Make, list and revoke tokens; show signing secrets; set budgets.

    The commands work beside a running server, which notices within a second.
    """


_PERIOD = click.option(
    "--per",
    type=click.Choice(["month", "total"]),
    default="month",
    show_default=True,
    help="The period of the budget: each calendar month (UTC), or all time.",
)
_UNITS = Number(min=0, max=1e12)


@command.command("create")
@_WORKSPACE
@click.option("--budget", type=_UNITS, metavar="UNITS", help="Compute units this token may spend.")
@_PERIOD
@with_settings
def create(
    workspace: str,
    budget: float | None,
    per: str,
    settings: Settings,
    as_json: bool,
) -> None:
    """Make a token, and the workspace if it is new; the token is shown this once."""
    from ringback.cli.local.budgets import set_budget
    from ringback.cli.local.tokens import create_token

    made = create_token(settings, workspace)
    if budget is not None:
        set_budget(settings, workspace, token_id=made["token_id"], units=budget, period=per)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(f"Token {made['token_id']} opens the workspace {workspace}. Keep it:", err=True)
    click.echo("Ringback has only its hash and cannot show it again.", err=True)
    click.echo(made["token"])
    click.echo(f"Webhooks of {workspace} are signed with {made['secret']}", err=True)


@command.command("list")
@with_settings
def list_(settings: Settings, as_json: bool) -> None:
    """List the tokens by id, workspace and beginning; revoked ones too."""
    from ringback.cli.local.tokens import list_tokens

    tokens = list_tokens(settings)
    if as_json:
        click.echo(json.dumps(tokens))
        return
    for token in tokens:
        state = f"revoked {token['revoked_at']}" if token["revoked_at"] else "in force"
        made = f"made {token['created_at']}"
        click.echo(f"{token['token_id']}  {token['workspace']}  {token['hint']}…  {made}  {state}")
    if not tokens:
        click.echo("No tokens; make one: ringback keys create --workspace NAME", err=True)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@with_settings
def revoke(token_id: str, settings: Settings, as_json: bool) -> None:
    """Revoke the token with this ID."""
    from ringback.cli.local.tokens import revoke_token

    revoked = revoke_token(settings, token_id)
    if as_json:
        click.echo(json.dumps(revoked))
    else:
        click.echo(f"Token {token_id} opens nothing any more.", err=True)


@command.command("secret")
@_WORKSPACE
@click.option(
    "--rotate", is_flag=True, help="Make a new secret; the old one signs beside it for a day."
)
@with_settings
def secret(workspace: str, rotate: bool, settings: Settings, as_json: bool) -> None:
    """Show the secret that signs a workspace's webhooks, or a new one in its place."""
    from ringback.cli.local.tokens import secret_of

    found = secret_of(settings, workspace, rotate=rotate)
    click.echo(json.dumps(found) if as_json else found["secret"])


@command.command("budget")
@_WORKSPACE
@click.option("--token", "token_id", metavar="ID", help="Of this token alone.")
@click.option("--set", "units", type=_UNITS, metavar="UNITS", help="Set the budget to this.")
@_PERIOD
@click.option("--remove", is_flag=True, help="Remove the budget.")
@with_settings
def budget(
    workspace: str,
    token_id: str | None,
    units: float | None,
    per: str,
    remove: bool,
    settings: Settings,
    as_json: bool,
) -> None:
    """Show a workspace's budgets, set one, or remove one.

    When a budget is spent, new jobs that cost something are refused with 402; accepted jobs run
    to their end. A new budget counts the usage of the current period from its beginning.
    """
    from ringback.cli.local.budgets import budgets_of, remove_budget, set_budget

    if units is not None and remove:
        raise click.UsageError("--set and --remove exclude each other.")
    if units is not None:
        set_budget(settings, workspace, token_id=token_id or "", units=units, period=per)
    elif remove:
        remove_budget(settings, workspace, token_id=token_id or "")
    found = budgets_of(settings, workspace)
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        owner = f"token {one['token_id']}" if one["token_id"] else "the workspace"
        click.echo(
            f"{owner}  {one['spent']:,g} of {one['compute_units']:,g} units spent  {one['period']}"
        )
    if not found:
        click.echo("No budgets: spending has no limit.", err=True)
