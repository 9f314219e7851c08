"""A host of the protocol: the official client over either transport."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent


@asynccontextmanager
async def host(
    transport: str, url: str, workspace: str, *, mode: str = "auto"
) -> AsyncIterator[Client]:
    """Yield a client of a server's tools, with a workspace's token."""
    if transport == "stdio":
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "ringback", "mcp"],
            env={**os.environ, "RINGBACK_BASE_URL": url, "RINGBACK_API_KEY": workspace},
        )
        async with Client(command, mode=mode) as client:
            yield client
        return
    headers = {"authorization": f"Bearer {workspace}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        reached = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(reached, mode=mode) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    """Return the text of a call's result."""
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


def pictures_of(result: CallToolResult) -> list[ImageContent]:
    """Return the pictures in a call's result."""
    return [one for one in result.content if isinstance(one, ImageContent)]


def links_of(result: CallToolResult) -> list[ResourceLink]:
    """Return the links in a call's result."""
    return [one for one in result.content if isinstance(one, ResourceLink)]
