"""A store that does not work now is away: nothing that it was to keep is taken for lost."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ringback.errors import ArtifactsUnavailable
from ringback.files.artifacts.bucket import Bucket, bucket_at
from ringback.files.artifacts.contract import ArtifactStore, StoredArtifact
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.artifacts.names import new_name
from ringback.files.artifacts.s3 import S3Artifacts
from ringback.files.artifacts.watched import WatchedArtifacts
from ringback.testing import FakeClock, FakeReceiver, ReceivedRequest, respond
from tests.files.artifacts.artifact_stores import KEYS, REGION, s3_server

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
NAME = new_name("image/png")
STORED = StoredArtifact(name=NAME, media_type="image/png", size_bytes=len(PNG), saved_at_s=0)


class RefusingS3(FakeReceiver):
    """An S3 server that answers every request by one of S3's errors."""

    def __init__(self, status: int, code: str, *, words: str | None = None) -> None:
        super().__init__()
        self.status = status
        document = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        self.words = document if words is None else words

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        self.requests.append(request)
        body = b"" if request.method == "HEAD" else self.words.encode()
        transport.write(respond(self.status, headers=[("content-type", "text/xml")], body=body))


def refusing(server: FakeReceiver) -> Bucket:
    return bucket_at(
        "s3://b", endpoint=server.url_at(""), region=REGION, path_style=True, environment=KEYS
    )


async def save(artifacts: ArtifactStore) -> None:
    await artifacts.save(PNG, media_type="image/png")


async def find(artifacts: ArtifactStore) -> None:
    await artifacts.find(NAME)


async def read(artifacts: ArtifactStore) -> None:
    async for _ in artifacts.read(STORED):
        pass


async def delete(artifacts: ArtifactStore) -> None:
    await artifacts.delete(NAME)


OPERATIONS = [save, find, read, delete]
Operation = Callable[[ArtifactStore], Awaitable[None]]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "NoSuchBucket", "there is no such bucket"),
        (301, "PermanentRedirect", "it is in another region"),
        (400, "AuthorizationHeaderMalformed", "it is in another region|it answered 400"),
        (400, "IllegalLocationConstraintException", "it is in another region|it answered 400"),
        (403, "AccessDenied", "access was denied"),
        (403, "InvalidAccessKeyId", "access was denied"),
        (403, "SignatureDoesNotMatch", "access was denied"),
        (403, "RequestTimeTooSkewed", "access was denied"),
        (403, "ExpiredToken", "access was denied"),
        (401, "Unauthorized", "access was denied"),
        (400, "ExpiredToken", "access was denied|it answered 400"),
        (400, "InvalidToken", "access was denied|it answered 400"),
        (405, "MethodNotAllowed", "it answered 405"),
        (507, "XMinioStorageFull", "it answered 507"),
    ],
)
async def test_a_bucket_that_refuses_is_away_and_says_why(
    status: int, code: str, reason: str
) -> None:
    async with RefusingS3(status, code) as server:
        artifacts = S3Artifacts(refusing(server), clock=FakeClock())
        for operation in OPERATIONS:
            with pytest.raises(ArtifactsUnavailable, match=reason) as refused:
                await operation(artifacts)
            assert str(refused.value).startswith("The artifacts' bucket s3://b does not work (")
        with pytest.raises(ArtifactsUnavailable, match=rf"{code}\)|it is in another region"):
            await save(artifacts)


@pytest.mark.parametrize(
    "page",
    [
        "<html><h1>404 Not Found</h1><hr>nginx</html>",
        '{"detail": "Not Found"}',
        "404 page not found",
        "<Error><Code>NoSuchWebsiteConfiguration</Code></Error>",
        "<Error><Code>NoSuchHostedZone</Code><Message>NoSuchKey</Message></Error>",
    ],
)
async def test_the_404_page_of_another_server_says_nothing_about_a_file(page: str) -> None:
    """Believed, it would lose finished results: their files would count as deleted."""
    async with RefusingS3(404, "", words=page) as server:
        artifacts = S3Artifacts(refusing(server), clock=FakeClock())
        for operation in OPERATIONS:
            with pytest.raises(ArtifactsUnavailable, match="the answer is not a bucket's"):
                await operation(artifacts)


@pytest.mark.parametrize("words", ["", "<Error><Code>NoSuchKey</Code></Error>"])
async def test_a_file_is_missing_by_s3s_own_word_or_by_an_empty_404(words: str) -> None:
    async with RefusingS3(404, "", words=words) as server:
        artifacts = S3Artifacts(refusing(server), clock=FakeClock())
        assert await artifacts.find(NAME) is None
        await artifacts.delete(NAME)
        with pytest.raises(FileNotFoundError):
            await read(artifacts)


async def test_a_missing_bucket_is_away_at_every_operation_and_back_once_it_is_made() -> None:
    with s3_server() as server:
        artifacts = S3Artifacts(server.at("s3://later"), clock=FakeClock())
        for operation in OPERATIONS:
            with pytest.raises(ArtifactsUnavailable, match="there is no such bucket"):
                await operation(artifacts)
        server.bucket("later")
        await save(artifacts)
        assert await artifacts.find(NAME) is None


async def test_a_missing_file_is_no_missing_bucket() -> None:
    with s3_server() as server:
        artifacts = S3Artifacts(server.bucket("there"), clock=FakeClock())
        assert await artifacts.find(NAME) is None
        await artifacts.delete(NAME)
        with pytest.raises(FileNotFoundError):
            await read(artifacts)


def gone(directory: Path) -> None:
    shutil.rmtree(directory)


def a_file_instead(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_bytes(b"")


@pytest.mark.parametrize(
    ("breaks", "operations"),
    [
        (gone, [find, delete]),
        (a_file_instead, [save, find, read, delete]),
    ],
)
async def test_a_directory_that_is_gone_is_away_and_back_once_it_is_there_again(
    tmp_path: Path, breaks: Callable[[Path], None], operations: list[Operation]
) -> None:
    directory = tmp_path / "artifacts"
    artifacts = LocalArtifacts(directory)
    breaks(directory)
    for operation in operations:
        with pytest.raises(ArtifactsUnavailable, match=r"^The artifacts' directory does not work"):
            await operation(artifacts)
    if directory.is_file():
        directory.unlink()
    LocalArtifacts(directory)  # makes the folders anew
    await save(artifacts)
    assert await artifacts.find(NAME) is None


async def test_a_folder_that_was_removed_is_made_again_by_the_next_write(tmp_path: Path) -> None:
    directory = tmp_path / "artifacts"
    artifacts = LocalArtifacts(directory)
    for removed in (directory / "incoming", directory):
        shutil.rmtree(removed)
        await save(artifacts)
    shutil.rmtree(directory)
    await artifacts.check()
    assert (directory / "incoming").is_dir()


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE])
async def test_a_disk_that_fails_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ArtifactsUnavailable, match=os.strerror(code)):
        await save(artifacts)
    assert not list((tmp_path / "artifacts").rglob("*.png"))


async def is_away(artifacts: WatchedArtifacts) -> bool:
    await artifacts.probe()
    return artifacts.is_away


@pytest.mark.parametrize("inside", ["", "artifacts"])
async def test_a_mount_point_whose_volume_is_gone_is_no_store(tmp_path: Path, inside: str) -> None:
    with TemporaryDirectory(dir="/dev/shm") as volume:
        if os.stat(volume).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("both folders are on one device")
        mount_point = tmp_path / "data"
        mount_point.symlink_to(volume)
        artifacts = WatchedArtifacts(LocalArtifacts(mount_point / inside))
        kept = await artifacts.save(b"x", media_type="image/png")
        mount_point.unlink()
        mount_point.mkdir()  # the empty mount point
        with pytest.raises(ArtifactsUnavailable):
            await artifacts.save(b"y", media_type="image/png")
        assert await is_away(artifacts)
        assert list(mount_point.iterdir()) == []
        mount_point.rmdir()
        mount_point.symlink_to(volume)
        assert not await is_away(artifacts)
        assert await artifacts.find(kept) is not None


async def test_a_watched_store_knows_that_it_is_away_until_a_file_can_be_written_again(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "artifacts"
    artifacts = WatchedArtifacts(LocalArtifacts(directory))
    assert not await is_away(artifacts)
    a_file_instead(directory)
    assert await is_away(artifacts)
    directory.unlink()
    directory.mkdir()
    (directory / "incoming").touch()
    assert await is_away(artifacts)  # it can be read, but not written
    (directory / "incoming").unlink()
    assert not await is_away(artifacts)


class KeepsSecrets(RefusingS3):
    """A bucket whose keys may write and read, and not list: it denies missing files."""

    def _answer(self, request: ReceivedRequest, transport: asyncio.Transport) -> None:
        self.requests.append(request)
        if request.method == "HEAD":
            super()._answer(request, transport)
        else:
            head = [("etag", '"1"'), ("last-modified", "Mon, 30 Nov 2026 00:00:00 GMT")]
            status, body = (204, b"") if request.method == "DELETE" else (200, b"")
            if request.method == "POST":
                body = b"<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>"
            transport.write(respond(status, headers=head, body=body))


async def test_a_bucket_that_may_not_be_listed_is_not_away() -> None:
    async with KeepsSecrets(403, "AccessDenied") as server:
        bucket = bucket_at(
            "s3://b", endpoint=server.url_at(""), region=REGION, path_style=True, environment=KEYS
        )
        artifacts = WatchedArtifacts(S3Artifacts(bucket, clock=FakeClock()))
        assert not await is_away(artifacts)
        assert {request.method for request in server.requests} >= {"HEAD", "PUT", "GET"}


async def test_a_failed_write_is_noted_and_a_good_one_ends_it(tmp_path: Path) -> None:
    directory = tmp_path / "artifacts"
    artifacts = WatchedArtifacts(LocalArtifacts(directory))
    (directory / "incoming").rmdir()
    (directory / "incoming").touch()
    with pytest.raises(ArtifactsUnavailable):
        await save(artifacts)
    assert await is_away(artifacts)
    (directory / "incoming").unlink()
    name = await artifacts.save(PNG, media_type="image/png")
    await artifacts.put(NAME, PNG)
    assert not await is_away(artifacts)
    found = await artifacts.find(name)
    assert found is not None
    chunks: AsyncIterator[bytes] = artifacts.read(found, first=1)
    assert b"".join([chunk async for chunk in chunks]) == PNG[1:]
    assert await artifacts.link(found) is artifacts.link_origin is None
    assert await artifacts.sweep(before_ms=0) == 0
    await artifacts.delete(name)
    assert await artifacts.find(name) is None
