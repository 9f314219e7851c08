"""Ed25519 beside the secret, and the public keys for everybody."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

import httpx2
import pytest

from ringback.signing.rotation import endpoint_owner, workspace_owner
from tests.builders import a_key
from tests.world import WEBHOOK_URL, World

JWKS = "/.well-known/webhooks-jwks.json"
RAW = bytes(range(32))
PUBLIC = f"whpk_{b64encode(RAW).decode()}"
OTHER = f"whpk_{b64encode(RAW[::-1]).decode()}"


async def an_endpoint_id(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/webhooks/endpoints", json={"url": WEBHOOK_URL})
    return str(answer.json()["endpoint_id"])


async def test_the_public_keys_are_a_json_web_key_set_for_everybody(world: World) -> None:
    await world.store.add_key(
        workspace_owner("studio"), a_key(kind="v1a", public=PUBLIC), retire_others_at_ms=None
    )
    async with world.client(None) as anybody:
        answer = await anybody.get(JWKS, params={"workspace": "studio"})
    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert urlsafe_b64decode(key["x"] + "=") == RAW
    thumbprint = hashlib.sha256(
        json.dumps({n: key[n] for n in ("crv", "kty", "x")}, separators=(",", ":")).encode()
    ).digest()
    assert key == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": key["x"],
        "use": "sig",
        "alg": "EdDSA",
        "kid": urlsafe_b64encode(thumbprint).rstrip(b"=").decode(),
    }


async def test_the_set_can_be_of_one_endpoint_alone(
    world: World, client: httpx2.AsyncClient
) -> None:
    endpoint_id = await an_endpoint_id(client)
    for owner, public in ((endpoint_owner(endpoint_id), PUBLIC), (workspace_owner("x"), OTHER)):
        await world.store.add_key(owner, a_key(kind="v1a", public=public), retire_others_at_ms=None)
    for nobodys in ({}, {"endpoint": endpoint_id, "workspace": "x"}):
        assert (await client.get(JWKS, params=nobodys)).status_code == 400
    (key,) = (await client.get(JWKS, params={"endpoint": endpoint_id})).json()["keys"]
    assert urlsafe_b64decode(key["x"] + "=") == RAW
    assert (await client.get(JWKS, params={"endpoint": "x"})).json() == {"keys": []}


async def test_a_retired_key_leaves_the_set(world: World, client: httpx2.AsyncClient) -> None:
    endpoint_id = await an_endpoint_id(client)
    owner = endpoint_owner(endpoint_id)
    await world.store.add_key(owner, a_key(kind="v1a", public=PUBLIC), retire_others_at_ms=None)
    document = (await client.get(f"/webhooks/endpoints/{endpoint_id}")).json()
    assert document["public_keys"] == [PUBLIC]
    (key,) = (await client.get(f"/webhooks/endpoints/{endpoint_id}/keys")).json()["items"]
    assert (key["kind"], key["public_key"], key["signs_until"]) == ("v1a", PUBLIC, None)
    query = {"endpoint": endpoint_id}
    assert len((await client.get(JWKS, params=query)).json()["keys"]) == 1
    answer = await client.delete(f"/webhooks/endpoints/{endpoint_id}/keys")
    assert answer.status_code == 200
    world.clock.advance(1)
    assert (await client.get(JWKS, params=query)).json() == {"keys": []}
    assert len(await world.keys.secrets_of(owner)) == 1  # the secret signs on


@pytest.mark.parametrize("of", ["endpoint", "workspace"])
async def test_enabling_ed25519_shows_the_public_key_and_puts_it_into_the_set(
    client: httpx2.AsyncClient, of: str
) -> None:
    path, query = "/webhooks/keys", {"workspace": "studio"}
    if of == "endpoint":
        query = {"endpoint": await an_endpoint_id(client)}
        path = f"/webhooks/endpoints/{query['endpoint']}/keys"
    answer = await client.post(path, json={"kind": "v1a"})
    assert answer.status_code == 201
    key = answer.json()
    assert key["public_key"].startswith("whpk_")
    assert "whsk_" not in answer.text
    assert (await client.get(path)).json() == {"items": [key]}
    (shown,) = (await client.get(JWKS, params=query)).json()["keys"]
    assert b64encode(urlsafe_b64decode(shown["x"] + "=")).decode() == key["public_key"][5:]


async def test_a_second_key_lets_the_first_retire_after_the_overlap(
    world: World, client: httpx2.AsyncClient
) -> None:
    for expected in (1, 2):
        await client.post("/webhooks/keys", json={"kind": "v1a", "overlap_s": 60})
        assert len((await client.get("/webhooks/keys")).json()["items"]) == expected
        world.clock.advance(1)
    world.clock.advance(60)
    assert len((await client.get("/webhooks/keys")).json()["items"]) == 1


async def test_only_ed25519_can_be_added(client: httpx2.AsyncClient) -> None:
    for body, path in (({}, "/kind"), ({"kind": "v1"}, "/kind"), ({"kind": "v1a", "x": 1}, "/x")):
        answer = await client.post("/webhooks/keys", json=body)
        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == path
