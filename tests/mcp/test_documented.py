"""The configurations of a host, as docs/mcp.md prints them, work."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from ringback.testing.emulator import Emulator

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
URL = "http://127.0.0.1:7464"


@pytest.mark.timeout(60)
async def test_the_printed_configurations_work(tmp_path: Path, on_path: str) -> None:
    with Emulator(tmp_path) as emulator:
        stdio, http = (
            json.loads(block.replace(URL, emulator.url))["mcpServers"]["ringback"]
            for block in re.findall(r"```json\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
        )
        stdio["env"]["PATH"] = on_path
        async with Client(StdioServerParameters(**stdio)) as client:
            offered = [tool.name for tool in (await client.list_tools()).tools]
        async with httpx2.AsyncClient(headers=http["headers"]) as client_of_http:
            reached = streamable_http_client(http["url"], http_client=client_of_http)
            async with Client(reached) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == offered
    table = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert table == offered
