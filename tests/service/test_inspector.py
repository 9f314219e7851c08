"""Files are looked at in a process that may break, take its time or its memory, and only it."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from pathlib import Path

import media_files as files
import pytest

from ringback.errors import InvalidMedia
from ringback.media.content import MediaType
from ringback.media.inspector import Inspector
from ringback.media.looking import PICTURE_PIXELS_MAX


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def a_png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG of one shade whose data are made of nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def children() -> set[int]:
    own = os.getpid()
    text = Path(f"/proc/{own}/task/{own}/children").read_text("ascii")
    return {int(pid) for pid in text.split()}


async def test_a_file_is_judged_and_kept_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(files.jpeg(orientation=6))
    facts = await Inspector().take_in(tmp_path / "file", tmp_path / "kept")
    assert (facts.media_type, facts.width, facts.height) == (MediaType.JPEG, 48, 64)
    assert files.MAKER not in (tmp_path / "kept").read_bytes()


async def test_a_file_is_not_blamed_for_a_process_that_died_before_it_came(tmp_path: Path) -> None:
    inspector, others = Inspector(), children()
    (tmp_path / "file").write_bytes(files.png())
    await inspector.take_in(tmp_path / "file", tmp_path / "kept")
    for child in children() - others:
        os.kill(child, signal.SIGKILL)
    facts = await inspector.take_in(tmp_path / "file", tmp_path / "kept")
    assert facts.media_type == MediaType.PNG


async def test_hostile_files_are_refused_in_a_sentence_one_after_the_other(tmp_path: Path) -> None:
    inspector = Inspector()
    hostile = {
        "at most": a_png(60_000, 60_000, zlib.compress(bytes(1000))),
        "is empty": b"",
        "cannot be decoded": a_png(5000, 5000, zlib.compress(bytes(1000))),
        "cut short": files.heic()[:-9],
        "no type": b"%PDF-1.7" + bytes(90),
    }
    for said, content in hostile.items():
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InvalidMedia, match=said):
            await inspector.take_in(tmp_path / "file", tmp_path / "kept")


async def test_the_largest_picture_that_is_taken_is_decoded(tmp_path: Path) -> None:
    width, height = 10_000, PICTURE_PIXELS_MAX // 10_000
    content = a_png(width, height, zlib.compress(bytes((width + 1) * height), 1))
    assert len(content) < 1_000_000
    (tmp_path / "file").write_bytes(content)
    facts = await Inspector().take_in(tmp_path / "file", tmp_path / "kept")
    assert (facts.width, facts.height) == (width, height)


async def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(files.png())
    with pytest.raises(InvalidMedia, match="too long"):
        await Inspector(timeout_s=0.0).take_in(tmp_path / "file", tmp_path / "kept")
