"""Aborts multipart uploads that a killed process left unfinished.

A bucket stores and charges for them until they are aborted, and the S3 library cannot list them.
Without fixed keys (with a role's), they are left to a lifecycle rule of the bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import httpx2
from msgspec import Struct

from ringback.clock import Clock, moment, to_ms
from ringback.egress.dial import system_trust
from ringback.errors import ArtifactsUnavailable
from ringback.files.artifacts.bucket import Bucket
from ringback.files.artifacts.signature import query_of, signed_headers

_TIMEOUT_S = 20.0
_PAGES_MAX = 20


class UnfinishedUpload(Struct, frozen=True, kw_only=True):
    """A multipart upload that has not been completed."""

    key: str
    upload_id: str
    begun_at_ms: int


class UploadPage(Struct, frozen=True, kw_only=True):
    """One page of a bucket's unfinished uploads, and the query of the next page."""

    uploads: tuple[UnfinishedUpload, ...]
    next_query: Mapping[str, str] | None


class UnfinishedUploads:
    """The unfinished multipart uploads under a bucket's prefix."""

    def __init__(self, bucket: Bucket, clock: Clock, *, ca_file: Path | None = None) -> None:
        self._bucket = bucket
        self._ca_file = ca_file
        self._clock = clock

    async def abort(self, *, before_ms: int) -> int:
        """Abort uploads begun before that time; return how many."""
        if self._bucket.credentials is None:
            return 0
        aborted = 0
        trust = system_trust(self._ca_file)
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S, verify=trust) as http:
            for upload in await self._list(http):
                if upload.begun_at_ms < before_ms:
                    await self._request(http, "DELETE", upload.key, {"uploadId": upload.upload_id})
                    aborted += 1
        return aborted

    async def _list(self, http: httpx2.AsyncClient) -> list[UnfinishedUpload]:
        prefix = f"{self._bucket.prefix}/" if self._bucket.prefix else ""
        uploads: list[UnfinishedUpload] = []
        next_query: Mapping[str, str] | None = {}
        for _ in range(_PAGES_MAX):
            if next_query is None:
                break
            query = {"prefix": prefix, "uploads": "", **next_query}
            page = parse_page(await self._request(http, "GET", "", query))
            uploads += page.uploads
            next_query = page.next_query
        return uploads

    async def _request(
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
            response = await http.request(method, url, headers=headers)
        except httpx2.HTTPError as exc:
            raise ArtifactsUnavailable(
                f"The artifacts' bucket {bucket.display_name} cannot be reached."
            ) from exc
        # A missing upload was completed or aborted by another process meanwhile.
        if not response.is_success and response.status_code != 404:
            raise ArtifactsUnavailable(
                f"The artifacts' bucket {bucket.display_name} answered {response.status_code} "
                "to a request about unfinished uploads."
            )
        return response.content


def parse_page(document: bytes) -> UploadPage:
    """Parse a response to ListMultipartUploads, or raise ``ArtifactsUnavailable``."""
    try:
        # The parser refuses exponential entity expansion.
        root = ElementTree.fromstring(document)
        space = root.tag.removesuffix("ListMultipartUploadsResult")
        uploads = tuple(
            UnfinishedUpload(
                key=element.findtext(f"{space}Key", ""),
                upload_id=element.findtext(f"{space}UploadId", ""),
                begun_at_ms=to_ms(
                    datetime.fromisoformat(element.findtext(f"{space}Initiated", ""))
                ),
            )
            for element in root.iterfind(f"{space}Upload")
        )
        if root.findtext(f"{space}IsTruncated", "").lower() != "true":
            return UploadPage(uploads=uploads, next_query=None)
        return UploadPage(
            uploads=uploads,
            next_query={
                "key-marker": root.findtext(f"{space}NextKeyMarker", ""),
                "upload-id-marker": root.findtext(f"{space}NextUploadIdMarker", ""),
            },
        )
    except (ElementTree.ParseError, ValueError, TypeError) as exc:
        raise ArtifactsUnavailable(
            "The bucket's list of unfinished uploads cannot be read."
        ) from exc
