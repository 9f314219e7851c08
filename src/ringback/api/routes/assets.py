"""``/assets``: files that users upload for jobs to use."""

from __future__ import annotations

import json

from starlette.requests import Request

from ringback.api.documents.assets import (
    AssetDocument,
    AssetFileRequest,
    AssetPageDocument,
    AssetUrlRequest,
    asset_document,
)
from ringback.api.documents.fields import Deleted
from ringback.api.operations import OperationTable, Parameter
from ringback.api.parameters import UUID, cursor_before, limit_of
from ringback.api.services import ApiServices
from ringback.errors import AssetNotFound, UnsupportedMediaType
from ringback.files.assets.model import Asset
from ringback.http import query_params
from ringback.http.file_bodies import FileBodies
from ringback.http.headers import headers_of, idempotency_key
from ringback.http.hosts import base_url_of
from ringback.http.json_bodies import JsonBody
from ringback.http.multipart import read_description
from ringback.http.pagination import split_page
from ringback.http.path_params import uuid_in
from ringback.http.responses import JsonResponse, ok
from ringback.http.uploads import Uploads
from ringback.service.intake import Intake
from ringback.service.media_inputs import Media

_REFERENCE = JsonBody(AssetUrlRequest, {"url": "https://example.com/fox.png"}, owner="an asset")

OPERATIONS = OperationTable(
    "Assets",
    path_parameters=[
        Parameter(
            name="id", description="The asset's id, from the response to its upload.", schema=UUID
        )
    ],
)


class AssetRoutes:
    """The routes of assets."""

    def __init__(
        self, services: ApiServices, intake: Intake, uploads: Uploads, bodies: FileBodies
    ) -> None:
        self._assets = services.assets
        self._service = services.service
        self._intake = intake
        self._uploads = uploads
        self._bodies = bodies

    @OPERATIONS(
        "POST /assets",
        "Upload an asset",
        AssetDocument,
        name="upload_asset",
        body=_REFERENCE,
        form=AssetFileRequest,
        headers=["Idempotency-Key"],
        errors=[503],
        refusals={
            409: "The workspace's assets have reached their limit, or the Idempotency-Key was used "
            "for another file.",
            429: "The workspace sends too many files at once.",
        },
        description="Upload an image, video, sound or 3D model for jobs to use, as a form or by "
        "its URL. Metadata about its maker (EXIF, GPS, XMP, tags) is removed; every pixel and "
        "every sound stays.",
    )
    async def add_asset(self, request: Request, workspace_id: str) -> JsonResponse:
        """Create an asset from a form's file or from a URL, and return it."""
        self._service.check_open()
        bare = (headers_of(request.scope).get(b"content-type") or b"").split(b";")[0]
        match bare.strip().lower():
            case b"multipart/form-data":
                asset = await self._uploads.add_form(request, workspace_id=workspace_id)
            case b"application/json":
                asset = await self._add_url(request, workspace_id)
            case _:
                raise UnsupportedMediaType(
                    "Send the file as multipart/form-data in the field `file`, or as JSON "
                    'by its URL, like {"url": "https://example.com/fox.png"}.'
                )
        return ok(asset_document(asset, base_url=base_url_of(request.scope)))

    @OPERATIONS(
        "GET /assets",
        "List assets",
        AssetPageDocument,
        query=[cursor_before("made"), limit_of("assets")],
    )
    async def list_assets(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return a page of the workspace's assets, newest first."""
        limit = query_params.limit(request.query_params)
        found = await self._assets.list_assets(
            workspace_id,
            before_id=query_params.cursor_id(request.query_params),
            limit=limit + 1,  # one more shows whether another page follows
        )
        base_url = base_url_of(request.scope)
        page, next_cursor = split_page(found, limit=limit, id_of=lambda asset: asset.asset_id)
        return ok(
            AssetPageDocument(
                items=[asset_document(asset, base_url=base_url) for asset in page],
                next_cursor=next_cursor,
            )
        )

    @OPERATIONS("GET /assets/{id}", "Get an asset", AssetDocument, errors=[404])
    async def get_asset(self, request: Request, workspace_id: str) -> JsonResponse:
        """Return an asset."""
        asset = await self._assets.get(
            uuid_in(request, "id", AssetNotFound), workspace_id=workspace_id
        )
        return ok(asset_document(asset, base_url=base_url_of(request.scope)))

    @OPERATIONS(
        "DELETE /assets/{id}",
        "Delete an asset",
        Deleted,
        errors=[404],
        description="Its file is deleted too.",
    )
    async def delete_asset(self, request: Request, workspace_id: str) -> JsonResponse:
        """Delete an asset and its file."""
        await self._assets.delete(uuid_in(request, "id", AssetNotFound), workspace_id=workspace_id)
        return ok(Deleted(success=True, message="The asset and its file are deleted."))

    async def _add_url(self, request: Request, workspace_id: str) -> Asset:
        key = idempotency_key(headers_of(request.scope))
        media, description = await self._reference(request, workspace_id)
        return await self._uploads.add_media(
            media, description=description, workspace_id=workspace_id, key=key
        )

    async def _reference(self, request: Request, workspace_id: str) -> tuple[Media, str | None]:
        headers, like = headers_of(request.scope), json.dumps(_REFERENCE.example)
        async with self._bodies.object(
            headers, request.receive, workspace_id=workspace_id, like=like
        ) as body:
            reference = _REFERENCE.convert(body)
            media = await self._intake.read_media(
                reference.url,
                path="/url",
                workspace_id=workspace_id,
                base_url=base_url_of(request.scope),
            )
        description = reference.description
        return media, None if description is None else read_description(description)
