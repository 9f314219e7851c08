"""Artifacts in an S3-compatible bucket."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from ringback.artifacts.bucket import Bucket, Credentials
from ringback.artifacts.contract import CHUNK_BYTES, StoredArtifact
from ringback.artifacts.names import media_type_of, new_name, place_of
from ringback.artifacts.uploads import UnfinishedUploads
from ringback.clock import Clock
from ringback.errors import ArtifactsAway, SetupError

if TYPE_CHECKING:
    from obstore.store import S3Config

_PART_BYTES = 8 << 20  # larger files go up in such parts, each of which is tried again by itself
_PARTS_AT_ONCE = 4
_RETRIES_MAX = 4
_RETRY_S = 20
_CONNECT_S = 5
_READ_S = 30
_CHECKED_NAME_BYTES = 12


class S3Artifacts:
    """An ``ArtifactStore`` in one bucket, or under one prefix of it."""

    def __init__(
        self, bucket: Bucket, *, clock: Clock, links: bool = False, link_s: float = 3600.0
    ) -> None:
        self._bucket = bucket
        self._links = links
        self._link_s = link_s
        self._uploads = UnfinishedUploads(bucket, clock)
        self._store = S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            endpoint=bucket.endpoint,
            region=bucket.region,
            virtual_hosted_style_request=not bucket.path_style,
            config=_keys(bucket.credentials),
            client_options={
                "allow_http": bucket.speaks_plain_http,
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "read_timeout": timedelta(seconds=_READ_S),
            },
            retry_config={
                "max_retries": _RETRIES_MAX,
                "retry_timeout": timedelta(seconds=_RETRY_S),
            },
        )

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        """Keep a file durably and return its name, or raise ``ArtifactsAway``."""
        name = new_name(media_type)
        await self.put(name, content)
        if isinstance(content, Path):
            await asyncio.to_thread(content.unlink, missing_ok=True)
        return name

    async def put(self, name: str, content: bytes | Path) -> None:
        """Keep a file under a name, in parts when it is large; nobody sees a part of it."""
        media_type = media_type_of(name)
        assert media_type is not None, name
        with self._reached():
            await obstore.put_async(
                self._store,
                place_of(name),
                content,
                attributes={"Content-Type": media_type},
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def find(self, name: str) -> StoredArtifact | None:
        """Return the file of that name, or None."""
        media_type = media_type_of(name)
        if media_type is None:
            return None
        try:
            with self._reached():
                found = await obstore.head_async(self._store, place_of(name))
        except FileNotFoundError:
            return None
        return StoredArtifact(name=name, media_type=media_type, size_bytes=found["size"])

    async def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield so many of its bytes from the given one on."""
        last = artifact.size_bytes if count is None else first + count
        if first >= last:
            return
        with self._reached():
            got = await obstore.get_async(
                self._store, place_of(artifact.name), options={"range": (first, last)}
            )
            async for chunk in got.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def link(self, artifact: StoredArtifact) -> str | None:
        """Return a presigned URL if the settings have clients fetch from the bucket itself."""
        if not self._links:
            return None
        with self._reached():
            return await obstore.sign_async(
                self._store, "GET", place_of(artifact.name), timedelta(seconds=self._link_s)
            )

    @property
    def link_origin(self) -> str | None:
        """Return the bucket's origin if the settings have clients fetch from it."""
        return self._bucket.origin if self._links else None

    async def delete(self, name: str) -> None:
        """Delete the file of that name, if there is one."""
        if media_type_of(name) is None:
            return
        with self._reached():
            try:
                await obstore.delete_async(self._store, place_of(name))
            except FileNotFoundError:
                return

    async def sweep(self, *, before_ms: int) -> int:
        """Abort uploads in parts that were begun before then; return how many."""
        return await self._uploads.abort(before_ms=before_ms)

    async def check(self) -> None:
        """Raise ``SetupError`` unless a small file can be written there, read and deleted."""
        path = f"check/{secrets.token_hex(_CHECKED_NAME_BYTES)}"
        try:
            await obstore.put_async(self._store, path, b"ringback")
            await (await obstore.get_async(self._store, path)).bytes_async()
            await obstore.delete_async(self._store, path)
        except (BaseError, OSError) as exc:
            raise SetupError(
                f"The bucket {self._bucket.shown} cannot be used ({_told(exc)}); check "
                "artifacts_url, artifacts_endpoint and the AWS_ variables."
            ) from exc

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Let every failure to reach the bucket have one name."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as exc:
            raise ArtifactsAway(
                f"The artifacts' bucket {self._bucket.shown} does not answer as it should "
                f"({_told(exc)})."
            ) from exc


def _keys(credentials: Credentials | None) -> S3Config:
    """Return fixed keys as the library has them; without, it looks for a role's by itself."""
    if credentials is None:
        return {}
    keys: S3Config = {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
    }
    if credentials.session_token is not None:
        keys["session_token"] = credentials.session_token
    return keys


def _told(error: Exception) -> str:
    """Return why, in a few words: what the bucket said is long, and may hold signed URLs."""
    text = str(error)
    match error:
        case PermissionDeniedError() | UnauthenticatedError():
            return "access was denied"
        case FileNotFoundError() if "NoSuchBucket" in text:
            return "there is no such bucket"
        case FileNotFoundError():
            return "it was not found"
        case _ if "non-2xx status code: " in text:
            return "it answered " + text.split("non-2xx status code: ", 1)[1].split(":", 1)[0]
        case _ if "credential" in text.lower() or "169.254.169.254" in text:
            return "no credentials were found"
        case _:
            return "it cannot be reached"
