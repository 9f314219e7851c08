"""Files that are kept whole or not at all, and what a killed server leaves of them."""

from __future__ import annotations

import os
from pathlib import Path

from ringback.files.artifacts.local import LocalArtifacts
from ringback.ids import new_artifact_stem
from ringback.server.app import App
from ringback.settings import Settings
from ringback.storage.sqlite import SqliteStore

STARTED_MS = 1_800_000_000_000


def left(incoming: Path, name: str, *, at_ms: int) -> Path:
    """Return a file that was written then."""
    path = incoming / name
    path.write_bytes(b"half a pict")
    os.utime(path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))
    return path


async def test_what_a_killed_server_left_half_written_is_swept_and_nothing_else(
    tmp_path: Path,
) -> None:
    artifacts = LocalArtifacts(tmp_path)
    incoming = tmp_path / "incoming"
    old = left(incoming, new_artifact_stem() + ".png", at_ms=STARTED_MS - 1)
    young = left(incoming, new_artifact_stem() + ".png", at_ms=STARTED_MS)
    foreign = left(incoming, "notes.txt", at_ms=STARTED_MS - 1)
    elsewhere = left(tmp_path, "precious", at_ms=STARTED_MS - 1)
    link = incoming / (new_artifact_stem() + ".png")
    link.symlink_to(elsewhere)
    assert await artifacts.sweep(before_ms=STARTED_MS) == 1
    assert not old.exists()
    assert all(path.exists() for path in (young, foreign, elsewhere, link))


async def test_a_folder_that_is_a_link_is_not_swept(tmp_path: Path) -> None:
    artifacts = LocalArtifacts(tmp_path / "artifacts")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = left(elsewhere, new_artifact_stem() + ".png", at_ms=STARTED_MS - 1)
    (tmp_path / "artifacts" / "incoming").rmdir()
    (tmp_path / "artifacts" / "incoming").symlink_to(elsewhere)
    assert await artifacts.sweep(before_ms=STARTED_MS) == 0
    assert precious.exists()


async def test_a_starting_server_sweeps(store: SqliteStore, tmp_path: Path) -> None:
    incoming = tmp_path / "data" / "artifacts" / "incoming"
    incoming.mkdir(parents=True)
    half = left(incoming, new_artifact_stem() + ".png", at_ms=1)
    app = App(Settings(data=tmp_path / "data"), store, listening=("127.0.0.1", 7464))
    async with app.working():
        assert not half.exists()
