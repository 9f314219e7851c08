"""Reads the models from an OpenAPI description, which has one path per model. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ringback.client.models import Model
from ringback.wire.names import MODEL_KINDS

_PATH = re.compile(rf"/generate/({'|'.join(MODEL_KINDS)})/(.+)")
_TABLE = re.compile(r"^\|\s*([0-9.]+)[^|]*\|\s*([0-9.]+)[^|]*\|", re.MULTILINE)


def models_in_description(described: Mapping[str, Any]) -> list[Model]:
    """Return the models that an OpenAPI description has paths for, in its order."""
    paths = described.get("paths")
    if not isinstance(paths, Mapping):
        return []
    return [
        model
        for path, methods in paths.items()
        if (match := _PATH.fullmatch(path)) and isinstance(methods, Mapping)
        for model in [_model(match[1], match[2], path, methods.get("post"))]
        if model is not None
    ]


def _model(kind: str, model_id: str, path: str, operation: Any) -> Model | None:
    if not isinstance(operation, Mapping):
        return None
    title, about = operation.get("summary"), operation.get("description")
    about = about if isinstance(about, str) else None
    numbers = _TABLE.search(about or "")
    return Model(
        id=model_id,
        kind=kind,
        path=path,
        title=_text(title),
        description=about,
        compute_units=_number(numbers[1]) if numbers else None,
        average_completion_s=_number(numbers[2]) if numbers else None,
        sunset_date=_text(operation.get("x-sunset-date")),
        parameters=_parameters(operation),
    )


def _parameters(operation: Mapping[str, Any]) -> dict[str, Any]:
    try:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
    except (KeyError, TypeError):
        return {}
    return dict(schema) if isinstance(schema, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
