"""Assets: uploaded, referred to, listed, used and deleted, by one workspace alone."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import (
    BodyTooLarge,
    InvalidRequest,
    StorageFull,
    StorageUnavailable,
    TooManyUploads,
)
from ringback.files.assets.model import Asset
from ringback.files.media.content import MediaType
from ringback.files.media.parsing import INPUTS
from ringback.http.multipart import FileForm, safe_filename
from ringback.http.uploads import UPLOADS_MAX, Uploads
from ringback.service.assets import FILE_BYTES_MAX
from tests import media_files as files
from tests.world import FLUX, World, a_world

PAST_ALL = FILE_BYTES_MAX + 65_536


async def upload(
    client: httpx2.AsyncClient, content: bytes, *, name: str = "fox.bin", **fields: str
) -> httpx2.Response:
    """Send a file as a form does."""
    return await client.post("/assets", files={"file": (name, content)}, data=fields)


def left_in(world: World) -> list[Path]:
    """Return the files in the folder of uploads."""
    return list((world.settings.data / "uploads").iterdir())


def kept_in(world: World) -> list[Path]:
    """Every file that is kept."""
    return [path for path in (world.settings.data / "artifacts").rglob("*") if path.is_file()]


@pytest.mark.parametrize("media_type", sorted(INPUTS))
async def test_a_file_of_each_type_is_accepted_under_any_name(
    world: World, client: httpx2.AsyncClient, media_type: MediaType
) -> None:
    answer = await upload(client, files.FILES[media_type], name="page.html")
    assert answer.status_code == 200, answer.text
    asset = answer.json()
    assert asset["mime_type"] == media_type
    async with world.client(token=None) as anybody:
        served = await anybody.get(asset["image_url"])
    assert served.headers["content-type"] == media_type
    assert served.headers["x-content-type-options"] == "nosniff"
    policy = served.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "sandbox" in policy
    assert "script" not in policy
    assert len(served.content) == asset["size_bytes"]
    assert files.MAKER not in served.content
    assert left_in(world) == []


async def test_an_asset_is_shown_as_the_contract_has_it(client: httpx2.AsyncClient) -> None:
    content = files.jpeg(orientation=6)
    made = (await upload(client, content, name="../fox.jpg", description="a fox")).json()
    assert made["metadata"] == {"filename": "fox.jpg", "frames": 1}
    assert (made["width"], made["height"]) == (48, 64)
    assert made["description"] == "a fox"
    assert made["uploaded_at"].endswith("Z")
    assert (await client.get(f"/assets/{made['id']}")).json() == made
    assert (await client.get("/assets")).json() == {"items": [made], "next_cursor": None}


async def test_a_video_tells_its_size_and_its_duration(client: httpx2.AsyncClient) -> None:
    made = (await upload(client, files.movie())).json()
    assert (made["width"], made["height"]) == (1280, 720)
    assert made["metadata"]["duration_s"] == 2.5


async def test_a_range_of_a_video_is_served(client: httpx2.AsyncClient) -> None:
    made = (await upload(client, files.movie())).json()
    part = await client.get(made["image_url"], headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


async def test_assets_are_listed_newest_first_page_by_page(client: httpx2.AsyncClient) -> None:
    made = [(await upload(client, files.wav())).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get("/assets", params={"limit": 2, **cursor})).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made[::-1]


async def test_a_deleted_asset_is_gone_with_its_file(
    world: World, client: httpx2.AsyncClient
) -> None:
    made = (await upload(client, files.png())).json()
    answer = await client.delete(f"/assets/{made['id']}")
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert (await client.get(made["image_url"])).status_code == 404
    assert (await client.get(f"/assets/{made['id']}")).status_code == 404
    again = await client.delete(f"/assets/{made['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "asset_not_found")
    assert kept_in(world) == []


async def test_another_workspace_sees_uses_and_deletes_nothing(
    client: httpx2.AsyncClient, rival: httpx2.AsyncClient
) -> None:
    made = (await upload(client, files.png())).json()
    assert (await rival.get(f"/assets/{made['id']}")).status_code == 404
    assert (await rival.delete(f"/assets/{made['id']}")).status_code == 404
    assert (await rival.get("/assets")).json()["items"] == []
    answer = await rival.post(FLUX, json={"prompt": "a fox", "image_url": made["image_url"]})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == "/image_url"
    answer = await rival.post("/assets", json={"url": made["image_url"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_media")
    assert (await client.get(f"/assets/{made['id']}")).json() == made


async def test_an_asset_is_an_input_of_its_own_workspace(client: httpx2.AsyncClient) -> None:
    made = (await upload(client, files.png())).json()
    answer = await client.post(FLUX, json={"prompt": "a fox", "image_url": made["image_url"]})
    assert answer.status_code == 200


async def test_without_a_token_nothing_is_received(world: World) -> None:
    async with world.client(token=None) as nobody:
        assert (await upload(nobody, files.png())).status_code == 401
        assert (await nobody.get("/assets")).status_code == 401


async def test_a_file_is_taken_by_its_url(world: World, client: httpx2.AsyncClient) -> None:
    world.behind["https://pictures.example/a/fox.png?size=2"] = files.png()
    body = {"url": "https://pictures.example/a/fox.png?size=2", "description": "a fox"}
    made = (await client.post("/assets", json=body)).json()
    assert made["mime_type"] == "image/png"
    assert made["metadata"]["filename"] == "fox.png"
    assert made["description"] == "a fox"


async def test_a_file_is_taken_out_of_a_data_url_and_out_of_a_result(
    world: World, client: httpx2.AsyncClient
) -> None:
    data = base64.b64encode(files.png()).decode()
    made = await client.post("/assets", json={"url": f"data:image/png;base64,{data}"})
    assert made.json()["mime_type"] == "image/png"
    name = await world.artifacts.save(files.webp(), media_type="image/webp")
    made = await client.post("/assets", json={"url": f"http://127.0.0.1:7464/artifacts/{name}"})
    assert made.json()["mime_type"] == "image/webp"


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"url": "http://127.0.0.1:9/x.png"}, "blocked_target", "/url"),
        ({"url": "https://169.254.169.254/x"}, "blocked_target", "/url"),
        ({"url": "https://pictures.example/gone.png"}, "invalid_media", "/url"),
        ({"url": 7}, "invalid_request", "/url"),
        ({}, "invalid_request", "/url"),
        ({"url": "https://x.example/", "name": 1}, "invalid_request", "/name"),
        (
            {"url": "https://x.example/", "description": "x" * 5000},
            "invalid_request",
            "/description",
        ),
    ],
)
async def test_a_reference_that_cannot_be_followed_is_refused_by_name(
    client: httpx2.AsyncClient, body: dict[str, Any], code: str, path: str
) -> None:
    answer = await client.post("/assets", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert path in [detail["path"] for detail in answer.json()["details"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<script>alert(1)</script>", "type is not supported"),
        (files.jpeg()[:400], "cut short"),
        (files.png()[:33] + files.png()[-12:], "has no image"),
    ],
)
async def test_a_file_that_is_none_is_refused_and_leaves_nothing(
    world: World, client: httpx2.AsyncClient, content: bytes, words: str
) -> None:
    answer = await upload(client, content, name="fox.png")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_media")
    assert words in answer.json()["error"]
    assert left_in(world) == kept_in(world) == []


async def test_a_picture_whose_pixels_are_broken_is_refused(
    world: World, client: httpx2.AsyncClient
) -> None:
    content = bytearray(files.png())
    position = content.index(b"IDAT") + 20
    content[position] ^= 0xFF
    answer = await upload(client, bytes(content))
    assert answer.status_code == 400
    assert "cannot be decoded" in answer.json()["error"]
    assert left_in(world) == kept_in(world) == []


async def test_a_page_behind_a_picture_is_not_kept(client: httpx2.AsyncClient) -> None:
    page = b"<script>alert(document.domain)</script>"
    made = (await upload(client, files.jpeg() + page, name="page.html")).json()
    assert page not in (await client.get(made["image_url"])).content


async def endless(count: int) -> AsyncIterator[bytes]:
    """A form with a file of that many bytes."""
    yield (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + files.START_OF_JPEG
    )
    for at in range(0, count, 1 << 20):
        yield bytes(min(1 << 20, count - at))
    yield b"\r\n--b--\r\n"


async def test_one_byte_too_many_is_refused_while_it_comes(
    world: World, client: httpx2.AsyncClient
) -> None:
    over = FILE_BYTES_MAX + 1 - len(files.START_OF_JPEG)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = await client.post("/assets", content=endless(over), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert left_in(world) == []


async def test_a_body_that_admits_to_be_too_large_is_refused_unread(
    client: httpx2.AsyncClient,
) -> None:
    async def unread() -> AsyncIterator[bytes]:
        yield read[0]

    read: list[bytes] = []
    headers = {
        "content-type": "multipart/form-data; boundary=b",
        "content-length": str(PAST_ALL + 1),
    }
    answer = await client.post("/assets", content=unread(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content_type", "body", "status", "words"),
    [
        ("multipart/form-data", b"", 400, "names no boundary"),
        ("multipart/form-data; boundary=" + "b" * 300, b"", 400, "boundary"),
        ("multipart/form-data; boundary=b", b"", 400, "last boundary"),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400, "last boundary|no file"),
        ("multipart/form-data; boundary=b", b"nonsense", 400, "not multipart"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n", 400, "last boundary"),
        ("application/x-www-form-urlencoded", b"file=x", 415, "as multipart/form-data"),
        ("image/png", files.png(), 415, "as multipart/form-data"),
        ("", b"", 415, "as multipart/form-data"),
    ],
)
async def test_a_body_that_is_no_form_is_refused_in_a_sentence(
    client: httpx2.AsyncClient, content_type: str, body: bytes, status: int, words: str
) -> None:
    answer = await client.post("/assets", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert any(part in answer.json()["error"] for part in words.split("|"))


async def test_a_form_has_one_file_and_short_fields(client: httpx2.AsyncClient) -> None:
    both = [("file", ("a", files.png())), ("file", ("b", files.png()))]
    assert (await client.post("/assets", files=both)).status_code == 400
    long = await upload(client, files.png(), description="x" * 5000)
    assert "at most 4096 bytes" in long.json()["error"]
    many = {f"field{number}": "x" for number in range(30)}
    assert "more than 20 fields" in (await upload(client, files.png(), **many)).json()["error"]


@pytest.mark.parametrize("name", ["image", "File", "files", "files[]", "image[]", ""])
@pytest.mark.parametrize("size", [100, 20_000])
async def test_a_file_in_another_field_is_named_in_the_refusal(
    client: httpx2.AsyncClient, name: str, size: int
) -> None:
    file = (name, ("r.bin", bytes(size)))
    answer = await client.post("/assets", files=[file])
    assert answer.status_code == 400
    named = f"the field `{name}`" if name else "without a name"
    assert named in answer.json()["error"]
    assert "send the file as the field `file`" in answer.json()["error"]
    assert [detail["path"] for detail in answer.json()["details"]] == ["/file"]


async def test_fields_that_nobody_reads_are_passed_over(client: httpx2.AsyncClient) -> None:
    fields = {"note": "x" * 20_000}
    files_sent = [("preview", ("a", bytes(20_000))), ("file", ("b.png", files.png()))]
    answer = await client.post("/assets", files=files_sent, data=fields)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (b"../../etc/passwd", "passwd"),
        (b"C:\\Users\\fox\\fox.png", "fox.png"),
        (b"a\r\nSet-Cookie: x", "a__Set-Cookie_ x"),
        (b"a\x00b.png", "a_b.png"),
        (b"f\xff\xfex.png", "f__x.png"),
        ("füchsin 狐.png".encode(), "füchsin 狐.png"),
        (b"..", None),
        (b"/", None),
        (b"x" * 900, "x" * 255),
        (b'<img src="x">', "_img src=_x__"),
    ],
)
def test_of_a_name_a_name_is_left(sent: bytes, name: str | None) -> None:
    assert safe_filename(sent) == name


@given(st.binary(max_size=400), st.integers(1, 40))
def test_any_form_is_read_or_refused(body: bytes, step: int) -> None:
    form = FileForm(b"multipart/form-data; boundary=b", bytes_max=100)
    whole = b'--b\r\nContent-Disposition: form-data; name="file"\r\n' + body
    with suppress(InvalidRequest, BodyTooLarge):
        for at in range(0, len(whole), step):
            form.feed(whole[at : at + step])
        form.finish()
    assert sum(map(len, form.pending)) <= 100


async def test_an_idempotency_key_makes_one_asset(client: httpx2.AsyncClient, world: World) -> None:
    client.headers["idempotency-key"] = "upload-7"
    first = await upload(client, files.png())
    second = await upload(client, files.png())
    assert first.json() == second.json()
    assert len(kept_in(world)) == 1
    other = await upload(client, files.jpeg())
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len(kept_in(world)) == 1


async def test_an_asset_whose_commit_was_not_answered_keeps_its_file(
    world: World, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = world.store.add_asset

    async def unanswered(asset: Asset, *, bytes_max: int) -> Asset:
        await whole(asset, bytes_max=bytes_max)
        raise StorageUnavailable("The database cannot be reached; try again soon.")

    monkeypatch.setattr(world.store, "add_asset", unanswered)
    assert (await upload(client, files.jpeg())).status_code == 503
    monkeypatch.undo()
    (asset,) = (await client.get("/assets")).json()["items"]
    assert (await client.get(asset["image_url"])).status_code == 200


async def test_a_workspace_has_room_for_so_many_bytes(tmp_path: Path) -> None:
    async with a_world(tmp_path, assets_bytes_max=9_000) as world, world.client() as client:
        first = await upload(client, files.wav())
        assert first.status_code == 200
        refused = await upload(client, files.wav())
        assert (refused.status_code, refused.json()["code"]) == (409, "assets_full")
        assert len(kept_in(world)) == 1
        async with world.client("rival") as rival:
            assert (await upload(rival, files.wav())).status_code == 200
        await client.delete(f"/assets/{first.json()['id']}")
        assert (await upload(client, files.wav())).status_code == 200


async def test_a_nearly_full_disk_takes_no_files(world: World, client: httpx2.AsyncClient) -> None:
    def full() -> None:
        raise StorageFull("The disk is nearly full.")

    world.serve_with(room_for_work=full)
    assert (await upload(client, files.png())).status_code == 507


async def test_a_stopping_server_takes_no_files(world: World, client: httpx2.AsyncClient) -> None:
    world.service.drain()
    assert (await upload(client, files.png())).status_code == 503


async def test_a_workspace_sends_so_many_files_at_once(world: World) -> None:
    uploads = Uploads(world.assets, world.incoming, lambda: None)
    held = [uploads.slot("studio") for _ in range(UPLOADS_MAX)]
    for one in held:
        await one.__aenter__()
    with pytest.raises(TooManyUploads):
        await uploads.slot("studio").__aenter__()
    async with uploads.slot("rival"):
        pass
    await held[0].__aexit__(None, None, None)
    async with uploads.slot("studio"):
        pass
    for one in held[1:]:
        await one.__aexit__(None, None, None)
