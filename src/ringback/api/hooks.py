"""Where the providers of upstream engines say that there is news of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.requests import Request

from ringback.api.answers import Answer, ok
from ringback.api.bodies import read_bounded
from ringback.api.headers import headers_of
from ringback.errors import RouteNotFound

_BODY_BYTES_MAX = 1 << 20


class TakeHook(Protocol):
    """Has an engine look at a job now, if the request is its provider's."""

    async def __call__(
        self, engine: str, job_id: str, proof: str, *, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Say whether it was."""


class HookRoute:
    """``/hooks/{engine}/{job_id}/{proof}``: an address that only the provider was told."""

    def __init__(self, take: TakeHook | None) -> None:
        self._take = take

    async def post(self, request: Request) -> Answer:
        """Answer 200 to the provider, and 404 to everybody else: what exists is not told."""
        body = await read_bounded(headers_of(request.scope), request.receive, _BODY_BYTES_MAX)
        asked = request.path_params
        if self._take is None or not await self._take(
            asked["engine"],
            asked["job_id"],
            asked["proof"],
            headers=dict(request.headers),
            body=body,
        ):
            raise RouteNotFound("There is no such route; GET / names the ones to begin with.")
        return ok({})
