"""``ringback mcp`` offers a server's operations as MCP tools to the host that runs it."""

from __future__ import annotations

import click

from ringback.cli.console.connection import connection, where


@click.command("mcp")
@connection
def command(url: str | None, token: str | None) -> None:
    """Offer a server's tools to a language model's host, over stdio.

    The host runs this command and speaks the Model Context Protocol with it; it is not for
    typing. It works with any server of the same API.
    """
    config = where(url, token)
    try:
        from ringback.mcp.stdio import serve
    except ModuleNotFoundError as exc:
        raise click.ClickException(
            "This command needs another package: pip install 'ringback[mcp]'."
        ) from exc
    import asyncio

    from ringback.client.aio.client import AsyncRingback

    asyncio.run(serve(AsyncRingback(config.api_key, config.base_url)))
