"""The tools as a server of the protocol's own package."""

from __future__ import annotations

import base64
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext

from ringback import __version__
from ringback.mcp.arguments import schema_of
from ringback.mcp.outcome import Link, Outcome, Picture
from ringback.mcp.tools import Tool, Toolbox

_INSTRUCTIONS = (
    "Ringback makes pictures and films as jobs. generate_image, generate_video and enhance_image "
    "wait for their job for wait_s seconds; if it takes longer they return its id, and get_job "
    "continues to wait. list_models and get_model_schema describe the models and their input."
)

Context = ServerRequestContext[Any, Any]


def server_of(toolbox: Toolbox) -> Server[Any]:
    """Return a protocol server that offers these tools."""

    async def list_tools(
        _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_offered(tool) for tool in toolbox.tools.values()])

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        async def report(progress: float, message: str) -> None:
            await context.session.report_progress(progress, 1.0, message)

        return _result(await toolbox.call(params.name, params.arguments or {}, report))

    return Server(
        "ringback",
        version=__version__,
        title="Ringback",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _offered(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.is_read_only, destructive_hint=False, open_world_hint=False
    )
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.arguments),
        annotations=hints,
    )


def _result(outcome: Outcome) -> types.CallToolResult:
    content: list[types.ContentBlock] = [types.TextContent(text=outcome.text)]
    content += [_block(one) for one in outcome.shown]
    return types.CallToolResult(
        content=content, structured_content=outcome.data, is_error=outcome.is_error
    )


def _block(one: Picture | Link) -> types.ContentBlock:
    if isinstance(one, Picture):
        data = base64.b64encode(one.content).decode()
        return types.ImageContent(data=data, mime_type=one.media_type)
    return types.ResourceLink(uri=one.url, name=one.name, mime_type=one.media_type)
