"""Files are read in confined processes, which may crash, hang or run out of memory alone."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import zlib
from pathlib import Path

import pytest

from ringback.errors import InvalidMedia
from ringback.files.media.content import MediaType
from ringback.files.media.cost import CHEAP_S
from ringback.files.media.inspector import Inspector
from ringback.files.media.parsing import PICTURE_PIXELS_MAX, parse
from ringback.testing import settle
from tests import hostile_media as hostile
from tests import media_files as files
from tests.processes import children


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def a_png(width: int, height: int, pixels: bytes) -> bytes:
    """Return a PNG header of that size with the given data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


async def test_a_file_is_sanitized_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(files.jpeg(orientation=6))
    facts = await Inspector().sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")
    assert (facts.media_type, facts.width, facts.height) == (MediaType.JPEG, 48, 64)
    assert files.MAKER not in (tmp_path / "kept").read_bytes()


async def test_a_file_is_not_blamed_for_a_process_that_died_before_it_came(tmp_path: Path) -> None:
    inspector, others = Inspector(), children()
    (tmp_path / "file").write_bytes(files.png())
    await inspector.sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")
    for child in children() - others:
        os.kill(child, signal.SIGKILL)
    facts = await inspector.sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")
    assert facts.media_type == MediaType.PNG


async def test_hostile_files_are_refused_with_one_sentence_each(tmp_path: Path) -> None:
    inspector = Inspector()
    hostile = {
        "at most": a_png(60_000, 60_000, zlib.compress(bytes(1000))),
        "is empty": b"",
        "cannot be decoded": a_png(5000, 5000, zlib.compress(bytes(1000))),
        "cut short": files.heic()[:-9],
        "type is not supported": b"%PDF-1.7" + bytes(90),
    }
    for message, content in hostile.items():
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InvalidMedia, match=message):
            await inspector.sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")


async def test_the_largest_accepted_image_is_decoded(tmp_path: Path) -> None:
    width, height = 10_000, PICTURE_PIXELS_MAX // 10_000
    content = a_png(width, height, zlib.compress(bytes((width + 1) * height), 1))
    assert len(content) < 1_000_000
    (tmp_path / "file").write_bytes(content)
    facts = await Inspector().sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")
    assert (facts.width, facts.height) == (width, height)


async def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(files.png())
    with pytest.raises(InvalidMedia, match="too long"):
        await Inspector(timeout_s=0.0).sanitize(
            tmp_path / "file", tmp_path / "kept", workspace_id="w"
        )


async def test_hanging_uploads_do_not_block_other_workspaces(tmp_path: Path) -> None:
    inspector = Inspector()
    os.mkfifo(tmp_path / "endless")  # it can be opened, and nobody ever writes to it
    (tmp_path / "file").write_bytes(files.png())
    kept = [tmp_path / f"kept-{number}" for number in range(8)]
    hanging = [
        asyncio.create_task(inspector.sanitize(tmp_path / "endless", one, workspace_id="mallory"))
        for one in kept
    ]
    await settle()
    facts = await inspector.sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="alice")
    assert facts.media_type == MediaType.PNG
    assert not any(task.done() for task in hanging)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)


async def test_small_files_do_not_wait_behind_costly_ones(tmp_path: Path) -> None:
    inspector = Inspector(reserve=0)
    content = hostile.jpeg_with_scans(100, size=(3200, 2400))
    assert parse(content).cost_s > CHEAP_S
    (tmp_path / "large").write_bytes(content)
    (tmp_path / "small").write_bytes(files.png())
    ended: list[str] = []

    async def sanitize(name: str, number: int) -> None:
        kept = tmp_path / f"{name}-{number}"
        await inspector.sanitize(tmp_path / name, kept, workspace_id="w")
        ended.append(name)

    await asyncio.gather(*(sanitize("large", number) for number in range(3)), sanitize("small", 0))
    assert ended[0] == "small" or ended[1] == "small"


async def test_a_jpeg_with_too_many_scans_is_refused_without_decoding(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(hostile.jpeg_with_scans(2_000))
    with pytest.raises(InvalidMedia, match="has 2000 scans"):
        await Inspector().sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")


async def test_the_process_that_reads_files_has_a_lower_priority_than_the_server(
    tmp_path: Path,
) -> None:
    others = children()
    (tmp_path / "file").write_bytes(files.png())
    await Inspector().sanitize(tmp_path / "file", tmp_path / "kept", workspace_id="w")
    for child in children() - others:
        assert os.getpriority(os.PRIO_PROCESS, child) >= 5
