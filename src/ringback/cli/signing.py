"""The secrets of webhooks, as options."""

from __future__ import annotations

import click

VARIABLES = ("WEBHOOK_SECRET", "RINGBACK_WEBHOOK_SECRET")


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
    metavar="WHSEC",
    envvar=VARIABLES,
    callback=_one,
    help="The secret that the receiver knows. [WEBHOOK_SECRET]",
)
SECRETS = click.option(
    "--secret",
    "secrets",
    metavar="WHSEC",
    envvar=VARIABLES,
    multiple=True,
    help="The receiver's secret, or a whpk_ key; several are tried in turn. [WEBHOOK_SECRET]",
)
