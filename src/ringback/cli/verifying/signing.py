"""The options for webhook secrets."""

from __future__ import annotations

import os

import click

from ringback.wire.texts import variable_text

VARIABLE = "RINGBACK_WEBHOOK_SECRET"


class _Secret(click.Option):
    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's text as every variable is read."""
        return variable_text(os.environ, VARIABLE)


def _one(_ctx: click.Context, _option: click.Parameter, secret: str | None) -> str | None:
    from ringback.wire.signature import decode_secret

    if secret is not None:
        try:
            decode_secret(secret)
        except ValueError as exc:
            raise click.BadParameter(f"{exc}.") from exc
    return secret


SECRET = click.option(
    "--secret",
    cls=_Secret,
    metavar="WHSEC",
    envvar=VARIABLE,
    callback=_one,
    help="The secret that the receiver knows. [RINGBACK_WEBHOOK_SECRET]",
)
SECRETS = click.option(
    "--secret",
    "secrets",
    cls=_Secret,
    metavar="WHSEC",
    envvar=VARIABLE,
    multiple=True,
    help="Its secret, or a whpk_ key; several are tried in turn. [RINGBACK_WEBHOOK_SECRET]",
)
