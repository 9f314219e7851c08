"""The public keys with which webhooks may be verified, as a JSON Web Key Set."""

from __future__ import annotations

import hashlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from ringback.api.answers import Answer, encode, ok
from ringback.api.deps import ApiDeps

_PUBLIC_PREFIX = "whpk_"
_KEPT_S = 1.0  # the route takes no token, and the keys are many


class JwksRoute:
    """``/.well-known/webhooks-jwks.json``."""

    def __init__(self, deps: ApiDeps) -> None:
        self._desk = deps.endpoints
        self._keys = deps.keys
        self._clock = deps.clock
        self._known: tuple[list[str], float] | None = None

    async def get(self, request: Request) -> Answer:
        """Answer with the public keys of one endpoint, or of all."""
        endpoint_id = request.query_params.get("endpoint")
        if endpoint_id is None:
            keys = await self._all()
        else:
            keys = await self._desk.public_keys_of_endpoint(endpoint_id)
        return ok(jwks(keys), [(b"cache-control", b"public, max-age=60")])

    async def _all(self) -> list[str]:
        now = self._clock.monotonic()
        if self._known is None or self._known[1] <= now:
            self._known = await self._keys.public_keys(), now + _KEPT_S
        return self._known[0]


def jwks(public_keys: Sequence[str]) -> dict[str, Any]:
    """Return the key set of these ``whpk_…`` keys."""
    return {"keys": [_jwk(key) for key in public_keys]}


def _jwk(public_key: str) -> dict[str, str]:
    raw = b64decode(public_key.removeprefix(_PUBLIC_PREFIX))
    x = urlsafe_b64encode(raw).rstrip(b"=").decode()
    # RFC 7638: the thumbprint of these three members, in this order.
    members = {"crv": "Ed25519", "kty": "OKP", "x": x}
    kid = urlsafe_b64encode(hashlib.sha256(encode(members)).digest()).rstrip(b"=").decode()
    return {**members, "alg": "EdDSA", "use": "sig", "kid": kid}
