"""The tools over standard input and output, for a host that runs this program."""

from __future__ import annotations

from mcp.server.stdio import stdio_server

from ringback.client.aio.client import AsyncRingback
from ringback.mcp.protocol import server_of
from ringback.mcp.tools import Toolbox


async def serve(client: AsyncRingback) -> None:
    """Answer until the host closes our input."""
    server = server_of(Toolbox(client, is_local=True))
    async with client, stdio_server() as (received, sent):
        await server.run(received, sent, server.create_initialization_options())
