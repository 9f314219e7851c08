"""Uploads in parts that a killed process left unfinished: found and aborted.

They are kept, and charged for, until somebody aborts them, and the library that uploads cannot list
them. With keys that are not fixed (a role's), they are left to a lifecycle rule of the bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote
from xml.etree import ElementTree

import httpx2
from msgspec import Struct

from ringback.artifacts.bucket import Bucket
from ringback.artifacts.signature import query_of, signed_headers
from ringback.clock import Clock, moment, to_ms
from ringback.errors import ArtifactsAway

_TIMEOUT_S = 20.0
_PAGES_MAX = 20


class Upload(Struct, frozen=True, kw_only=True):
    """An upload that was begun and has not ended."""

    key: str
    upload_id: str
    begun_at_ms: int


class Page(Struct, frozen=True, kw_only=True):
    """Some of a bucket's unfinished uploads, and what to ask for next."""

    uploads: tuple[Upload, ...]
    next_query: Mapping[str, str] | None


class UnfinishedUploads:
    """The uploads in parts under a bucket's prefix."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock

    async def abort(self, *, before_ms: int) -> int:
        """Abort what was begun before then; return how many."""
        if self._bucket.credentials is None:
            return 0
        aborted = 0
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as http:
            for upload in await self._begun(http):
                if upload.begun_at_ms < before_ms:
                    await self._ask(http, "DELETE", upload.key, {"uploadId": upload.upload_id})
                    aborted += 1
        return aborted

    async def _begun(self, http: httpx2.AsyncClient) -> list[Upload]:
        prefix = f"{self._bucket.prefix}/" if self._bucket.prefix else ""
        begun: list[Upload] = []
        more: Mapping[str, str] | None = {}
        for _ in range(_PAGES_MAX):
            if more is None:
                break
            asked = {"prefix": prefix, "uploads": "", **more}
            page = page_in(await self._ask(http, "GET", "", asked))
            begun += page.uploads
            more = page.next_query
        return begun

    async def _ask(
        self, http: httpx2.AsyncClient, method: str, key: str, query: Mapping[str, str]
    ) -> bytes:
        bucket = self._bucket
        assert bucket.credentials is not None
        url = f"{bucket.url}/{quote(key, safe='/-_.~')}".rstrip("/") + f"?{query_of(query)}"
        headers = signed_headers(
            method,
            url,
            credentials=bucket.credentials,
            region=bucket.region,
            at=moment(self._clock.now_ms()),
        )
        try:
            answer = await http.request(method, url, headers=headers)
        except httpx2.HTTPError as exc:
            raise ArtifactsAway(f"The artifacts' bucket {bucket.shown} cannot be reached.") from exc
        # An upload that is gone was finished or aborted by somebody else meanwhile.
        if not answer.is_success and answer.status_code != 404:
            raise ArtifactsAway(
                f"The artifacts' bucket {bucket.shown} answered {answer.status_code} when it was "
                "asked for unfinished uploads."
            )
        return answer.content


def page_in(document: bytes) -> Page:
    """Return what the answer to ListMultipartUploads says, or raise ``ArtifactsAway``."""
    try:
        # The parser itself refuses entities that grow without bounds.
        root = ElementTree.fromstring(document)
        space = root.tag.removesuffix("ListMultipartUploadsResult")
        uploads = tuple(
            Upload(
                key=found.findtext(f"{space}Key", ""),
                upload_id=found.findtext(f"{space}UploadId", ""),
                begun_at_ms=to_ms(datetime.fromisoformat(found.findtext(f"{space}Initiated", ""))),
            )
            for found in root.iterfind(f"{space}Upload")
        )
        if root.findtext(f"{space}IsTruncated", "").lower() != "true":
            return Page(uploads=uploads, next_query=None)
        return Page(
            uploads=uploads,
            next_query={
                "key-marker": root.findtext(f"{space}NextKeyMarker", ""),
                "upload-id-marker": root.findtext(f"{space}NextUploadIdMarker", ""),
            },
        )
    except (ElementTree.ParseError, ValueError, TypeError) as exc:
        raise ArtifactsAway("The bucket's list of unfinished uploads cannot be read.") from exc
