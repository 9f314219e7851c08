"""The tools over standard input and output, for a host that runs this program."""

from __future__ import annotations

import os
from io import TextIOWrapper

import anyio
from mcp.server.stdio import stdio_server

from ringback.client.aio.client import AsyncRingback
from ringback.mcp.protocol import server_of
from ringback.mcp.remote import RemoteOperations
from ringback.mcp.tools import Toolbox


async def serve(client: AsyncRingback) -> None:
    """Answer until the host closes standard input."""
    server = server_of(Toolbox(RemoteOperations(client), is_local=True))
    messages = anyio.wrap_file(_standard_input())
    async with client, stdio_server(stdin=messages) as (received, sent):
        await server.run(received, sent, server.create_initialization_options())


def _standard_input() -> TextIOWrapper:
    """Return the host's messages, of which the first may have a byte-order mark before it.

    The descriptor of standard input becomes empty, so that nothing else reads from it.
    """
    messages = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    # A thread may still read from it when the server ends, so it is not closed before the process.
    return TextIOWrapper(
        os.fdopen(messages, "rb", closefd=False), encoding="utf-8-sig", errors="replace"
    )
