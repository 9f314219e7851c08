"""Other accounts of the machine read nothing of a server's data."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from ringback import Ringback
from ringback.cli.checks.checks import examine
from ringback.files.artifacts.local import LocalArtifacts
from ringback.files.private_folders import make_private_folder, narrow_folder
from ringback.files.temporary import TemporaryFiles
from ringback.settings import Settings
from ringback.storage.sqlite.database_files import make_directory
from ringback.testing.emulator import Emulator
from tests.media_files import png


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277], ids=lambda umask: f"umask {umask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if mode_of(path) & 0o077]


@pytest.mark.usefixtures("umask")
async def test_all_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "missing" / "data"
    make_directory(data)
    artifacts = LocalArtifacts(data / "artifacts")
    await artifacts.save(png(), media_type="image/png")
    with TemporaryFiles(data / "uploads").folder():
        assert open_to_others(tmp_path / "missing") == []
        assert {mode_of(path) for path in data.rglob("*") if path.is_dir()} == {0o700}
        assert {mode_of(path) for path in data.rglob("*") if path.is_file()} == {0o600}


async def test_folders_that_are_there_are_narrowed_and_that_is_said_once(tmp_path: Path) -> None:
    for name in ("data", "data/artifacts", "data/artifacts/incoming", "data/uploads"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)

    def opened() -> list[str]:
        with capture_logs() as records:
            make_directory(tmp_path / "data")
            LocalArtifacts(tmp_path / "data" / "artifacts")
            TemporaryFiles(tmp_path / "data" / "uploads")
        return [record["event"] for record in records]

    assert opened() == ["folder_closed_to_others"] * 4
    assert open_to_others(tmp_path / "data") == []
    assert opened() == []


def test_a_folder_behind_a_link_is_left_and_told(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures").chmod(0o755)  # the umask would change it
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "artifacts").symlink_to(tmp_path / "pictures")
    with capture_logs() as records:
        LocalArtifacts(tmp_path / "data" / "artifacts")
    assert mode_of(tmp_path / "pictures") == 0o755
    assert [record["event"] for record in records] == ["folder_open_to_others"]
    assert mode_of(tmp_path / "pictures" / "incoming") == 0o700


@pytest.mark.parametrize("mode", [0o1777, 0o2775, 0o2770])
def test_a_folder_that_is_shared_on_purpose_is_left_and_told(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with capture_logs() as records:
        make_private_folder(folder)
    assert mode_of(folder) == mode
    assert [(record["event"], record["mode"]) for record in records] == [
        ("folder_open_to_others", f"{mode:04o}")
    ]


def test_a_data_directory_in_which_others_keep_things_is_left_and_told(tmp_path: Path) -> None:
    """``--data .`` or ``--data /srv`` closes nobody's project and nobody's machine."""
    tmp_path.chmod(0o755)
    (tmp_path / "ringback.db").touch()
    (tmp_path / "artifacts").mkdir(mode=0o755)
    (tmp_path / "project.py").touch()

    def opened() -> list[str]:
        with capture_logs() as records:
            make_directory(tmp_path)
        return [record["event"] for record in records]

    assert opened() == ["folder_open_to_others"]
    assert mode_of(tmp_path) == 0o755
    (tmp_path / "project.py").unlink()
    assert opened() == ["folder_closed_to_others"]


def test_a_data_directory_with_all_that_a_server_makes_is_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Emulator(data) as emulator, Ringback("dev", emulator.url) as client:
        moved = httpx2.post(
            f"{emulator.url}/lab/clock",
            json={"advance": "1h"},
            headers={"authorization": "Bearer dev"},
        )
        assert moved.status_code == 200
        client.image("bfl/flux-1-dev", prompt="a fox", width=512, height=512).wait()
    data.chmod(0o755)
    make_directory(data)
    assert mode_of(data) == 0o700


@pytest.mark.skipif(os.geteuid() == 0, reason="root may change the mode of every folder")
def test_a_folder_of_somebody_else_is_told_and_no_failure() -> None:
    with capture_logs() as records:
        narrow_folder(Path("/usr"))
    assert [record["event"] for record in records] == ["folder_open_to_others"]


def test_what_stands_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_private_folder(tmp_path / "file")


def test_the_doctor_names_a_folder_that_is_open_to_everybody(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    tmp_path.chmod(0o700)

    def found() -> tuple[str, str | None]:
        (finding,) = (one for one in examine(Settings(data=tmp_path)) if one.name == "data")
        return finding.found, finding.todo

    (tmp_path / "artifacts").chmod(0o755)
    assert found() == (
        f"{tmp_path / 'artifacts'} is open to every user of this machine (mode 0755)",
        f"Close it with: chmod 700 {tmp_path / 'artifacts'}.",
    )
    (tmp_path / "artifacts").chmod(0o2770)
    assert found()[1] is None
