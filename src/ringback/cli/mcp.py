"""``ringback mcp``: a server's verbs as tools, for the host that runs this command."""

from __future__ import annotations

import click

from ringback.cli.connection import connection, where


@click.command("mcp")
@connection
def command(url: str | None, token: str | None) -> None:
    """Offer a server's verbs to a language model's host, over stdio.

    The host runs this command and speaks the Model Context Protocol with it; it is not for
    typing. It speaks to any server of the contract.
    """
    base_url, api_key = where(url, token)
    try:
        from ringback.mcp.stdio import serve
    except ModuleNotFoundError as exc:
        raise click.ClickException(
            "This command needs another package: pip install 'ringback[mcp]'."
        ) from exc
    import asyncio

    from ringback.client.aio.client import AsyncRingback

    asyncio.run(serve(AsyncRingback(api_key, base_url)))
