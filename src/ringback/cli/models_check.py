"""``ringback models check``: whether a server could start on your models and their engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ringback.cli.options import AS_JSON, CONFIG, MODELS, settings_from


@click.command("check")
@MODELS
@CONFIG
@AS_JSON
def check(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Check your own model files, and which engine serves which model.

    A server with the same settings starts when this ends well; else the exit status is 1, and one
    sentence says where and what is wrong.
    """
    from ringback.assembly import catalogue_for
    from ringback.catalogue.catalogue import Catalogue

    built_in = {(model.kind, model.id): model.engine for model in Catalogue.load()}
    catalogue = catalogue_for(settings_from(flags, config=config))
    changed = [one for one in catalogue if built_in.get((one.kind, one.id)) != one.engine]
    if as_json:
        shown = [{"id": one.id, "kind": one.kind, "engine": one.engine} for one in changed]
        click.echo(json.dumps({"count": len(catalogue), "changed": shown}))
        return
    for one in changed:
        what = "yours" if (one.kind, one.id) not in built_in else "routed"
        click.echo(f"{what:6}  {one.kind}/{one.id}, served by {one.engine}")
    click.echo(f"All {len(catalogue)} models are well.")
