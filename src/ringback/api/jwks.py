"""The public keys with which webhooks may be verified, as a JSON Web Key Set."""

from __future__ import annotations

from starlette.requests import Request

from ringback.api.answers import Answer, ok
from ringback.api.deps import ApiDeps
from ringback.errors import InvalidRequest
from ringback.webhooks.keys import jwks
from ringback.webhooks.rotation import endpoint_owner, workspace_owner


class JwksRoute:
    """``/.well-known/webhooks-jwks.json``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._keys = deps.keys

    async def get(self, request: Request) -> Answer:
        """Answer with the public keys of one endpoint or one workspace.

        There is no set of everybody's keys: whoever trusted it would take other tenants' webhooks
        for genuine.
        """
        asked = request.query_params
        match asked.get("endpoint"), asked.get("workspace"):
            case str(endpoint_id), None:
                owner = endpoint_owner(endpoint_id)
            case None, str(workspace_id):
                owner = workspace_owner(workspace_id)
            case _:
                raise InvalidRequest(
                    "Say whose webhooks you trust: ?endpoint=ID, or ?workspace=NAME for URLs that "
                    "come with jobs."
                )
        keys = await self._keys.public_keys(owner)
        return ok(jwks(keys), [(b"cache-control", b"public, max-age=60")])
