"""A version of a node app: what was pushed, once and for ever."""

from __future__ import annotations

from msgspec import Struct

from ringback.apps.graph import Graph
from ringback.apps.reading import read_graph
from ringback.catalogue.model import Model

KIND = "app"
"""The kind of a job that is a run."""

ENGINE = "apps"
"""What serves runs."""

TYPE = "nodeApp"
VERSIONS_MAX = 1_000
"""How many versions a workspace keeps, of all its apps."""


class AppVersion(Struct, frozen=True, kw_only=True):
    """One version of an app; a new push makes another and leaves this one as it is."""

    version_id: str
    app_id: str  # the same for every version of an app
    workspace_id: str
    slug: str
    name: str
    description: str
    version: int  # from 1
    digest: str  # of the definition: pushing the latest again makes no other version
    definition: str  # JSON, as it was pushed
    created_at_ms: int
    app_created_at_ms: int

    def graph(self) -> Graph:
        """Return what the version takes, does and gives."""
        return read_graph(self.definition)

    def as_model(self, graph: Graph) -> Model:
        """Return the version as something that can be asked for, like a model of the catalogue."""
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
    """Return which version a run's model is."""
    return model_id.rpartition("/")[2]
