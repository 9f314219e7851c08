"""``ringback assets``: files for jobs to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.connection import client_of, connection
from ringback.cli.options import AS_JSON, LIMIT
from ringback.cli.output import print_json, print_lines, short_time, talk

if TYPE_CHECKING:
    from ringback.client.models import Asset


@click.group("assets")
def command() -> None:
    """Upload files for jobs to use; list and delete them."""


@command.command("upload")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--description", metavar="TEXT", help="What it is, for you.")
@connection
@AS_JSON
def upload(
    file: Path, description: str | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Upload a file, and print the address by which jobs use it."""
    with client_of(url, token) as client:
        asset = client.assets.upload(file, description=description)
    if as_json:
        print_json(asset)
        return
    talk(f"Asset {asset.id} can be used as a model's input, like --image-url:")
    print_lines([asset.image_url])


@command.command("list")
@LIMIT
@connection
@AS_JSON
def list_(limit: int, url: str | None, token: str | None, as_json: bool) -> None:
    """List assets, newest first."""
    with client_of(url, token) as client:
        page = client.assets.list(limit=limit)
    if as_json:
        print_json(page.items)
        return
    print_lines(map(_line, page.items))
    if not page.items:
        talk("No assets; ringback assets upload FILE makes one.")
    elif page.next_cursor is not None:
        talk("There are more; --limit shows them.")


@command.command("show")
@click.argument("asset_id", metavar="ID")
@connection
@AS_JSON
def show(asset_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Show an asset."""
    with client_of(url, token) as client:
        asset = client.assets.get(asset_id)
    if as_json:
        print_json(asset)
    else:
        print_lines(_lines(asset))


@command.command("delete")
@click.argument("asset_id", metavar="ID")
@connection
@AS_JSON
def delete(asset_id: str, url: str | None, token: str | None, as_json: bool) -> None:
    """Delete an asset."""
    with client_of(url, token) as client:
        client.assets.delete(asset_id)
    if as_json:
        print_json({"id": asset_id, "deleted": True})
    else:
        talk(f"Asset {asset_id} is deleted.")


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
