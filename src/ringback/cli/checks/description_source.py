"""Reads a description of the API from a URL or a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringback.cli.console.exit_status import NoAnswer

if TYPE_CHECKING:
    from ringback.catalogue.description_reading import DescribedApi

HOSTED = "https://api.krea.ai/openapi.json"
_BYTES_MAX = 32 * 2**20
_TIMEOUT_S = 30.0


def read_source(source: str, *, ca_file: Path | None = None) -> DescribedApi:
    """Return the routes of the description at a URL or in a file."""
    from ringback.catalogue.description_reading import read_description

    is_url = source.startswith(("http://", "https://"))
    content = _fetched(source, ca_file) if is_url else _file(Path(source))
    if len(content) > _BYTES_MAX:
        raise click.ClickException(f"{source} has more than {_BYTES_MAX // 2**20} MiB.")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise click.ClickException(f"{source} is not JSON: {exc}.") from exc
    return read_description(document)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_BYTES_MAX + 1)
    except OSError as exc:
        raise click.ClickException(f"{path} cannot be read: {exc.strerror}.") from exc


def _fetched(url: str, ca_file: Path | None) -> bytes:
    import httpx2

    from ringback.client.network import environment_read, http_options

    with environment_read():
        client = httpx2.Client(
            timeout=_TIMEOUT_S, follow_redirects=True, **http_options(url, ca_file=ca_file)
        )
    content = bytearray()
    try:
        with client as http, http.stream("GET", url) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > _BYTES_MAX:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        reason = str(exc) or type(exc).__name__
        raise NoAnswer(f"{url} gave no description ({reason}). Name a file with --from.") from exc
    return bytes(content)
