"""The operations of assets, as the description has them."""

from __future__ import annotations

from typing import Any

from ringback.catalogue.openapi_components import (
    Schema,
    header_parameter,
    json_content,
    object_schema,
    reference,
    responses,
)

_TEXT: Schema = {"type": "string"}
_SIZE: Schema = {"type": ["integer", "null"], "minimum": 1}
_TYPES = (
    "image/jpeg, image/png, image/webp, image/heic, video/mp4, video/quicktime, video/webm, "
    "model/gltf-binary, audio/wav, audio/mpeg"
)

ASSET_SCHEMAS: dict[str, Schema] = {
    "Asset": object_schema(
        {
            "id": {"type": "string", "format": "uuid"},
            "image_url": {
                "type": "string",
                "format": "uri",
                "description": "Where its bytes are, whatever their type; an input of any model.",
            },
            "uploaded_at": {"type": "string", "format": "date-time"},
            "width": {
                **_SIZE,
                "description": "As it is shown; null where there is nothing to see.",
            },
            "height": _SIZE,
            "size_bytes": {"type": ["integer", "null"], "minimum": 0},
            "mime_type": {
                "type": ["string", "null"],
                "description": "What it is by its content.",
                "enum": [*_TYPES.split(", "), None],
            },
            "description": _TEXT,
            "metadata": {
                "type": "object",
                "description": "What else is known of it.",
                "properties": {
                    "duration_s": {"type": "number", "minimum": 0},
                    "frames": {"type": "integer", "minimum": 1},
                    "filename": _TEXT,
                },
            },
        },
        ["id", "image_url", "uploaded_at", "width", "height", "size_bytes", "mime_type"],
        "A file for jobs to use, without what it told of its maker.",
    ),
    "AssetPage": object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", "Asset")},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null on the last.",
            },
        },
        ["items", "next_cursor"],
        "Assets, newest first.",
    ),
    "AssetFile": {
        "type": "object",
        "description": "A file out of a form.",
        "properties": {
            "file": {
                "type": "string",
                "format": "binary",
                "description": "JPEG, PNG, WebP, HEIC, MP4, MOV, WebM, GLB, WAV or MP3; at most "
                "75 MB. Its type is found by its content.",
            },
            "description": {"type": "string", "maxLength": 4096},
        },
        "required": ["file"],
    },
    "AssetReference": {
        "type": "object",
        "description": "A file by its URL, or out of a `data:` URI.",
        "additionalProperties": False,
        "properties": {
            "url": {"type": "string", "minLength": 1},
            "description": {"type": "string", "maxLength": 4096},
        },
        "required": ["url"],
    },
    "Deleted": object_schema(
        {"success": {"type": "boolean"}, "message": _TEXT},
        ["success", "message"],
        "That it is done.",
    ),
}

_ASSET_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The asset's id, as its upload was answered.",
    "schema": {"type": "string", "format": "uuid"},
}
_PAGE = [
    {
        "name": "cursor",
        "in": "query",
        "required": False,
        "description": "The `next_cursor` of the page before, or an ISO 8601 time: made before.",
        "schema": _TEXT,
    },
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "How many assets a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
]


def _operation(
    name: str, summary: str, schema_name: str, *errors: int, **more: Any
) -> dict[str, Any]:
    answers = {"200": {"description": summary, "content": json_content(schema_name)}}
    return {
        "operationId": name,
        "tags": ["Assets"],
        "summary": summary,
        **more,
        "responses": answers | responses(401, 403, *errors),
    }


def _busy(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": json_content("Error"),
        "headers": {
            "Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}
        },
    }


def _upload() -> dict[str, Any]:
    operation = _operation(
        "upload_asset",
        "Upload an asset",
        "Asset",
        *(400, 408, 413, 415, 503, 507),
        description=(
            "Upload an image, video, sound or 3D model for jobs to use: out of a form, or by its "
            "URL. What it tells of its maker (EXIF, GPS, XMP, tags) is left out; every pixel and "
            "every sound stays."
        ),
        requestBody={
            "required": True,
            "content": {
                "multipart/form-data": {"schema": reference("schemas", "AssetFile")},
                **json_content("AssetReference"),
            },
        },
        parameters=[header_parameter("Idempotency-Key")],
    )
    operation["responses"] |= {
        "409": {
            "description": "The workspace's assets are as large as they may be, or the "
            "Idempotency-Key was used for another file.",
            "content": json_content("Error"),
        },
        "429": _busy("The workspace sends as many files at once as it may."),
    }
    return operation


ASSET_PATHS: dict[str, Any] = {
    "/assets": {
        "post": _upload(),
        "get": _operation("list_assets", "List assets", "AssetPage", 400, parameters=_PAGE),
    },
    "/assets/{id}": {
        "parameters": [_ASSET_ID],
        "get": _operation("get_asset", "Get an asset", "Asset", 404),
        "delete": _operation(
            "delete_asset",
            "Delete an asset",
            "Deleted",
            *(404, 507),
            description="Its file is deleted too.",
        ),
    },
}
