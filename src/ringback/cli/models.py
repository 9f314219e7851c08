"""``ringback models``: what each model takes, and which engine serves it."""

from __future__ import annotations

import click

from ringback.cli.models_check import check


@click.group("models")
def command() -> None:
    """Check your own models."""


command.add_command(check)
