"""The pages of node apps: the list, and each with its inputs, its steps and a run as code."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp

from ringback.catalogue.example import example_of
from ringback.catalogue.parameter import Parameter
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.paging import next_path, page_start
from ringback.dashboard.presenters.snippets import submission
from ringback.http.pagination import split_page
from ringback.node_apps.graph import Graph, ModelStep, needs_of
from ringback.service.node_apps import NodeAppService

PAGE = 48
_PATH = "/ui/node-apps"


class ShownStep(Struct, frozen=True, kw_only=True):
    """One step: the model that it runs, or None for an asset, and the steps that it waits for."""

    name: str
    model: str | None
    needs: tuple[str, ...]


class NodeAppViews:
    """The pages of the workspace's node apps."""

    def __init__(self, apps: NodeAppService) -> None:
        self._apps = apps

    async def listed(self, request: PageRequest) -> ASGIApp:
        """Show a page of the workspace's apps in their latest versions."""
        found = await self._apps.list_apps(
            request.workspace_id, before_id=page_start(request), limit=PAGE + 1
        )
        page, cursor = split_page(found, limit=PAGE, id_of=lambda one: one.version_id)
        return request.page(
            "node_apps.html",
            apps=page,
            next_path=next_path(_PATH, cursor),
        )

    async def one(self, request: PageRequest) -> ASGIApp:
        """Show an app's latest version by its slug, or a version by its id."""
        app = await self._apps.get(request.path_params["app"], workspace_id=request.workspace_id)
        graph = app.graph()
        definition: dict[str, Any] = msgspec.json.decode(app.definition)
        return request.page(
            "node_app.html",
            app=app,
            inputs=[(name, one, _bounds(one)) for name, one in graph.inputs.items()],
            steps=_steps(graph),
            outputs=sorted(graph.outputs),
            definition=definition,
            snippets=submission(
                request.base_url,
                f"/node-apps/{app.slug}/execute",
                example_of(app.as_model(graph)),
                headers={},
                token=request.workspace_id if request.is_dev else None,
            ),
        )


def _steps(graph: Graph) -> list[ShownStep]:
    return [
        ShownStep(
            name=name,
            model=f"{step.kind}/{step.model}" if isinstance(step, ModelStep) else None,
            needs=tuple(sorted(needs_of(step))),
        )
        for name, step in graph.steps.items()
    ]


def _bounds(parameter: Parameter) -> str:
    """Return a parameter's type with its bounds, like ``integer, 512 – 1024``."""
    low, high = parameter.min, parameter.max
    if low is None and high is None:
        return parameter.type
    return f"{parameter.type}, {'' if low is None else low} – {'' if high is None else high}"
