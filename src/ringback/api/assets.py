"""``/assets``: files that users upload for jobs to use."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from starlette.requests import Request

from ringback.api import queries
from ringback.api.answers import Answer, ok
from ringback.api.bodies import read_object
from ringback.api.cursors import before_id, cursor_after
from ringback.api.deps import ApiDeps
from ringback.api.headers import headers_of, idempotency_key
from ringback.api.hosts import base_url_of
from ringback.api.multipart import read_description, safe_filename
from ringback.api.targets import judge_target
from ringback.api.uploads import Uploads
from ringback.artifacts.reading import artifact_name
from ringback.assets.model import Asset
from ringback.errors import (
    AssetNotFound,
    Draining,
    FieldError,
    InvalidRequest,
    UnsupportedMediaType,
)
from ringback.service.assets import Upload
from ringback.wire.document import iso_time

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LIKE = '{"url": "https://example.com/fox.png"}'
_FIELDS = ("url", "description")


class AssetRoutes:
    """The routes of assets."""

    def __init__(self, deps: ApiDeps) -> None:
        self._desk = deps.assets
        self._incoming = deps.incoming
        self._policy = deps.policy
        self._service = deps.service
        self._uploads = Uploads(deps.room_for_work)
        self._body_bytes_max = deps.settings.body_bytes_max

    async def add_asset(self, request: Request, workspace_id: str) -> Answer:
        """Take a file in, out of a form or from a URL, and answer with the asset."""
        if self._service.is_draining:
            raise Draining("The server is going down; try again in a moment.")
        key = idempotency_key(headers_of(request.scope))
        bare = (headers_of(request.scope).get(b"content-type") or b"").split(b";")[0]
        async with self._uploads.one(workspace_id):
            with self._incoming.place() as path:
                match bare.strip().lower():
                    case b"multipart/form-data":
                        upload = await self._received(request, workspace_id, path, key)
                    case b"application/json":
                        upload = await self._referred(request, workspace_id, path, key)
                    case _:
                        raise UnsupportedMediaType(
                            "Send the file as multipart/form-data in the field `file`, or as JSON "
                            f"by its URL, like {_LIKE}."
                        )
                asset = await self._desk.add(upload)
        return ok(asset_document(asset, base_url=base_url_of(request.scope)))

    async def list_assets(self, request: Request, workspace_id: str) -> Answer:
        """Answer with a page of the workspace's assets, newest first."""
        limit = queries.limit(request.query_params)
        cursor = request.query_params.get("cursor")
        # One more than asked for tells whether another page follows.
        found = await self._desk.list_assets(
            workspace_id,
            before_id=None if cursor is None else before_id(cursor),
            limit=limit + 1,
        )
        base_url = base_url_of(request.scope)
        page = found[:limit]
        return ok(
            {
                "items": [asset_document(asset, base_url=base_url) for asset in page],
                "next_cursor": cursor_after(page[-1].asset_id) if len(found) > limit else None,
            }
        )

    async def get_asset(self, request: Request, workspace_id: str) -> Answer:
        """Answer with an asset."""
        asset = await self._desk.get(_asset_id(request), workspace_id=workspace_id)
        return ok(asset_document(asset, base_url=base_url_of(request.scope)))

    async def delete_asset(self, request: Request, workspace_id: str) -> Answer:
        """Delete an asset and its file."""
        await self._desk.delete(_asset_id(request), workspace_id=workspace_id)
        return ok({"success": True, "message": "The asset and its file are deleted."})

    async def _received(
        self, request: Request, workspace_id: str, path: Path, key: str | None
    ) -> Upload:
        form, digest = await self._uploads.receive(request, path)
        return Upload(
            workspace_id=workspace_id,
            path=path,
            fingerprint=_fingerprint(digest, form.filename, form.description),
            filename=form.filename,
            description=form.description,
            idempotency_key=key,
        )

    async def _referred(
        self, request: Request, workspace_id: str, path: Path, key: str | None
    ) -> Upload:
        headers = headers_of(request.scope)
        body = await read_object(headers, request.receive, self._body_bytes_max, like=_LIKE)
        url, description = _reference(body)
        base_url = base_url_of(request.scope)
        if url[:5].lower() != "data:" and artifact_name(url, base_url=base_url) is None:
            judge_target(self._policy, url, path="/url")
        await self._desk.fetch(url, path, base_url=base_url, workspace_id=workspace_id)
        return Upload(
            workspace_id=workspace_id,
            path=path,
            fingerprint=_fingerprint(url, description),
            filename=_filename_of(url),
            description=description,
            idempotency_key=key,
        )


def asset_document(asset: Asset, *, base_url: str) -> dict[str, Any]:
    """Return the asset as the contract has it; what else is known of it is its metadata."""
    metadata = {
        "duration_s": None if asset.duration_s is None else round(asset.duration_s, 3),
        "frames": asset.frames,
        "filename": asset.filename,
    }
    document: dict[str, Any] = {
        "id": asset.asset_id,
        "image_url": f"{base_url}/artifacts/{asset.artifact}",
        "uploaded_at": iso_time(asset.created_at_ms),
        "width": asset.width,
        "height": asset.height,
        "size_bytes": asset.size_bytes,
        "mime_type": asset.media_type,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }
    if asset.description is not None:
        document["description"] = asset.description
    return document


def _asset_id(request: Request) -> str:
    asset_id: str = request.path_params["asset_id"].lower()
    if not _ID.fullmatch(asset_id):
        raise AssetNotFound
    return asset_id


def _reference(body: dict[str, Any]) -> tuple[str, str | None]:
    """Return the URL and the description that a JSON body has, or raise ``InvalidRequest``."""
    faults = [
        FieldError(f"/{name[:80]}", f"is not a field here; use {' and '.join(_FIELDS)}")
        for name in body
        if name not in _FIELDS
    ]
    url, description = body.get("url"), body.get("description")
    if not isinstance(url, str) or not url:
        faults.append(FieldError("/url", "must be the URL of a file"))
    if description is not None and not isinstance(description, str):
        faults.append(FieldError("/description", "must be a string"))
    if faults or not isinstance(url, str):
        sentence = f"{faults[0].path[1:]} {faults[0].message}."
        raise InvalidRequest(sentence, faults[:20])
    return url, None if description is None else read_description(description)


def _filename_of(url: str) -> str | None:
    if url[:5].lower() == "data:":
        return None
    path = url.partition("?")[0].partition("#")[0]
    return safe_filename(path.encode("utf-8", "replace")) if path.count("/") > 2 else None


def _fingerprint(*parts: str | None) -> str:
    return hashlib.sha256(
        "\0".join(part or "" for part in parts).encode("utf-8", "replace")
    ).hexdigest()
