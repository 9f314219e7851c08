from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import BinaryIO, TextIO

import pytest

from ringback.log.lines import LineWriter
from ringback.log.outlet import LINES_MAX, flush


def test_a_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = os.write

    def noted(descriptor: int, data: bytes) -> int:
        written.append(data)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", noted)
    with (tmp_path / "log").open("a") as file:
        lines = LineWriter(file)
        lines.write("x" * 100_000)
        lines.write("zwei ü \ud800")
    assert written == [b"x" * 100_000 + b"\n", "zwei ü \\ud800\n".encode()]


def test_what_follows_a_torn_line_stands_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with open(write_end, "w") as file, open(read_end, "rb") as pipe:
        lines = LineWriter(file)
        lines.write("t" * (1 << 20))  # more than a pipe holds
        torn = os.read(pipe.fileno(), 1 << 20)
        assert set(torn) == set(b"t")
        lines.write("whole")
        assert os.read(pipe.fileno(), 100) == b"\nwhole\n"
        lines.write("whole too")
        assert os.read(pipe.fileno(), 100) == b"whole too\n"


def test_a_file_in_memory_takes_lines_too() -> None:
    file = io.StringIO()
    LineWriter(file).write("a line")
    assert file.getvalue() == "a line\n"


def test_a_closed_file_stops_nobody(tmp_path: Path) -> None:
    file = (tmp_path / "log").open("w")
    file.close()
    LineWriter(file).write("a line")
    LineWriter(None).write("a line")
    assert not sys.stderr.closed


@pytest.fixture
def unread() -> Iterator[tuple[TextIO, BinaryIO]]:
    """Give both ends of a pipe; a write that finds no room waits until somebody reads."""
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as pipe, open(write_end, "w") as file:
        yield file, pipe


def _read_lines(pipe: BinaryIO, count: int) -> list[bytes]:
    return [pipe.readline() for _ in range(count)]


def test_a_reader_that_has_stopped_reading_stops_nobody(unread: tuple[TextIO, BinaryIO]) -> None:
    file, pipe = unread
    lines = LineWriter(file)
    written = [f"{number} {'x' * 1_000}" for number in range(300)]  # a pipe holds 65 of them
    for line in written:
        lines.write(line)
    assert _read_lines(pipe, 300) == [f"{line}\n".encode() for line in written]


def test_lines_that_a_reader_is_too_slow_for_are_left_out_and_counted(
    unread: tuple[TextIO, BinaryIO],
) -> None:
    file, pipe = unread
    counts: Queue[int] = Queue()
    lines = LineWriter(file, on_left_out=counts.put)
    count = LINES_MAX + 300
    for number in range(count):
        lines.write(f"{number} {'x' * 1_000}")
    os.set_blocking(pipe.fileno(), False)
    read = bytearray()
    while counts.empty():
        read += pipe.read() or b""
    left_out = counts.get()
    read += pipe.read() or b""
    assert read.count(b"\n") + left_out == count
    assert left_out >= 200  # what neither the pipe nor the memory for waiting lines holds


def test_whoever_ends_the_process_waits_for_the_lines_but_not_for_a_stuck_reader(
    unread: tuple[TextIO, BinaryIO],
) -> None:
    file, pipe = unread
    lines = LineWriter(file)
    lines.write("the last words")
    flush()
    os.set_blocking(pipe.fileno(), False)
    assert pipe.read() == b"the last words\n"
    for _ in range(100):
        lines.write("x" * 1_000)
    flush(patience_s=0.01)
    assert pipe.read(1) == b"x"


def test_a_forked_process_writes_its_own_lines(unread: tuple[TextIO, BinaryIO]) -> None:
    file, pipe = unread
    lines = LineWriter(file)
    lines.write("of the parent")
    assert pipe.readline() == b"of the parent\n"
    child = os.fork()
    if child == 0:
        lines.write("of the child")
        flush()
        os._exit(0)
    assert pipe.readline() == b"of the child\n"
    assert os.waitpid(child, 0) == (child, 0)
