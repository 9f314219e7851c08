"""The API's own description (OpenAPI 3.1), generated from the catalogue.

Clients of the public API find the models in it: one concrete path for each, the body's schema in
place, and what the model costs as a table in the description.
"""

from __future__ import annotations

from typing import Any

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.openapi_apps import APP_PATHS, APP_SCHEMAS
from ringback.catalogue.openapi_assets import ASSET_PATHS, ASSET_SCHEMAS
from ringback.catalogue.openapi_chores import CHORE_PATHS, CHORE_SCHEMAS
from ringback.catalogue.openapi_components import COMPONENTS
from ringback.catalogue.openapi_endpoints import ENDPOINT_PATHS, ENDPOINT_SCHEMAS
from ringback.catalogue.openapi_listeners import LISTENER_PATHS, LISTENER_SCHEMAS
from ringback.catalogue.openapi_log import LOG_PATHS, LOG_SCHEMAS
from ringback.catalogue.openapi_models import model_operation
from ringback.catalogue.openapi_routes import FIXED_PATHS
from ringback.catalogue.openapi_styles import STYLE_SCHEMAS, style_paths
from ringback.catalogue.openapi_usage import USAGE_PATHS, USAGE_SCHEMAS

_ABOUT = (
    "Ask for a picture and get a job at once; when it has ended, its webhook is called, signed and "
    "retried until it was heard. Jobs can also be polled, or waited for."
)


def describe(catalogue: Catalogue, *, version: str, public_url: str | None) -> dict[str, Any]:
    """Return the description of the API; the same catalogue and arguments give the same one."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Ringback", "version": version, "description": _ABOUT},
    }
    if public_url is not None:
        document["servers"] = [{"url": public_url}]
    return document | {
        "security": [{"bearerAuth": []}],
        "tags": [
            {"name": "Image", "description": "One route for each model of pictures."},
            {"name": "Video", "description": "One route for each model of videos."},
            {"name": "Enhance", "description": "Pictures made larger and better."},
            {"name": "Jobs", "description": "What became of what was asked for."},
            {"name": "Assets", "description": "Files for jobs to use."},
            {"name": "Styles", "description": "Trained from pictures, to draw in."},
            {"name": "Node Apps", "description": "Graphs of steps, pushed once and run as jobs."},
            {"name": "Deliveries", "description": "Webhooks: how they fare, and again."},
            {"name": "Events", "description": "What happened, for those who were away."},
            {"name": "Endpoints", "description": "Webhook URLs that a workspace keeps."},
            {"name": "Usage", "description": "What was spent, and what may be."},
            {"name": "Server", "description": "The server itself."},
        ],
        "paths": {
            **{model.path: {"post": model_operation(model)} for model in catalogue},
            **FIXED_PATHS,
            **ASSET_PATHS,
            **style_paths(catalogue.trainings),
            **APP_PATHS,
            **LOG_PATHS,
            **CHORE_PATHS,
            **ENDPOINT_PATHS,
            **LISTENER_PATHS,
            **USAGE_PATHS,
        },
        "components": {
            **COMPONENTS,
            "schemas": {
                **COMPONENTS["schemas"],
                **ASSET_SCHEMAS,
                **STYLE_SCHEMAS,
                **APP_SCHEMAS,
                **LOG_SCHEMAS,
                **CHORE_SCHEMAS,
                **ENDPOINT_SCHEMAS,
                **LISTENER_SCHEMAS,
                **USAGE_SCHEMAS,
            },
        },
    }


def models_document(catalogue: Catalogue) -> dict[str, Any]:
    """Return what ``GET /models`` answers: every model, with the schema of its body."""
    return {
        "models": [
            {
                "id": model.id,
                "kind": model.kind,
                "path": model.path,
                "title": model.title,
                "description": model.description,
                "engine": model.engine,
                "type": model.type,
                "compute_units": model.compute_units,
                "average_completion_s": model.usual_s,
                "sunset_date": model.sunset and model.sunset.date.isoformat(),
                "replacement": model.sunset and model.sunset.replacement,
                "parameters": model.schema,
            }
            for model in catalogue
        ]
    }
