"""Endpoints' own headers are sealed anew when the master key is a new one, as secrets are."""

from __future__ import annotations

import random

from ringback.ids import Ids
from ringback.service.secrets import SigningKeyService
from ringback.signing.rotation import endpoint_owner
from ringback.storage.sqlite import SqliteStore
from ringback.testing import FakeClock
from tests.builders import PlainSeals, a_key, an_endpoint


class NewSeals(PlainSeals):
    """Seals with a key that came after another."""

    def reseal(self, stored: str, *, owner: str) -> str:
        return stored if stored.startswith("new:") else f"new:{owner}:{stored.removeprefix('old:')}"


async def test_headers_are_sealed_anew_once_with_their_endpoints_name(
    store: SqliteStore, clock: FakeClock
) -> None:
    endpoint = an_endpoint(headers="old:{}", header_names=("x-a",))
    plain = an_endpoint()
    for one in (endpoint, plain):
        await store.add_endpoint(one, a_key("new:secret"), limit=9)
    ids = Ids(clock.now_ms, random.Random(1).getrandbits)
    keys = SigningKeyService(store, NewSeals(), clock=clock, ids=ids)
    assert await keys.seal_all() == 3  # and the keys of the two workspaces
    now = await store.get_endpoint(endpoint.endpoint_id)
    assert now is not None
    assert now.headers == f"new:{endpoint_owner(endpoint.endpoint_id)}:{{}}"
    assert await store.get_endpoint(plain.endpoint_id) == plain
    assert await keys.seal_all() == 0
