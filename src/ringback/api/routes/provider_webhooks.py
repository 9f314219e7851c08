"""``/hooks/{engine}/{job_id}/{proof}``: webhooks from the providers of upstream engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.requests import Request

from ringback.errors import RouteNotFound
from ringback.http.bodies import read_bounded
from ringback.http.headers import headers_of
from ringback.http.responses import JsonResponse, ok

_BODY_BYTES_MAX = 1 << 20


class TakeProviderWebhook(Protocol):
    """Makes an engine poll a job now, if the webhook is from its provider."""

    async def __call__(
        self, engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Return whether the webhook is from the provider."""


class ProviderWebhookRoute:
    """The route of provider webhooks; only the provider knows its address."""

    def __init__(self, take: TakeProviderWebhook | None) -> None:
        self._take = take

    async def post(self, request: Request) -> JsonResponse:
        """Answer the provider with 200, and others with 404 as if there were no such route."""
        body = await read_bounded(headers_of(request.scope), request.receive, _BODY_BYTES_MAX)
        params = request.path_params
        if self._take is None or not await self._take(
            params["engine"],
            params["job_id"],
            params["proof"],
            headers=dict(request.headers),
            body=body,
        ):
            raise RouteNotFound("There is no such route; GET / names the ones to begin with.")
        return ok({})
