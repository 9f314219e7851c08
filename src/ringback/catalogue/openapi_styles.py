"""The operations on styles, in the API's description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringback.catalogue.example import example_of
from ringback.catalogue.model import Model
from ringback.catalogue.openapi_components import (
    Schema,
    header_parameter,
    json_content,
    object_schema,
    reference,
    responses,
)
from ringback.catalogue.openapi_models import submitted_response

_TEXT: Schema = {"type": "string"}
_URL: Schema = {"type": "string", "format": "uri"}
_URLS: Schema = {"type": "array", "items": _URL}
_SENT_URL: Schema = {**_URL, "pattern": "^[hH][tT]{2}[pP][sS]?://[^/?#]", "maxLength": 2048}

STYLE_SCHEMAS: dict[str, Schema] = {
    "StyleOwner": object_schema(
        {
            "id": {"type": "string", "format": "uuid", "description": "Stands for a token."},
            "name": {"type": "string", "description": "The workspace, to those who are in it."},
            "avatar_url": {**_URL, "type": ["string", "null"]},
        },
        ["id", "name"],
        "Whose training it was.",
    ),
    "Style": object_schema(
        {
            "id": {
                "type": "string",
                "description": "By which `styles` of a generation names it: the id of the job that "
                "trained it, or the one of a link to it.",
            },
            "title": {"type": ["string", "null"]},
            "urls": {**_URLS, "description": "Pictures that show it."},
            "public": {"type": "boolean", "description": "Whether every workspace may use it."},
            "cover_url": {**_URL, "type": ["string", "null"]},
            "prompt": {"type": "string", "description": "What to ask for, to see it."},
            "models": {
                "type": "array",
                "items": _TEXT,
                "description": "What it was trained for, as its training named it.",
            },
            "owner": {"anyOf": [reference("schemas", "StyleOwner"), {"type": "null"}]},
            "like_count": {"type": "integer", "minimum": 0},
            "created_at": {"type": "string", "format": "date-time"},
        },
        ["id", "title", "urls", "public", "prompt", "owner", "like_count", "created_at"],
        "A style that was trained.",
    ),
    "StylePage": object_schema(
        {
            "items": {"type": "array", "items": reference("schemas", "Style")},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `cursor` for the next page; null on the last.",
            },
        },
        ["items", "next_cursor"],
        "Styles, newest first.",
    ),
    "StyleChange": {
        "type": "object",
        "description": "What is to be changed; what is left out stays, and so does a `public` that "
        "is null.",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "public": {"type": ["boolean", "null"]},
            "urls": {"type": "array", "items": _SENT_URL, "maxItems": 20},
            "title": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"},
            "cover_url": _SENT_URL,
        },
    },
    "ShareLink": object_schema(
        {"share_link": _URL, "is_new": {"type": "boolean"}},
        ["share_link", "is_new"],
        "A link by which whoever knows it may use the style.",
    ),
    "SharedStyle": object_schema(
        {
            "success": {"type": "boolean"},
            "style_id": _TEXT,
            "workspace": object_schema(
                {
                    "id": _TEXT,
                    "name": {"type": ["string", "null"]},
                    "is_default": {"type": "boolean"},
                },
                ["id", "name", "is_default"],
                "Whose members may use it now.",
            ),
        },
        ["success", "style_id", "workspace"],
        "That it is shared, and with whom.",
    ),
    "Success": object_schema({"success": {"type": "boolean"}}, ["success"], "That it is done."),
}

_STYLE_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The style's id, or the one at the end of a link to it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[A-Za-z0-9_-]+$"},
}
_ABOUT_TRAINING = (
    "Learns a style from pictures; the job's `result` has its `style_id`. Only the token that "
    "asked for it may use the style, until it is shared."
)
_FILTERS = [
    "all",
    "user",
    "community",
    "krea",
    "shared",
    "unapproved",
    "editor",
    "gallery",
    "public",
]


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


_SEARCH = [
    _query(
        "cursor",
        "The `next_cursor` of the page before, or an ISO 8601 time: made before.",
        _TEXT,
    ),
    _query(
        "limit",
        "How many styles a page has at most.",
        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    ),
    _query("ids", "Only these, with commas between them.", _TEXT),
    _query("liked", "Only what you like.", {"type": "boolean", "default": False}),
    _query("user", "Only what this owner trained, by its id.", _TEXT),
    _query("model", "Only what was trained for this model: `flux_dev`.", _TEXT),
    _query(
        "filter",
        "`all` that you may use; `user`: your own; `shared`: with your workspace; `public`, "
        "`community` and `gallery`: with everybody. The others are always empty here.",
        {"type": "string", "enum": _FILTERS, "default": "all"},
    ),
]


def _operation(
    name: str, summary: str, schema_name: str, *errors: int, **more: Any
) -> dict[str, Any]:
    answers = {"200": {"description": summary, "content": json_content(schema_name)}}
    return {
        "operationId": name,
        "tags": ["Styles"],
        "summary": summary,
        **more,
        "responses": answers | responses(401, 403, *errors),
    }


def style_paths(trainings: Sequence[Model]) -> dict[str, Any]:
    """Return the operations on styles, which can be trained for these models."""
    one = {"parameters": [_STYLE_ID]}
    return {
        "/styles": {
            "get": _operation("list_styles", "Search styles", "StylePage", 400, parameters=_SEARCH)
        },
        "/styles/train": {"post": _training(trainings)},
        "/styles/{id}": {
            **one,
            "get": _operation("get_style", "Get a style", "Style", 404),
            "patch": _operation(
                "change_style",
                "Change a style",
                "Style",
                *(400, 404, 413, 415, 507),
                description="Your own alone.",
                requestBody={"required": True, "content": json_content("StyleChange")},
            ),
            "delete": _operation(
                "delete_style",
                "Delete a style",
                "Deleted",
                *(404, 507),
                description="Your own alone; its files are deleted too.",
            ),
        },
        "/styles/{id}/like": {
            **one,
            "put": _operation("like_style", "Like a style", "Style", 404, 507),
            "delete": _operation("unlike_style", "Like a style no longer", "Style", 404, 507),
        },
        "/styles/{id}/share/link": {
            **one,
            "get": _share_link(),
            "delete": _operation(
                "close_style_link", "Let the link lead nowhere", "Success", 404, 507
            ),
        },
        "/styles/{id}/share/workspace": {
            **one,
            "post": _operation(
                "share_style", "Share a style with your workspace", "SharedStyle", 404, 507
            ),
            "delete": _operation(
                "unshare_style", "Keep a style to yourself again", "Success", 404, 507
            ),
        },
    }


def _share_link() -> dict[str, Any]:
    operation = _operation(
        "style_share_link",
        "Get a link to a style",
        "ShareLink",
        *(404, 507),
        description="Your own alone. Whoever has a token of this server and knows the link may "
        "look at the style, and use it by the id at the link's end.",
    )
    created = {"description": "The link, made now.", "content": json_content("ShareLink")}
    operation["responses"] |= {"201": created}
    return operation


def _training(trainings: Sequence[Model]) -> dict[str, Any]:
    return {
        "operationId": "train_style",
        "tags": ["Styles"],
        "summary": "Train a style",
        "description": "\n".join([_ABOUT_TRAINING, *_costs(trainings)]),
        "parameters": [
            header_parameter(name)
            for name in (
                "X-Webhook-URL",
                "X-Webhook-Events",
                "Idempotency-Key",
                "X-Ringback-Priority",
                "Prefer",
            )
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            _body_of(model, is_usual=not at) for at, model in enumerate(trainings)
                        ]
                    },
                    "example": example_of(trainings[0]),
                }
            },
        },
        "responses": {
            "200": submitted_response(),
            **responses(400, 401, 402, 403, 409, 413, 415, 429, 503, 507),
        },
    }


def _costs(trainings: Sequence[Model]) -> list[str]:
    """Return what a step costs, as a table in the public API's form."""
    rows = [
        f"| **{model.name}** | ~{model.compute_units:g} |"
        for model in trainings
        if model.compute_units is not None
    ]
    return ["| Model | Compute Units/Step |", "|-------|-------------------|", *rows]


def _body_of(model: Model, *, is_usual: bool) -> Schema:
    """Return the schema of a training's body; all but the first must name their model."""
    schema = model.schema
    properties = dict(schema["properties"])
    required = list(schema.get("required", ()))
    if is_usual:
        return schema
    properties["model"] = {
        name: it for name, it in properties["model"].items() if name != "default"
    }
    return {**schema, "properties": properties, "required": ["model", *required]}
