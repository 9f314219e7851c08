"""S3 only: links, unfinished uploads, and errors."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from ringback.errors import ArtifactsUnavailable, SetupError
from ringback.files.artifacts.bucket import bucket_at
from ringback.files.artifacts.s3 import S3Artifacts
from ringback.files.artifacts.uploads import parse_page
from ringback.testing import FakeClock, FakeReceiver, respond
from tests.files.artifacts.artifact_stores import KEYS, REGION, S3Server, s3_server

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


async def test_a_presigned_link_serves_the_file_to_whoever_has_it(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.bucket("linked"), clock=FakeClock(), links=True, link_s=60)
    element = await artifacts.find(await artifacts.save(PNG, media_type="image/png"))
    assert element is not None
    link = await artifacts.link(element)
    assert link is not None
    assert "X-Amz-Expires=60" in link
    with urllib.request.urlopen(link) as answer:  # noqa: ASYNC210 - moto's, in a thread
        assert answer.headers["content-type"] == "image/png"
        assert answer.read() == PNG


async def test_a_link_for_head_is_signed_for_head(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.bucket("headed"), clock=FakeClock(), links=True, link_s=60)
    element = await artifacts.find(await artifacts.save(PNG, media_type="image/png"))
    assert element is not None
    link, head = await artifacts.link(element), await artifacts.link(element, method="HEAD")
    assert link is not None
    assert head is not None
    assert head.partition("&X-Amz-Signature=")[0] == link.partition("&X-Amz-Signature=")[0]
    assert head != link  # the signature covers the method
    request = urllib.request.Request(head, method="HEAD")
    with urllib.request.urlopen(request) as answer:  # noqa: ASYNC210 - moto's, in a thread
        assert answer.headers["content-length"] == str(len(PNG))


async def test_without_links_the_server_serves_the_file_itself(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.bucket("proxied"), clock=FakeClock())
    element = await artifacts.find(await artifacts.save(PNG, media_type="image/png"))
    assert element is not None
    assert await artifacts.link(element) is None


async def test_files_are_stored_only_under_the_prefix(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.bucket("prefixed", "a/b"), clock=FakeClock())
    await artifacts.check()
    name = await artifacts.save(PNG, media_type="image/png")
    assert s3.keys("prefixed") == [f"a/b/{name[:2]}/{name}"]


async def test_unfinished_uploads_of_our_prefix_are_aborted_and_no_others(s3: S3Server) -> None:
    bucket = s3.bucket("swept", "ours")
    for key in ("ours/left behind.png", "ours/x", "theirs/x"):
        s3.client.create_multipart_upload(Bucket="swept", Key=key)
    artifacts = S3Artifacts(bucket, clock=FakeClock())
    assert await artifacts.sweep(before_ms=1) == 0  # they are younger
    assert await artifacts.sweep(before_ms=2**43) == 2
    left = s3.client.list_multipart_uploads(Bucket="swept")["Uploads"]
    assert [upload["Key"] for upload in left] == ["theirs/x"]


async def test_without_fixed_keys_unfinished_uploads_are_left_to_the_bucket(
    s3: S3Server,
) -> None:
    bucket = s3.bucket("roles")
    s3.client.create_multipart_upload(Bucket="roles", Key="x")
    artifacts = S3Artifacts(replace(bucket, credentials=None), clock=FakeClock())
    assert await artifacts.sweep(before_ms=2**43) == 0


async def test_a_missing_file_without_its_suffix_costs_one_request() -> None:
    listed = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    async with FakeReceiver(then=respond(200, body=listed)) as server:
        bucket = bucket_at(
            "s3://b",
            endpoint=server.url_at(""),
            region=REGION,
            path_style=True,
            environment=KEYS,
        )
        artifacts = S3Artifacts(bucket, clock=FakeClock())
        assert await artifacts.find_by_stem("a" * 32) is None
        assert len(server.requests) == 1


async def test_without_its_suffix_a_file_of_a_missing_bucket_is_not_gone(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.at("s3://missing"), clock=FakeClock())
    with pytest.raises(ArtifactsUnavailable, match="s3://missing does not work"):
        await artifacts.find_by_stem("a" * 32)


async def test_a_missing_bucket_is_reported_in_one_sentence(s3: S3Server) -> None:
    artifacts = S3Artifacts(s3.at("s3://missing"), clock=FakeClock())
    with pytest.raises(SetupError, match=r"s3://missing cannot be used \(there is no such bucket"):
        await artifacts.check()


async def test_an_unreachable_server_raises_artifacts_unavailable() -> None:
    bucket = bucket_at(
        "s3://b", endpoint="http://127.0.0.1:9", region=REGION, path_style=True, environment=KEYS
    )
    artifacts = S3Artifacts(bucket, clock=FakeClock())
    with pytest.raises(
        ArtifactsUnavailable, match=r"^The artifacts' bucket s3://b .*cannot be reached"
    ):
        await artifacts.save(PNG, media_type="image/png")
    with pytest.raises(ArtifactsUnavailable, match="cannot be reached"):
        await artifacts.sweep(before_ms=1)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"<ListMultipartUploadsResult><Upload><Initiated>soon</Initiated></Upload>"
        b"</ListMultipartUploadsResult>",
        b"<ListMultipartUploadsResult><Upload><Initiated>2026-01-01T00:00:00</Initiated></Upload>"
        b"</ListMultipartUploadsResult>",
    ],
)
def test_an_unreadable_list_raises_artifacts_unavailable(answer: bytes) -> None:
    with pytest.raises(ArtifactsUnavailable):
        parse_page(answer)


def test_a_page_of_a_list_names_the_next_page() -> None:
    page = parse_page(
        b"<R:ListMultipartUploadsResult xmlns:R='urn:x'><R:IsTruncated>true</R:IsTruncated>"
        b"<R:NextKeyMarker>k</R:NextKeyMarker><R:NextUploadIdMarker>u</R:NextUploadIdMarker>"
        b"</R:ListMultipartUploadsResult>"
    )
    assert page.next_query == {"key-marker": "k", "upload-id-marker": "u"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "https://bucket"}, "artifacts_url"),
        ({"url": "s3://"}, "artifacts_url"),
        ({"url": "s3://key:secret@bucket"}, "artifacts_url"),
        ({"url": "s3://bucket?x=1"}, "artifacts_url"),
        ({"url": "s3://bucket/../x"}, "prefix"),
        ({"url": "s3://bucket/a//b"}, "prefix"),
        ({"url": "s3://bucket/a b"}, "prefix"),
        ({"endpoint": "minio:9000"}, "artifacts_endpoint"),
        ({"endpoint": "https://key:secret@minio"}, "artifacts_endpoint"),
    ],
)
def test_an_invalid_address_is_refused_with_one_sentence(
    changes: dict[str, Any], sentence: str
) -> None:
    known: dict[str, Any] = {
        "url": "s3://bucket",
        "endpoint": None,
        "region": None,
        "path_style": True,
        "environment": {},
    }
    with pytest.raises(SetupError, match=sentence) as refused:
        bucket_at(**{**known, **changes})
    assert "secret" not in str(refused.value)


def test_region_endpoint_and_keys_come_from_the_settings_then_from_the_aws_variables() -> None:
    variables = {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }
    bucket = bucket_at(
        "s3://b/p/", endpoint=None, region=None, path_style=False, environment=variables
    )
    assert bucket.url == "https://b.s3.eu-west-1.amazonaws.com"
    assert (bucket.display_name, bucket.region) == ("s3://b/p", "eu-west-1")
    assert bucket.credentials is not None
    assert bucket.credentials.session_token == "token"
    ours = bucket_at(
        "s3://b", endpoint="http://minio:9000/", region="x", path_style=True, environment=variables
    )
    assert (ours.url, ours.region, ours.prefix) == ("http://minio:9000/b", "x", "")
    assert ours.is_plain_http


def test_the_signature_equals_that_of_the_aws_library() -> None:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Theirs

    from ringback.files.artifacts.bucket import Credentials
    from ringback.files.artifacts.signature import query_of, signed_headers

    query = query_of({"prefix": "a b/é", "uploads": "", "key-marker": "~x+"})
    url = f"https://b.example:9000/bucket?{query}"
    request = AWSRequest("GET", url)
    auth = S3SigV4Auth(Theirs("id", "secret", "token"), "s3", "eu-west-1")
    auth.add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = signed_headers(
        "GET",
        url,
        credentials=Credentials(
            access_key_id="id", secret_access_key="secret", session_token="token"
        ),
        region="eu-west-1",
        at=at,
    )
    assert ours["authorization"] == request.headers["Authorization"]
    assert httpx2.Request("GET", url).url.query.decode() == query
