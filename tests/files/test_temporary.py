"""Incoming files lie in a folder in which nothing stays, also after a failure."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from ringback.errors import SetupError, StorageFull
from ringback.files.temporary import TemporaryFiles
from ringback.server.app import App
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore


def test_a_file_is_gone_when_its_place_is_given_up(tmp_path: Path) -> None:
    incoming = TemporaryFiles(tmp_path / "uploads")
    with suppress(ZeroDivisionError), incoming.new_file() as path:
        path.write_bytes(b"half a file")
        raise ZeroDivisionError
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_folder_is_gone_with_all_that_is_in_it_when_it_is_given_up(tmp_path: Path) -> None:
    incoming = TemporaryFiles(tmp_path)
    with suppress(ZeroDivisionError), incoming.folder() as folder:
        (folder / "half a clip").write_bytes(b"x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageFull), incoming.folder():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_sweep_takes_old_folders_and_what_is_in_them(tmp_path: Path) -> None:
    incoming = TemporaryFiles(tmp_path / "uploads")
    (tmp_path / "precious").mkdir()
    for name in ("old", "young"):
        (tmp_path / "uploads" / name).mkdir()
        (tmp_path / "uploads" / name / "link").symlink_to(tmp_path / "precious")
    (tmp_path / "uploads" / "link").symlink_to(tmp_path / "precious")
    os.utime(tmp_path / "uploads" / "old", (1, 1))
    os.utime(tmp_path / "uploads" / "link", (1, 1), follow_symlinks=False)
    assert incoming.sweep(before_ms=9_000) == 1
    assert (tmp_path / "precious").exists()
    left = sorted(path.name for path in (tmp_path / "uploads").iterdir())
    assert left == ["link", "young"]


def test_two_files_have_two_places_that_nobody_guesses(tmp_path: Path) -> None:
    incoming = TemporaryFiles(tmp_path)
    with incoming.new_file() as one, incoming.new_file() as other:
        assert one != other
        assert len(one.name) == 32


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_is_said_to_be(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageFull), TemporaryFiles(tmp_path).new_file():
        raise OSError(number, "No space left on device")
    with pytest.raises(PermissionError), TemporaryFiles(tmp_path).new_file():
        raise PermissionError(errno.EACCES, "denied")


def test_a_directory_that_cannot_be_made_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file")
    with pytest.raises(SetupError, match="cannot be created"):
        TemporaryFiles(tmp_path / "uploads")


def test_a_sweep_takes_old_files_and_neither_young_ones_nor_links(tmp_path: Path) -> None:
    incoming = TemporaryFiles(tmp_path / "uploads")
    precious = tmp_path / "precious"
    for path in (tmp_path / "uploads" / "old", tmp_path / "uploads" / "young", precious):
        path.write_bytes(b"x")
        os.utime(path, (1, 1))
    (tmp_path / "uploads" / "link").symlink_to(precious)
    os.utime(tmp_path / "uploads" / "young", (9, 9))
    assert incoming.sweep(before_ms=9_000) == 1
    assert precious.exists()
    assert (tmp_path / "uploads" / "young").exists()


async def test_a_starting_server_sweeps_what_a_killed_one_was_receiving(
    store: SqliteStore, tmp_path: Path
) -> None:
    half = tmp_path / "data" / "uploads" / "half"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"x")
    os.utime(half, (1, 1))
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    async with app.working():
        assert not half.exists()
