"""What the API and the page both stand on, made once: what they count, they count together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ringback.api.assets import AssetRoutes
from ringback.api.auth import Authenticator
from ringback.api.deps import ApiDeps
from ringback.api.submissions import Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Who comes in, what makes jobs, and what takes files."""

    authenticator: Authenticator
    submissions: Submissions
    assets: AssetRoutes

    @classmethod
    def of(cls, deps: ApiDeps) -> Self:
        """Return the parts that are built on these."""
        authenticator = Authenticator(deps.workspaces, deps.keys, deps.settings, deps.clock)
        return cls(
            authenticator=authenticator,
            submissions=Submissions(deps, authenticator),
            assets=AssetRoutes(deps),
        )
