"""Artifacts in an S3-compatible bucket."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
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

from ringback.clock import Clock
from ringback.errors import ArtifactsUnavailable, SetupError
from ringback.files.artifacts.bucket import Bucket, Credentials
from ringback.files.artifacts.contract import CHUNK_BYTES, ArtifactStore, LinkMethod, StoredArtifact
from ringback.files.artifacts.names import is_stem, media_type_of, new_name, relative_path
from ringback.files.artifacts.uploads import UnfinishedUploads
from ringback.files.media.content import is_shown_inline

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Config

_PART_BYTES = 8 << 20  # larger files are uploaded in parts, each with its own retries
_PARTS_AT_ONCE = 4
_RETRIES_MAX = 4
_RETRY_S = 20
_CONNECT_S = 5
_READ_S = 30
_CHECKED_NAME_BYTES = 12
_CODE = re.compile(r"<Code>\s*([A-Za-z]{1,64})\s*</Code>")
_WITH_BODY = re.compile(r"non-2xx status code: 404[^:\n]*: *[^\s]")
# Error codes of S3 that come with status 400, and the library's words for a status 301.
_OTHER_REGION = ("Received redirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint")
_DENIED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")


class S3Artifacts(ArtifactStore):
    """An ``ArtifactStore`` in one bucket, or under a prefix of it."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        clock: Clock,
        links: bool = False,
        link_s: float = 3600.0,
        ca_file: Path | None = None,
    ) -> None:
        self._bucket = bucket
        self._links = links
        self._link_s = link_s
        self._uploads = UnfinishedUploads(bucket, clock, ca_file=ca_file)
        self._store = S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            endpoint=bucket.endpoint,
            region=bucket.region,
            virtual_hosted_style_request=not bucket.path_style,
            config=_keys(bucket.credentials),
            client_options={
                "allow_http": bucket.is_plain_http,
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "read_timeout": timedelta(seconds=_READ_S),
                **({} if ca_file is None else {"root_certificate": ca_file.read_bytes()}),
            },
            retry_config={
                "max_retries": _RETRIES_MAX,
                "retry_timeout": timedelta(seconds=_RETRY_S),
            },
        )

    async def save(self, content: bytes | Path, *, media_type: str) -> str:
        name = new_name(media_type)
        await self.put(name, content)
        if isinstance(content, Path):
            await asyncio.to_thread(content.unlink, missing_ok=True)
        return name

    async def put(self, name: str, content: bytes | Path) -> None:
        """Store a file under a name, in parts when it is large; incomplete files are invisible."""
        media_type = media_type_of(name)
        assert media_type is not None, name
        attributes: dict[str, str] = {"Content-Type": media_type}
        if not is_shown_inline(media_type):
            # A presigned link leads to the bucket, which then answers as the server does.
            attributes["Content-Disposition"] = f'attachment; filename="{name}"'
        with self._errors_as_unavailable(FileNotFoundError):
            await obstore.put_async(
                self._store,
                relative_path(name),
                content,
                attributes=attributes,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def find(self, name: str) -> StoredArtifact | None:
        media_type = media_type_of(name)
        if media_type is None:
            return None
        path = relative_path(name)
        try:
            with self._errors_as_unavailable():
                found = await obstore.head_async(self._store, path)
        except FileNotFoundError:
            await self._check_bucket(path)
            return None
        return _stored(name, media_type, found)

    async def find_by_stem(self, stem: str) -> StoredArtifact | None:
        """Return the first file of a list that begins at the stem: a HEAD would need the suffix."""
        if not is_stem(stem):
            return None
        path = relative_path(stem)
        with self._errors_as_unavailable(FileNotFoundError):
            folder = path.partition("/")[0]
            async for found in obstore.list(self._store, folder, offset=path, chunk_size=1):
                name = found[0]["path"].rpartition("/")[2]
                media_type = media_type_of(name)
                if media_type is not None and name.startswith(f"{stem}."):
                    return _stored(name, media_type, found[0])
                break
        return None

    async def read(
        self, artifact: StoredArtifact, *, first: int = 0, count: int | None = None
    ) -> AsyncIterator[bytes]:
        last = artifact.size_bytes if count is None else first + count
        if first >= last:
            return
        with self._errors_as_unavailable():
            got = await obstore.get_async(
                self._store, relative_path(artifact.name), options={"range": (first, last)}
            )
            async for chunk in got.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    async def link(self, artifact: StoredArtifact, *, method: LinkMethod = "GET") -> str | None:
        """Return a presigned URL if the settings let clients fetch from the bucket."""
        if not self._links:
            return None
        with self._errors_as_unavailable():
            return await obstore.sign_async(
                self._store, method, relative_path(artifact.name), timedelta(seconds=self._link_s)
            )

    @property
    def link_origin(self) -> str | None:
        """Return the bucket's origin if the settings let clients fetch from it."""
        return self._bucket.origin if self._links else None

    async def delete(self, name: str) -> None:
        if media_type_of(name) is None:
            return
        with suppress(FileNotFoundError), self._errors_as_unavailable():
            await obstore.delete_async(self._store, relative_path(name))

    async def sweep(self, *, before_ms: int) -> int:
        """Abort multipart uploads begun before that time; return how many."""
        return await self._uploads.abort(before_ms=before_ms)

    async def check(self) -> None:
        """Raise ``SetupError`` unless a small file can be written, read and deleted."""
        path = f"check/{secrets.token_hex(_CHECKED_NAME_BYTES)}"
        try:
            await obstore.put_async(self._store, path, b"ringback")
            await (await obstore.get_async(self._store, path)).bytes_async()
            await obstore.delete_async(self._store, path)
        except (BaseError, OSError) as exc:
            raise SetupError(
                f"The bucket {self._bucket.display_name} cannot be used ({_reason(exc)}); check "
                "artifacts_url, artifacts_endpoint and the AWS_ variables."
            ) from exc

    async def _check_bucket(self, path: str) -> None:
        """Raise ``ArtifactsUnavailable`` if the bucket is missing, which HEAD does not tell."""
        with suppress(FileNotFoundError), self._errors_as_unavailable():
            await obstore.get_async(self._store, path, options={"range": (0, 1)})

    @contextmanager
    def _errors_as_unavailable(self, *more: type[Exception]) -> Iterator[None]:
        """Raise ``ArtifactsUnavailable`` for every error of the bucket but a missing file.

        ``more`` are errors that mean the same for this request: a write misses no file.
        """
        try:
            yield
        except (BaseError, OSError) as exc:
            if _is_missing_file(exc) and not isinstance(exc, more):
                raise
            raise ArtifactsUnavailable(
                f"The artifacts' bucket {self._bucket.display_name} does not work ({_reason(exc)})."
            ) from exc


def _stored(name: str, media_type: str, found: ObjectMeta) -> StoredArtifact:
    return StoredArtifact(
        name=name,
        media_type=media_type,
        size_bytes=found["size"],
        saved_at_s=int(found["last_modified"].timestamp()),
    )


def _keys(credentials: Credentials | None) -> S3Config:
    """Return fixed keys in the library's format; without, it gets a role's keys itself."""
    if credentials is None:
        return {}
    keys: S3Config = {
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
    }
    if credentials.session_token is not None:
        keys["session_token"] = credentials.session_token
    return keys


def _is_missing_file(error: Exception) -> bool:
    """Return whether S3 itself says that a file is missing, or an answer without a body does.

    A proxy or a wrong endpoint has a 404 page too, and does not know the bucket's files.
    """
    if not isinstance(error, FileNotFoundError):
        return False
    text = str(error)
    code = _CODE.search(text)
    return _WITH_BODY.search(text) is None if code is None else code[1] == "NoSuchKey"


def _reason(error: Exception) -> str:
    """Return a short reason: the bucket's own message is long, and may contain signed URLs."""
    text = str(error)
    code = _CODE.search(text)
    return _reason_in(error, text) + (f": {code[1]}" if code is not None else "")


def _reason_in(error: Exception, text: str) -> str:
    match error:
        case PermissionDeniedError() | UnauthenticatedError():
            return "access was denied"
        case FileNotFoundError() if "NoSuchBucket" in text:
            return "there is no such bucket"
        case FileNotFoundError() if not _is_missing_file(error):
            return "the answer is not a bucket's"
        case FileNotFoundError():
            return "it was not found"
        case _ if any(code in text for code in _OTHER_REGION):
            return "it is in another region"
        case _ if any(code in text for code in _DENIED):
            return "access was denied"
        case _ if "non-2xx status code: " in text:
            return "it answered " + text.split("non-2xx status code: ", 1)[1].split(":", 1)[0]
        case _ if "credential" in text.lower() or "169.254.169.254" in text:
            return "no credentials were found"
        case _:
            return "it cannot be reached"
