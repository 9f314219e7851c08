"""The public keys with which webhooks may be verified, as a JSON Web Key Set."""

from __future__ import annotations

from starlette.requests import Request

from ringback.api.documents.endpoints import JwksDocument
from ringback.api.operations import OperationTable, Parameter
from ringback.api.services import ApiServices
from ringback.errors import InvalidRequest
from ringback.http.responses import JsonResponse, ok
from ringback.signing.ed25519 import jwks
from ringback.signing.rotation import endpoint_owner, workspace_owner

OPERATIONS = OperationTable("Endpoints", access="public")


class JwksRoute:
    """``/.well-known/webhooks-jwks.json``."""

    def __init__(self, services: ApiServices) -> None:
        self._keys = services.keys

    @OPERATIONS(
        "GET /.well-known/webhooks-jwks.json",
        "Get the public keys of webhooks",
        JwksDocument,
        name="get_jwks",
        answer="The key set.",
        query=[
            Parameter(
                name="endpoint", description="The id of the endpoint that the keys sign for."
            ),
            Parameter(
                name="workspace",
                description="The workspace that the keys sign for, for URLs of single jobs.",
            ),
        ],
    )
    async def get(self, request: Request) -> JsonResponse:
        """Return the public keys of one endpoint or one workspace.

        There is no set of all keys: a receiver that trusted it would accept the webhooks of other
        workspaces.
        """
        query = request.query_params
        match query.get("endpoint"), query.get("workspace"):
            case str(endpoint_id), None:
                owner = endpoint_owner(endpoint_id)
            case None, str(workspace_id):
                owner = workspace_owner(workspace_id)
            case _:
                raise InvalidRequest(
                    "Name the sender that you trust: ?endpoint=ID, or ?workspace=NAME for URLs "
                    "that come with jobs."
                )
        keys = await self._keys.public_keys(owner)
        return ok(jwks(keys), [(b"cache-control", b"public, max-age=60")])
