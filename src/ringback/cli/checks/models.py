"""``ringback models check`` checks your model files as a starting server does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ringback.cli.console.options import AS_JSON, CONFIG, KREA_AS_OF, MODELS, settings_from


@click.command("check")
@MODELS
@KREA_AS_OF
@CONFIG
@AS_JSON
def check(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Check your own model files, and show which engine serves which model.

    If this succeeds, a server with the same settings starts. Otherwise the exit status is 1, and
    one sentence names the file and the error.
    """
    from ringback.catalogue.catalogue import Catalogue
    from ringback.server.factories import catalogue_for

    settings = settings_from(flags, config=config)
    catalogue = catalogue_for(settings)
    built_in = {
        (model.kind, model.id): model.engine for model in Catalogue.load(as_of=settings.krea_as_of)
    }
    changed = [one for one in catalogue if built_in.get((one.kind, one.id)) != one.engine]
    if as_json:
        shown = [{"id": one.id, "kind": one.kind, "engine": one.engine} for one in changed]
        click.echo(json.dumps({"count": len(catalogue), "changed": shown}))
        return
    for one in changed:
        origin = "yours" if (one.kind, one.id) not in built_in else "routed"
        click.echo(f"{origin:6}  {one.kind}/{one.id}, served by {one.engine}")
    click.echo(f"All {len(catalogue)} models are well.")
