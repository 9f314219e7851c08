"""What any store of artifacts promises, on a directory and on an S3 server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.errors import EngineError
from ringback.files.artifacts.contract import ArtifactStore
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.artifacts.names import MEDIA_TYPES, new_name
from ringback.files.artifacts.s3 import S3Artifacts
from ringback.testing import FakeClock
from tests.files.artifacts.artifact_stores import S3Server, s3_server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
HOSTILE = (
    "",
    ".",
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a" * 32,
    "a" * 32 + ".svg",
    "a" * 32 + ".png/../../x",
    "a" * 31 + "/.png",
    "a" * 31 + "\u0660.png",
    "a" * 32 + ".png\n",
    "incoming",
    "a" * 30_000 + ".png",
)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["local", "s3", "s3 with a prefix"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "local":
        return LocalArtifacts(tmp_path / "artifacts")
    server: S3Server = request.getfixturevalue("s3")
    prefix = "studio/results" if "prefix" in request.param else ""
    return S3Artifacts(server.bucket("artifacts", prefix), clock=FakeClock())


async def content_of(artifacts: ArtifactStore, name: str) -> bytes:
    found = await artifacts.find(name)
    assert found is not None
    return b"".join([chunk async for chunk in artifacts.read(found)])


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
async def test_what_is_saved_is_found_whole_under_a_name_nobody_guesses(
    artifacts: ArtifactStore, media_type: str
) -> None:
    names = {await artifacts.save(PNG, media_type=media_type) for _ in range(2)}
    assert len(names) == 2
    for name in names:
        assert len(name.partition(".")[0]) == 32
        found = await artifacts.find(name)
        assert found is not None
        assert (found.name, found.media_type, found.size_bytes) == (name, media_type, len(PNG))
        assert await content_of(artifacts, name) == PNG


async def test_a_file_is_moved_into_the_store(artifacts: ArtifactStore, tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    made.write_bytes(PNG)
    name = await artifacts.save(made, media_type="image/png")
    assert await content_of(artifacts, name) == PNG
    assert not made.exists()


async def test_a_file_of_another_store_keeps_its_name_and_can_come_twice(
    artifacts: ArtifactStore, tmp_path: Path
) -> None:
    name, copied = new_name("image/png"), tmp_path / "copied.png"
    copied.write_bytes(PNG)
    for _ in range(2):
        await artifacts.put(name, copied)
    assert await content_of(artifacts, name) == PNG == copied.read_bytes()


async def test_a_large_file_comes_back_as_it_was(artifacts: ArtifactStore) -> None:
    film = os.urandom(17 << 20)
    name = await artifacts.save(film, media_type="video/mp4")
    assert await content_of(artifacts, name) == film


@pytest.mark.parametrize(("first", "count"), [(0, 1), (7, 100), (0, None), (2000, None), (3, 0)])
async def test_a_part_of_a_file_is_read(
    artifacts: ArtifactStore, first: int, count: int | None
) -> None:
    found = await artifacts.find(await artifacts.save(PNG, media_type="image/png"))
    assert found is not None
    read = b"".join([chunk async for chunk in artifacts.read(found, first=first, count=count)])
    assert read == PNG[first : None if count is None else first + count]


async def test_an_empty_file_is_a_file(artifacts: ArtifactStore) -> None:
    assert await content_of(artifacts, await artifacts.save(b"", media_type="image/png")) == b""


async def test_a_deleted_file_is_gone_and_deleting_it_again_is_well(
    artifacts: ArtifactStore,
) -> None:
    name = await artifacts.save(PNG, media_type="image/png")
    for _ in range(2):
        await artifacts.delete(name)
    assert await artifacts.find(name) is None


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_name_reaches_outside_the_store(artifacts: ArtifactStore, name: str) -> None:
    assert await artifacts.find(name) is None
    await artifacts.delete(name)


async def test_a_file_of_an_unknown_type_is_the_engines_fault(artifacts: ArtifactStore) -> None:
    with pytest.raises(EngineError, match="text/html"):
        await artifacts.save(b"<script>", media_type="text/html")


async def test_a_file_is_found_without_its_suffix_and_no_neighbour_is(
    artifacts: ArtifactStore,
) -> None:
    stem = "ne" + "M" * 30
    for neighbour in ("ne" + "A" * 30, stem[:-1] + "L", stem[:-1] + "N", "ne" + "z" * 30):
        await artifacts.put(f"{neighbour}.png", PNG)
    assert await artifacts.find_by_stem(stem) is None
    for suffix in (".webp", ".bin"):
        await artifacts.put(stem + suffix, PNG)
        found = await artifacts.find_by_stem(stem)
        assert found is not None
        assert found == await artifacts.find(found.name)
        await artifacts.delete(stem + suffix)


@pytest.mark.parametrize("stem", [*HOSTILE[:5], HOSTILE[-1], "a" * 31, "a" * 31 + "*", "inputs--"])
async def test_no_text_but_a_stem_finds_a_file(artifacts: ArtifactStore, stem: str) -> None:
    await artifacts.put("a" * 32 + ".png", PNG)
    assert await artifacts.find_by_stem(stem) is None


async def test_a_store_in_order_has_nothing_to_sweep_and_is_well(artifacts: ArtifactStore) -> None:
    await artifacts.save(PNG, media_type="image/png")
    assert await artifacts.sweep(before_ms=2**43) == 0
    await artifacts.check()
