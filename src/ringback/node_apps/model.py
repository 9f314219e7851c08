"""A version of a node app: an immutable pushed definition."""

from __future__ import annotations

from msgspec import Struct

from ringback.catalogue.model import Model
from ringback.node_apps.graph import Graph
from ringback.node_apps.reading import read_graph

KIND = "app"
"""The kind of jobs that are runs."""

ENGINE = "apps"
"""The engine of runs."""

TYPE = "nodeApp"
VERSIONS_MAX = 1_000
"""The most versions of a workspace, over all its apps."""


class AppVersion(Struct, frozen=True, kw_only=True):
    """One version of an app; a new push creates another and does not change this one."""

    version_id: str
    app_id: str  # the same for every version of an app
    workspace_id: str
    slug: str
    name: str
    description: str
    version: int  # from 1
    digest: str  # of the definition: an identical push creates no version
    definition: str  # JSON, as it was pushed
    created_at_ms: int
    app_created_at_ms: int

    def graph(self) -> Graph:
        """Return the graph of the version."""
        return read_graph(self.definition)

    def as_model(self, graph: Graph) -> Model:
        """Return the version as a model like those of the catalogue."""
        return Model(
            id=f"{self.slug}/{self.version_id}",
            kind=KIND,
            type=TYPE,
            title=self.name,
            description=self.description,
            engine=ENGINE,
            parameters=graph.inputs,
        )


def version_id_of(model_id: str) -> str:
    """Return the version id in the model id of a run."""
    return model_id.rpartition("/")[2]
