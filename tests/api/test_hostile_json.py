"""Hostile values in JSON bodies: no door answers 5xx, wherever in a body the value is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

import ringback
from ringback.api.openapi import document as openapi
from ringback.catalogue.catalogue import Catalogue
from ringback.wire.nesting import NESTING_MAX, is_too_deep
from tests.api.test_app_routes import a_step, an_app
from tests.world import BASE_URL, FLUX, World

OURS = openapi.describe(Catalogue.load(), version=ringback.__version__, public_url=None)
# Base64 with a line break in it is stored in another spelling, so the input is written anew.
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4\n"
    "z8DwHwAFAAH/q842iQAAAABJRU5ErkJggg=="
)
_SHOWN_MAX = 3
_INTERNAL = "-32603"  # an internal error in JSON-RPC's numbers
HOLE = "a-hole-for-the-hostile-value"


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """The workspace studio's client, which gets an exception as a server's clients do: as 500."""
    transport = httpx2.ASGITransport(app=world.app, raise_app_exceptions=False)
    headers = {"authorization": "Bearer studio"}
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as made:
        yield made


def lists(levels: int) -> str:
    return "[" * levels + "]" * levels


def objects(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


HOSTILE = {
    **{f"{levels} lists": lists(levels) for levels in (90, 101, 250, 600, 900, 980, 20_000)},
    **{f"{levels} objects": objects(levels) for levels in (90, 101, 250, 600, 900, 980, 20_000)},
    "a number of 5000 digits": "9" * 5000,
    "a fraction of 5000 digits": "0." + "1" * 5000,
    "beyond 64 bits": "18446744073709551616",
    "the least of 64 bits": "-9223372036854775808",
    "the greatest double": "1.7976931348623157e308",
    "beyond doubles": "1e999",
    "less than any double": "1e-999",
    "minus zero": "-0.0",
    "NaN": "NaN",
    "minus infinity": "-Infinity",
    "the same name twice": '{"a": 1, "a": []}',
    "an empty name": '{"": ""}',
    "half of a surrogate pair": '"\\ud800"',
    "a name of half a pair": '{"\\udfff": 1}',
    "NUL": '"\\u0000"',
    "no character": '"\\uffff"',
    "a year too early": '"0000-01-01T00:00:00Z"',
    "a year too late": '"9999-12-31T23:59:59-23:59"',
    "an empty data URI": '"data:"',
    "a long text": json.dumps("x" * 5000),
    "many": "[" + "null," * 5000 + "null]",
    "true": "true",
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = OURS["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the method, the path and a good body of every operation that takes JSON.

    The models' routes are one door: its bodies are written below.
    """
    for path, methods in OURS["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/generate/") or not isinstance(operation, dict):
                continue
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                names = dict.fromkeys(resolved(content["schema"]).get("properties", {}))
                yield method, path, content.get("example") or names


def with_a_hole(value: Any) -> Iterator[Any]:
    """Yield the value with a hole in place of each part of it, and beside each member."""
    yield HOLE
    if isinstance(value, dict):
        yield {**value, "unknown": HOLE}
        for name, inner in value.items():
            yield from ({**value, name: one} for one in with_a_hole(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], one, *value[index + 1 :]] for one in with_a_hole(inner))


def filled(body: Any, hostile: str) -> bytes:
    return json.dumps(body).replace(json.dumps(HOLE), hostile).encode()


async def server_errors(
    client: httpx2.AsyncClient, method: str, path: str, good: Any, **headers: str
) -> Counter[str]:
    """Return how often a hostile body was answered 5xx, by its name; a few are enough."""
    found: Counter[str] = Counter()
    for body in with_a_hole(good):
        for name, hostile in HOSTILE.items():
            if found.total() == _SHOWN_MAX:
                return found
            content = filled(body, hostile)
            answer = await client.request(method, path, content=content, headers=headers)
            if answer.status_code >= 500 or _INTERNAL in answer.text:
                found[name] += 1
    return found


@pytest.mark.parametrize(
    "good",
    [
        {"prompt": "a fox", "imageUrl": PICTURE, "image_style_references": []},
        {
            "prompt": "a fox",
            "image_url": PICTURE,
            "image_style_references": [{"url": "https://a.example/x.png", "strength": 1}],
            "styles": [],
        },
    ],
)
async def test_no_submission_with_a_hostile_value_is_a_servers_error(
    client: httpx2.AsyncClient, good: dict[str, Any]
) -> None:
    assert (await client.post(FLUX, json=good)).status_code == 200
    assert await server_errors(client, "POST", FLUX, good) == {}


async def test_no_other_json_body_is_a_servers_error(client: httpx2.AsyncClient) -> None:
    app = (await client.post("/node-apps", json=an_app())).json()["version_id"]
    endpoint = {"url": "https://shop.example/w", "events": ["job.completed"]}
    made = (await client.post("/webhooks/endpoints", json=endpoint)).json()["endpoint_id"]
    found = {}
    for method, path, good in operations():
        filled_path = path.replace("{id}", app if path.startswith("/node-apps") else made)
        path = filled_path.replace("{name}", "laptop")
        found[f"{method} {path}"] = await server_errors(client, method.upper(), path, good)
    assert len(found) > 10
    steps = {"one": a_step(styles=[{"id": "ink", "strength": 1}])}
    found["an app"] = await server_errors(client, "POST", "/node-apps", an_app(steps=steps))
    assert {door: errors for door, errors in found.items() if errors} == {}


async def test_no_call_of_a_tool_is_a_servers_error(client: httpx2.AsyncClient) -> None:
    arguments = {"prompt": "a fox", "wait_s": 0, "input": {"image_url": PICTURE, "styles": []}}
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "generate_image", "arguments": arguments},
    }
    good = await client.post("/mcp", json=call, headers={"accept": "application/json"})
    assert '"isError":false' in good.text
    assert await server_errors(client, "POST", "/mcp", call, accept="application/json") == {}


@pytest.mark.parametrize("written", [lists, objects])
def test_the_bound_of_levels_is_exact(written: Any) -> None:
    assert not is_too_deep(json.loads(written(NESTING_MAX)))
    assert is_too_deep(json.loads(written(NESTING_MAX + 1)))
    assert is_too_deep([1, [json.loads(written(NESTING_MAX))]])
