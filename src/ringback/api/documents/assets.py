"""Assets as the API shows them, and the requests that upload one."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.api.documents.fields import Count, NextCursor, Time, Url, Uuid
from ringback.files.artifacts.names import artifact_url
from ringback.files.assets.model import Asset
from ringback.files.media.parsing import INPUT_NAMES, INPUTS
from ringback.wire.document import iso_time

AssetType = Annotated[str, Meta(extra_json_schema={"enum": sorted(INPUTS)})]
Size = Annotated[int, Meta(ge=1)]
Description = Annotated[str, Meta(max_length=4096)]


class AssetMetadataDocument(Struct, frozen=True, kw_only=True):
    """Further facts about an asset."""

    duration_s: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    frames: Size | UnsetType = UNSET
    filename: str | UnsetType = UNSET


class AssetDocument(Struct, frozen=True, kw_only=True):
    """A file for jobs to use, without metadata about its maker."""

    id: Uuid
    image_url: Annotated[
        Url, Meta(description="The URL of its bytes, of any type; an input of any model.")
    ]
    uploaded_at: Time
    width: Annotated[
        Size | None, Meta(description="In pixels, as shown; null for a file without a picture.")
    ]
    height: Size | None
    size_bytes: Count | None
    mime_type: Annotated[AssetType | None, Meta(description="The type, detected from the content.")]
    metadata: AssetMetadataDocument
    description: str | UnsetType = UNSET


class AssetPageDocument(Struct, frozen=True, kw_only=True):
    """Assets, newest first."""

    items: list[AssetDocument]
    next_cursor: NextCursor


class AssetFileRequest(Struct, frozen=True, kw_only=True):
    """A file as a form field."""

    file: Annotated[
        str,
        Meta(
            description=f"{INPUT_NAMES}; at most 75 MB. "
            "The server detects the type from the content.",
            extra_json_schema={"format": "binary"},
        ),
    ]
    description: Description | UnsetType = UNSET


class AssetUrlRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file by its URL, or as a `data:` URI."""

    url: Annotated[str, Meta(min_length=1)]
    description: Description | None = None


def asset_document(asset: Asset, *, base_url: str) -> AssetDocument:
    """Return the asset as the contract has it; further facts are in ``metadata``."""
    return AssetDocument(
        id=asset.asset_id,
        image_url=artifact_url(asset.artifact, base_url=base_url),
        uploaded_at=iso_time(asset.created_at_ms),
        width=asset.width,
        height=asset.height,
        size_bytes=asset.size_bytes,
        mime_type=asset.media_type,
        metadata=AssetMetadataDocument(
            duration_s=UNSET if asset.duration_s is None else round(asset.duration_s, 3),
            frames=asset.frames or UNSET,
            filename=asset.filename or UNSET,
        ),
        description=UNSET if asset.description is None else asset.description,
    )
