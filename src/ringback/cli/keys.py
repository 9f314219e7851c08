"""``ringback keys``: the tokens that open workspaces, and the secrets that sign their webhooks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from ringback.cli.options import AS_JSON, CONFIG, DATA, settings_from

# ringback.cli.keyring is imported where it is used: the whole server comes with it.

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _data_options(function: Any) -> Any:
    return DATA(CONFIG(AS_JSON(function)))


def _workspace_name(_ctx: click.Context, _option: click.Parameter, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise click.BadParameter("use 1 to 63 of a-z, 0-9 and -, not beginning with -")
    return name


_WORKSPACE = click.option(
    "--workspace", required=True, metavar="NAME", callback=_workspace_name, help="The workspace."
)


@click.group("keys")
def command() -> None:
    """Make, list and revoke tokens; show signing secrets.

    All of it works beside a running server, which notices within a second.
    """


@command.command("create")
@_WORKSPACE
@_data_options
def create(workspace: str, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Make a token, and the workspace if it is new; the token is shown this once."""
    from ringback.cli.keyring import create_token

    made = create_token(settings_from({"data": data}, config=config), workspace)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(f"Token {made['token_id']} opens the workspace {workspace}. Keep it:", err=True)
    click.echo("Ringback has only its hash and cannot show it again.", err=True)
    click.echo(made["token"])
    click.echo(f"Webhooks of {workspace} are signed with {made['secret']}", err=True)


@command.command("list")
@_data_options
def list_(data: Path | None, config: Path | None, as_json: bool) -> None:
    """List the tokens by id, workspace and beginning; revoked ones too."""
    from ringback.cli.keyring import list_tokens

    tokens = list_tokens(settings_from({"data": data}, config=config))
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
@_data_options
def revoke(token_id: str, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Make the token with this ID open nothing."""
    from ringback.cli.keyring import revoke_token

    revoked = revoke_token(settings_from({"data": data}, config=config), token_id)
    if as_json:
        click.echo(json.dumps(revoked))
    else:
        click.echo(f"Token {token_id} opens nothing any more.", err=True)


@command.command("secret")
@_WORKSPACE
@click.option(
    "--rotate", is_flag=True, help="Make a new secret; the old one signs beside it for a day."
)
@_data_options
def secret(
    workspace: str, rotate: bool, data: Path | None, config: Path | None, as_json: bool
) -> None:
    """Show the secret that signs a workspace's webhooks, or a new one in its place."""
    from ringback.cli.keyring import secret_of

    found = secret_of(settings_from({"data": data}, config=config), workspace, rotate=rotate)
    click.echo(json.dumps(found) if as_json else found["secret"])
