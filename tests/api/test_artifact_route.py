from __future__ import annotations

import httpx2
import pytest

from ringback.files.artifacts.names import MEDIA_TYPES
from tests.world import World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


async def test_an_artifact_needs_only_its_name_and_cannot_run_scripts(world: World) -> None:
    name = await world.artifacts.save(PNG, media_type="image/png")
    async with world.client(token=None) as client:
        answer = await client.get(f"/artifacts/{name}")
    assert answer.status_code == 200
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    # A cache that many share would go on serving what was deleted.
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["content-disposition"].startswith("inline")


@pytest.mark.parametrize("media_type", sorted(MEDIA_TYPES))
async def test_only_pixels_film_and_sound_are_shown_inline(world: World, media_type: str) -> None:
    content = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    name = await world.artifacts.save(content, media_type=media_type)
    async with world.client(token=None) as client:
        answer = await client.get(f"/artifacts/{name}")
    kind = media_type.partition("/")[0]
    is_inert = kind in ("image", "video", "audio") and media_type != "image/svg+xml"
    shown = "inline" if is_inert else "attachment"
    assert answer.headers["content-disposition"] == f'{shown}; filename="{name}"'
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("media_type", ["video/mp4", "audio/wav"])
async def test_a_clip_may_be_played_and_nothing_else(world: World, media_type: str) -> None:
    name = await world.artifacts.save(b"\0" * 64, media_type=media_type)
    async with world.client(token=None) as client:
        answer = await client.get(f"/artifacts/{name}", headers={"range": "bytes=0-7"})
    assert (answer.status_code, answer.headers["content-type"]) == (206, media_type)
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; media-src 'self'; sandbox allow-same-origin"


async def test_the_head_of_an_artifact_has_its_size_and_no_body(
    world: World, client: httpx2.AsyncClient
) -> None:
    name = await world.artifacts.save(PNG, media_type="image/png")
    answer = await client.head(f"/artifacts/{name}")
    assert answer.headers["content-length"] == str(len(PNG))
    assert answer.content == b""


@pytest.mark.parametrize(
    ("requested", "status", "body"),
    [
        ("bytes=0-7", 206, PNG[:8]),
        ("bytes=2000-", 206, PNG[2000:]),
        ("bytes=-5", 206, PNG[-5:]),
        ("bytes=7-0", 200, PNG),
        ("bytes=0-1,3-4", 200, PNG),
        ("bytes=" + "0-," * 900, 200, PNG),
        ("bananas=1-2", 200, PNG),
        ("bytes=\u00b2-", 200, PNG),
        ("-", 200, PNG),
    ],
)
async def test_one_range_is_served_and_a_malformed_one_is_ignored(
    world: World, client: httpx2.AsyncClient, requested: str, status: int, body: bytes
) -> None:
    name = await world.artifacts.save(PNG, media_type="image/png")
    answer = await client.get(
        f"/artifacts/{name}", headers=[(b"range", requested.encode("latin-1"))]
    )
    assert (answer.status_code, answer.content) == (status, body)


@pytest.mark.parametrize("requested", ["bytes=99999-", "bytes=-0"])
async def test_a_range_beyond_the_file_is_refused_in_the_contracts_shape(
    world: World, client: httpx2.AsyncClient, requested: str
) -> None:
    name = await world.artifacts.save(PNG, media_type="image/png")
    answer = await client.get(f"/artifacts/{name}", headers={"range": requested})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(PNG)}"
    assert answer.json()["code"] == "range_not_satisfiable"
    assert str(len(PNG)) in answer.json()["error"]
    # RFC 9110, section 14.2: ranges are those of GET alone.
    head = await client.head(f"/artifacts/{name}", headers={"range": requested})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(PNG)))


async def test_conditions_are_answered_for_get_and_head(
    world: World, client: httpx2.AsyncClient
) -> None:
    name = await world.artifacts.save(PNG, media_type="image/png")
    path = f"/artifacts/{name}"
    whole = await client.get(path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for request in (client.get, client.head):
        for condition in ({"if-none-match": f'"a", W/{tag}'}, {"if-modified-since": date}):
            known = await request(path, headers=condition)
            assert (known.status_code, known.headers["etag"]) == (304, tag)
        refused = await request(path, headers={"if-match": '"a"'})
        assert refused.status_code == 412
    part = {"range": "bytes=0-7"}
    assert (await client.get(path, headers={**part, "if-range": tag})).content == PNG[:8]
    assert (await client.get(path, headers={**part, "if-range": f"W/{tag}"})).content == PNG
    assert (await client.get(path, headers={**part, "if-match": '"a"'})).json()["code"] == (
        "precondition_failed"
    )
