"""``ringback assets`` uploads files for jobs, lists them and deletes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.console.connection import with_client
from ringback.cli.console.options import LIMIT, GivenPath
from ringback.cli.console.output import (
    print_deleted,
    print_found,
    print_json,
    print_lines,
    print_page,
    short_time,
    talk,
)

if TYPE_CHECKING:
    from ringback import Ringback
    from ringback.client.models import Asset


@click.group("assets")
def command() -> None:
    """Upload files for jobs to use; list and delete them."""


@command.command("upload")
@click.argument("file", type=GivenPath(path_type=Path, dir_okay=False))
@click.option("--description", metavar="TEXT", help="A note of yours.")
@with_client
def upload(file: Path, description: str | None, client: Ringback, as_json: bool) -> None:
    """Upload a file, and print the address by which jobs use it."""
    asset = client.assets.upload(file, description=description)
    if as_json:
        print_json(asset)
        return
    talk(f"Asset {asset.id} can be used as a model's input, like --image-url:")
    print_lines([asset.image_url])


@command.command("list")
@LIMIT
@with_client
def list_(limit: int, client: Ringback, as_json: bool) -> None:
    """List assets, newest first."""
    page = client.assets.list(limit=limit)
    print_page(
        page, _line, as_json=as_json, empty="No assets; ringback assets upload FILE makes one."
    )


@command.command("show")
@click.argument("asset_id", metavar="ID")
@with_client
def show(asset_id: str, client: Ringback, as_json: bool) -> None:
    """Show an asset."""
    print_found(client.assets.get(asset_id), _lines, as_json=as_json)


@command.command("delete")
@click.argument("asset_id", metavar="ID")
@with_client
def delete(asset_id: str, client: Ringback, as_json: bool) -> None:
    """Delete an asset."""
    client.assets.delete(asset_id)
    print_deleted("Asset", asset_id, as_json=as_json)


def _line(asset: Asset) -> str:
    columns = (
        asset.id,
        short_time(asset.uploaded_at),
        f"{asset.mime_type or '-':12}",
        f"{asset.size_bytes or 0:>10g}",
        asset.image_url,
        asset.description or "",
    )
    return "  ".join(columns).rstrip()


def _lines(asset: Asset) -> Iterator[str]:
    for name in asset.__struct_fields__:
        value = getattr(asset, name)
        if value is not None:
            shown = short_time(value) if name == "uploaded_at" else value
            yield f"{name:12}  {shown}"
