"""The page of assets: the workspace's uploaded files, with a way to delete each."""

from __future__ import annotations

from msgspec import Struct
from starlette.types import ASGIApp

from ringback.api.documents.assets import asset_document
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.paging import next_path, page_start
from ringback.dashboard.presenters.results import Kind, kind_of
from ringback.errors import AssetNotFound
from ringback.files.artifacts.names import artifact_path
from ringback.files.assets.model import Asset
from ringback.http.pagination import split_page
from ringback.http.path_params import uuid_in
from ringback.http.responses import ok
from ringback.http.uploads import Uploads
from ringback.service import JobService
from ringback.service.assets import AssetService

PAGE = 48
_PATH = "/ui/assets"


class ShownAsset(Struct, frozen=True, kw_only=True):
    """One asset, its path on this server, and the kind of element that shows it."""

    asset: Asset
    path: str
    url: str
    kind: Kind


class AssetViews:
    """The page that lists assets and deletes them, and the upload of our script."""

    def __init__(self, assets: AssetService, service: JobService, uploads: Uploads) -> None:
        self._assets = assets
        self._service = service
        self._uploads = uploads

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show a page of the workspace's assets, newest first."""
        found = await self._assets.list_assets(
            request.workspace_id, before_id=page_start(request), limit=PAGE + 1
        )
        page, cursor = split_page(found, limit=PAGE, id_of=lambda one: one.asset_id)
        return request.page(
            "assets.html",
            assets=[_shown(one, request.base_url) for one in page],
            next_path=next_path(_PATH, cursor),
        )

    async def upload(self, request: PageRequest) -> ASGIApp:
        """Store an uploaded picture as an asset, and return its document."""
        self._service.check_open()
        asset = await self._uploads.add_form(request.http, workspace_id=request.workspace_id)
        return ok(asset_document(asset, base_url=request.base_url))

    async def delete(self, request: PageRequest) -> ASGIApp:
        """Delete an asset and its file."""
        asset_id = uuid_in(request.http, "asset_id", AssetNotFound)
        await self._assets.delete(asset_id, workspace_id=request.workspace_id)
        return request.redirect(_PATH, done="file_deleted")


def _shown(asset: Asset, base_url: str) -> ShownAsset:
    path = artifact_path(asset.artifact)
    return ShownAsset(asset=asset, path=path, url=f"{base_url}{path}", kind=kind_of(path))
