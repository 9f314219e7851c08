"""Builds the services of the MCP tools at ``/mcp``."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, to_builtins

from ringback.api.documents.assets import asset_document
from ringback.api.documents.server import models_document
from ringback.api.routes.jobs import detailed_document
from ringback.api.services import ApiServices
from ringback.api.shared import SharedParts
from ringback.files.assets.model import Asset
from ringback.jobs.model import Job
from ringback.mcp.services import ToolServices


def tool_services(services: ApiServices, parts: SharedParts) -> ToolServices:
    """Return the services of the MCP tools, with the documents of the API."""

    async def job_document(job: Job) -> dict[str, Any]:
        return _members(await detailed_document(job, services.service, services.apps))

    def document_of_asset(asset: Asset, *, base_url: str) -> dict[str, Any]:
        return _members(asset_document(asset, base_url=base_url))

    return ToolServices(
        service=services.service,
        intake=parts.intake,
        uploads=parts.uploads,
        artifacts=services.artifacts,
        catalogue=services.catalogue,
        clock=services.clock,
        bodies=parts.bodies,
        models=lambda: _members(models_document(services.catalogue))["models"],
        job=job_document,
        asset=document_of_asset,
    )


def _members(document: Struct) -> dict[str, Any]:
    members: dict[str, Any] = to_builtins(document)
    return members
