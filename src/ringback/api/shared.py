"""Parts that the API, the dashboard and the tools share: their limits count all three together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ringback.api.services import ApiServices
from ringback.http.auth import Authenticator
from ringback.http.file_bodies import FileBodies
from ringback.http.uploads import Uploads
from ringback.service.intake import Intake
from ringback.service.media_inputs import MediaInputs
from ringback.service.request_files import RequestFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedParts:
    """The authenticator, the intake of submissions, the uploads, and bodies with files in them."""

    authenticator: Authenticator
    intake: Intake
    uploads: Uploads
    bodies: FileBodies

    @classmethod
    def of(cls, services: ApiServices) -> Self:
        """Return the parts that are built on these services."""
        settings = services.settings
        uploads = Uploads(services.assets, services.incoming, services.room_for_work)
        return cls(
            authenticator=Authenticator(
                services.workspaces, services.keys, settings, services.clock
            ),
            intake=Intake(
                services.catalogue,
                assets=services.assets,
                media=MediaInputs(
                    services.own_urls,
                    artifacts=services.artifacts,
                    assets=services.asset_rows,
                    policy=services.input_policy,
                ),
                files=RequestFiles(services.artifacts),
                styles=services.styles,
                policy=services.policy,
                clock=services.clock,
                document_bytes_max=settings.body_bytes_max,
                faults=services.faults,
            ),
            uploads=uploads,
            bodies=FileBodies(
                uploads,
                document_bytes_max=settings.body_bytes_max,
                bytes_max=settings.file_body_bytes_max,
            ),
        )
