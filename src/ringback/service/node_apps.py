"""The node app service stores versions of node apps, and checks the inputs of their runs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from ringback.catalogue.catalogue import Catalogue, Model, ValidInput
from ringback.catalogue.inputs import InputCheck
from ringback.catalogue.pricing import cost_of
from ringback.catalogue.violations import invalid
from ringback.clock import Clock
from ringback.errors import AppNotFound, FieldError
from ringback.ids import Ids
from ringback.jobs.model import Job
from ringback.log import get_logger
from ringback.node_apps.checking import check_execution, check_push, step_inputs
from ringback.node_apps.graph import AssetStep, Graph
from ringback.node_apps.model import VERSIONS_MAX, AppVersion, version_id_of
from ringback.node_apps.reading import WrongDefinition, read_definition
from ringback.node_apps.resolving import Resolver
from ringback.node_apps.store import NodeAppStore

log = get_logger(__name__)

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_FAULTS_MAX = 21  # the error shows 20


class AppInputs(Struct, frozen=True, kw_only=True):
    """The inputs of a run, checked by the app's own declarations and completed."""

    version: AppVersion
    model: Model
    valid: ValidInput


class Execution(Struct, frozen=True, kw_only=True):
    """A requested run with checked and completed inputs."""

    version: AppVersion
    model: Model
    valid: ValidInput
    asset_ids: dict[str, str]  # by the steps that take them
    inputs: list[tuple[str, Model, dict[str, Any]]]  # of each step, as far as they are known

    @property
    def compute_units(self) -> float:
        """Return the cost of the steps if they complete, as far as their inputs are known."""
        return sum(cost_of(model, values) for _, model, values in self.inputs)


class NodeAppService:
    """The operations on the node apps of a workspace."""

    def __init__(
        self,
        apps: NodeAppStore,
        catalogue: Catalogue,
        *,
        clock: Clock,
        ids: Ids,
        versions_max: int = VERSIONS_MAX,
    ) -> None:
        self._apps = apps
        self._catalogue = catalogue
        self._clock = clock
        self._ids = ids
        self._versions_max = versions_max

    async def push(self, document: dict[str, Any], *, workspace_id: str) -> AppVersion:
        """Store a definition as the next version of its app.

        An unchanged definition returns the latest version. Raises ``InvalidRequest`` with every
        fault at its place, or ``TooManyApps``.
        """
        try:
            definition = read_definition(document)
        except WrongDefinition as exc:
            raise invalid(exc.faults) from exc
        _refuse(check_push(definition.graph, self._catalogue, now_ms=self._clock.now_ms()))
        text = msgspec.json.encode(document)
        ordered = msgspec.json.encode(document, order="deterministic")
        now_ms = self._clock.now_ms()
        pushed = await self._apps.push_app(
            AppVersion(
                version_id=self._ids.uuid7(),
                app_id=self._ids.uuid7(),
                workspace_id=workspace_id,
                slug=definition.slug,
                name=definition.name,
                description=definition.description,
                version=1,
                digest=hashlib.sha256(ordered).hexdigest(),
                definition=text.decode(),
                created_at_ms=now_ms,
                app_created_at_ms=now_ms,
            ),
            versions_max=self._versions_max,
        )
        log.info("app_pushed", version_id=pushed.version_id, version=pushed.version)
        return pushed

    async def get(self, app: str, *, workspace_id: str) -> AppVersion:
        """Return a version by its id, or the latest by its slug, or raise ``AppNotFound``."""
        if _ID.fullmatch(app.lower()):
            version = await self._apps.get_app(app.lower())
        else:
            version = await self._apps.latest_app(workspace_id, app)
        if version is None or version.workspace_id != workspace_id:
            raise AppNotFound
        return version

    async def latest(self, version: AppVersion) -> AppVersion:
        """Return the latest version of the same app."""
        return await self._apps.latest_app(version.workspace_id, version.slug) or version

    async def list_apps(
        self, workspace_id: str, *, before_id: str | None, limit: int
    ) -> list[AppVersion]:
        """Return a page of the workspace's apps in their latest versions, pushed last first."""
        return await self._apps.list_apps(workspace_id, before_id=before_id, limit=limit)

    async def graph_of(self, run: Job) -> Graph:
        """Return the graph of a run, or raise ``AppNotFound``."""
        version = await self._apps.get_app(version_id_of(run.model))
        if version is None:
            raise AppNotFound
        return version.graph()

    def inputs(self, version: AppVersion, body: dict[str, Any]) -> AppInputs:
        """Return the app's own inputs of a body, or raise ``InvalidRequest`` naming each fault."""
        _, model, check = _parts(version)
        return AppInputs(version=version, model=model, valid=check(body))

    def take(self, inputs: AppInputs) -> Execution:
        """Return the run that the inputs request, or raise ``InvalidRequest`` naming each fault.

        Every step that uses an input is checked against its model.
        """
        version, model, valid = inputs.version, inputs.model, inputs.valid
        graph = _parts(version)[0]
        now_ms = self._clock.now_ms()
        _refuse(check_execution(graph, self._catalogue, valid.input, now_ms=now_ms))
        return Execution(
            version=version,
            model=model,
            valid=valid,
            asset_ids=dict(_assets(graph, valid.input)),
            inputs=list(step_inputs(graph, self._catalogue, valid.input)),
        )


@lru_cache(maxsize=64)
def _parts(version: AppVersion) -> tuple[Graph, Model, InputCheck]:
    graph = version.graph()
    model = version.as_model(graph)
    return graph, model, InputCheck(model)


def _assets(graph: Graph, inputs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, step in graph.steps.items():
        if isinstance(step, AssetStep):
            yield name, str(Resolver(inputs, {}).resolve(step.asset))


def _refuse(faults: Iterator[FieldError]) -> None:
    if first := list(islice(faults, _FAULTS_MAX)):
        raise invalid(first)
