"""Reads the generate routes of another's description: OpenAPI, or bodies by route. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ringback.catalogue.model import EXPORT, TRAINING
from ringback.catalogue.parameter import Parameter
from ringback.catalogue.schema_reading import SchemaReader, UnreadableSchema
from ringback.errors import SetupError

_PATH = re.compile(
    r"/generate/(?P<kind>[A-Za-z0-9._-]+)/(?P<id>[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){1,2})"
)
_TEXT_MAX = 200


class DescribedRoute(Struct, frozen=True, kw_only=True):
    """A generate route as a description has it."""

    kind: str
    id: str  # "bfl/flux-1-dev"
    title: str
    parameters: dict[str, Parameter]

    @property
    def name(self) -> str:
        """The route after ``/generate/``."""
        return f"{self.kind}/{self.id}"


class DescribedApi(Struct, frozen=True, kw_only=True):
    """The generate routes of a description, and the reasons why others could not be read."""

    routes: dict[str, DescribedRoute]
    unread: dict[str, str]


def read_description(document: Any) -> DescribedApi:
    """Return the generate routes of a description, or raise ``SetupError`` where it has none."""
    bodies = dict(_bodies(document)) if isinstance(document, Mapping) else {}
    if not bodies:
        raise SetupError(
            "The description has no routes that begin with /generate/; name an OpenAPI document."
        )
    reader = SchemaReader(_shared(document))
    routes, unread = {}, {}
    for path, (title, schema) in bodies.items():
        match = _PATH.fullmatch(path)
        name = path.removeprefix("/generate/")[:_TEXT_MAX]
        if match is None or match["kind"] in (TRAINING, EXPORT):
            unread[name] = "its name is not that of a model"
            continue
        try:
            parameters = reader.fields(schema)
        except UnreadableSchema as exc:
            unread[name] = str(exc)
        else:
            routes[name] = DescribedRoute(
                kind=match["kind"], id=match["id"], title=title, parameters=parameters
            )
    return DescribedApi(routes=routes, unread=unread)


def _bodies(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield the path, the title and the schema of the body of each generate route."""
    listed, paths = document.get("routes"), document.get("paths")
    for path, route in listed.items() if isinstance(listed, Mapping) else ():
        if str(path).startswith("/generate/") and isinstance(route, Mapping):
            yield str(path), (_title(route.get("name"), path), route.get("body"))
    for path, methods in paths.items() if isinstance(paths, Mapping) else ():
        operation = methods.get("post") if isinstance(methods, Mapping) else None
        if str(path).startswith("/generate/") and isinstance(operation, Mapping):
            yield str(path), (_title(operation.get("summary"), path), _json_body(operation))


def _json_body(operation: Mapping[str, Any]) -> Any:
    try:
        return operation["requestBody"]["content"]["application/json"]["schema"]
    except (KeyError, TypeError):
        return None


def _shared(document: Mapping[str, Any]) -> Mapping[str, Any]:
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    return schemas if isinstance(schemas, Mapping) else {}


def _title(text: Any, path: Any) -> str:
    found = text if isinstance(text, str) and text.strip() else str(path).rpartition("/")[2]
    return " ".join(found.split())[:_TEXT_MAX]
