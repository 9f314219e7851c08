"""Codings of an answer's body: what compresses is undone, within the limit; the rest is ignored."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Reason
from ringback.egress.content_coding import Decompressor, UnreadableCoding
from ringback.egress.fetcher import Fetcher
from ringback.egress.policy import TargetPolicy
from ringback.errors import FetchError
from ringback.testing import FakeReceiver, respond

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
LIMIT = len(PICTURE)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same bytes in each process of the tests


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


async def fetched(headers: list[tuple[str, str]], body: bytes, path: Path) -> bytes:
    """Return a file that was fetched, the same into memory and into a file."""
    fetcher = Fetcher(TargetPolicy.dev())
    try:
        async with FakeReceiver(then=respond(200, headers=headers, body=body)) as receiver:
            content = await fetcher.get(receiver.url, bytes_max=LIMIT)
            await fetcher.download(receiver.url, path, bytes_max=LIMIT)
    finally:
        fetcher.close()
    assert await asyncio.to_thread(path.read_bytes) == content
    return content


@pytest.mark.parametrize(
    "value",
    [
        "",
        "identity",
        "identity, identity",
        "aws-chunked",
        "UTF-8",
        "base64",
        "binary",
        "none",
        "AWS-Chunked,utf8",
        "image/png",
        "aws-chunked,",
        "8bit",
        "7bit, x-unknown",
    ],
)
async def test_a_coding_that_compresses_nothing_is_ignored(value: str, tmp_path: Path) -> None:
    assert await fetched([("content-encoding", value)], PICTURE, tmp_path / "file") == PICTURE


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("gzip", gzipped(PICTURE)),
        ("X-GZIP", gzipped(PICTURE)),
        ("gzip, aws-chunked", gzipped(PICTURE)),
        ("utf-8,gzip", gzipped(PICTURE[:99]) + gzipped(PICTURE[99:])),
        ("gzip", gzipped(PICTURE) + bytes(64)),
        ("deflate", zlib.compress(PICTURE)),
        ("deflate", raw_deflate(PICTURE)),
    ],
)
async def test_what_is_compressed_is_decompressed(value: str, body: bytes, tmp_path: Path) -> None:
    assert await fetched([("content-encoding", value)], body, tmp_path / "file") == PICTURE


async def test_two_headers_are_one_list(tmp_path: Path) -> None:
    headers = [("content-encoding", "aws-chunked"), ("content-encoding", "gzip")]
    assert await fetched(headers, gzipped(PICTURE), tmp_path / "file") == PICTURE


@pytest.mark.parametrize("value", ["gzip", "x-gzip", "aws-chunked, GZIP"])
@pytest.mark.parametrize("body", [PICTURE, b'{"job_id": "7"}', b"\xff\xd8\xff\xe0", b"GIF89a"])
async def test_a_body_that_only_claims_to_be_gzip_is_taken_as_it_is(
    value: str, body: bytes, tmp_path: Path
) -> None:
    """As gateways send it that decompress an answer and leave its header."""
    assert await fetched([("content-encoding", value)], body, tmp_path / "file") == body


@pytest.mark.parametrize(
    ("value", "body", "reason", "words"),
    [
        ("br", b"\x0b\x02\x80", Reason.PROTOCOL, "compressed with br, and only gzip and deflate"),
        ("zstd", b"x", Reason.PROTOCOL, "compressed with zstd, and only gzip and deflate"),
        ("gzip, gzip", gzipped(gzipped(b"x")), Reason.PROTOCOL, "2 times over"),
        ("gzip", gzipped(PICTURE)[:-9], Reason.PROTOCOL, "cut short"),
        ("gzip", zlib.compress(PICTURE)[:40] + bytes(9), Reason.PROTOCOL, "damaged"),
        ("deflate", b"no deflate at all", Reason.PROTOCOL, "damaged"),
        ("gzip", b"\x1f", Reason.PROTOCOL, "cut short"),
        ("gzip", gzipped(PICTURE + b"x"), Reason.TOO_LARGE, "it is too large"),
        ("gzip", gzipped(bytes(99_000_000)), Reason.TOO_LARGE, "it is too large"),
        ("deflate", zlib.compress(PICTURE + b"x"), Reason.TOO_LARGE, "it is too large"),
    ],
)
async def test_what_cannot_be_decompressed_is_refused_and_says_why(
    value: str, body: bytes, reason: Reason, words: str, tmp_path: Path
) -> None:
    with pytest.raises(FetchError) as failed:
        await fetched([("content-encoding", value)], body, tmp_path / "file")
    assert failed.value.reason == reason
    assert words in failed.value.words


@given(st.binary(max_size=2_000), st.lists(st.integers(1, 400), max_size=8), st.booleans())
def test_chunks_may_be_cut_anywhere(data: bytes, cuts: list[int], is_raw: bool) -> None:
    packed = raw_deflate(data) if is_raw else gzipped(data)
    decompressor = Decompressor()
    pieces: list[bytes] = []
    for cut in [*cuts, len(packed)]:
        part, packed = packed[:cut], packed[cut:]
        pieces += decompressor.feed(part)
    decompressor.finish()
    assert b"".join(pieces) == data


@pytest.mark.parametrize("size", [(1 << 18) + more for more in (-258, -1, 0, 1, 257, 258, 1 << 18)])
def test_pieces_are_of_bounded_size_and_the_last_one_comes(size: int) -> None:
    decompressor = Decompressor()
    pieces = list(decompressor.feed(gzipped(bytes(size))))
    decompressor.finish()
    assert sum(map(len, pieces)) == size
    assert max(map(len, pieces)) <= 1 << 18


@given(st.binary(min_size=1, max_size=500))
def test_anything_else_ends_in_an_error_of_its_own_or_in_bytes(data: bytes) -> None:
    decompressor = Decompressor()
    try:
        for _ in decompressor.feed(data):
            pass
        decompressor.finish()
    except UnreadableCoding:
        pass
