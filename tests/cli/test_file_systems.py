"""Data directories on volumes that are no plain local disk of one user, told alike by all commands.

The system's calls are made to answer as other file systems do, by a small library that is compiled
here and loaded before libc. Another user, and a full disk, are real: they need root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program

_LIMIT_S = 120
_NOBODY = 65_534
_GROUP = 4_242

_SHIM = Path(__file__).with_name("file_system_shim.c")

_COMMANDS = """
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from ringback.cli.program import run
ended = {}
for name, arguments in json.loads(sys.argv[1]).items():
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = run(arguments)
    ended[name] = [status, out.getvalue(), err.getvalue()]
print(json.dumps(ended))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lacks the parts of a file system that ``LACKING`` names."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("without a C compiler on Linux no file system can be imitated")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-w", "-o", str(library), str(_SHIM), "-ldl"], check=True
    )
    return library


def ended(
    commands: dict[str, list[str]], *, cwd: Path, program: str = _COMMANDS, **environment: str
) -> dict[str, tuple[int, str, str]]:
    """Return the status, output and errors of each command, run one after another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: (one[0], one[1], one[2]) for name, one in found.items()}


_DATA = ["--data", "data"]
_CREATE = ["keys", "create", "--workspace", "studio", *_DATA]
_DOCTOR = ["doctor", "--port", "0", *_DATA]


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        ("flock-enolck", "has no locks (No locks available)"),
        ("flock-eopnotsupp", "has no locks (Operation not supported)"),
        ("posix-enolck", "has no locks (No locks available)"),
        ("shared-memory", "has no shared memory (disk I/O error)"),
    ],
)
def test_a_file_system_that_lacks_a_needed_part_gets_the_same_sentence_from_all(
    shim: Path, tmp_path: Path, lacking: str, sentence: str
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    found = ended(
        {"dev": ["dev", "--port", "0", *_DATA], "doctor": _DOCTOR, "keys": _CREATE},
        cwd=tmp_path,
        LD_PRELOAD=str(shim),
        LACKING=lacking,
    )
    advice = "keep the data on a local disk (--data), or in PostgreSQL (RINGBACK_DATABASE)."
    # Beside a server, keys opens the database alone, and takes no lock of the directory.
    for name in ("dev",) if lacking.startswith("flock") else ("dev", "keys"):
        status, _out, errors = found[name]
        assert (status, sentence in errors, advice in errors) == (1, True, True), errors
        assert len(errors.splitlines()) == 1
    status, out, _errors = found["doctor"]
    assert status == 1
    assert f"{tmp_path / 'data'} {sentence}" in out
    assert advice in out
    assert "restore a backup" not in out


@pytest.mark.parametrize("lacking", ["links", "modes", "chmod-eperm", "links,modes"])
def test_a_file_system_without_modes_or_links_will_do(
    shim: Path, tmp_path: Path, lacking: str
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    commands = {"create": _CREATE, "list": ["keys", "list", *_DATA], "doctor": _DOCTOR}
    found = ended(commands, cwd=tmp_path, LD_PRELOAD=str(shim), LACKING=lacking)
    assert {name: one[0] for name, one in found.items()} == dict.fromkeys(commands, 0), found
    assert "studio" in found["list"][1]
    assert len((tmp_path / "data" / "master.key").read_bytes()) == 45
    assert list((tmp_path / "data").glob("master.key.*")) == []
    assert list((tmp_path / "data").glob("ringback.try-*")) == []


def test_files_that_a_volume_gives_to_a_group_are_taken_with_a_warning(
    ringback: Program,
) -> None:
    assert ringback.run(*_CREATE).returncode == 0
    data = ringback.directory / "data"
    for path in (data, *data.rglob("*")):
        path.chmod(path.stat().st_mode | 0o060 | (0o2010 if path.is_dir() else 0))
    done = ringback.run("keys", "secret", "--workspace", "studio", *_DATA)
    assert done.returncode == 0, done.stderr
    assert "master_key_open" in done.stderr
    assert ringback.run(*_DOCTOR).returncode == 0


_AS_NOBODY = f"""
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from ringback.cli.program import run
work = os.getcwd()
os.mkdir("own", 0o700)
os.chdir("own")
with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
    for arguments in json.loads(sys.argv[1]).values():  # as root, so that all modules are loaded
        run(arguments)
os.chdir(work)
os.setgroups([{_GROUP}])
os.setgid({_NOBODY})
os.setuid({_NOBODY})
{_COMMANDS}
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("is_in_the_group", [True, False])
def test_a_directory_of_another_user_is_used_with_the_groups_rights_or_refused(
    open_folder: Path, is_in_the_group: bool
) -> None:
    assert ended({"create": _CREATE}, cwd=open_folder)["create"][0] == 0
    data = open_folder / "data"
    for path in (data, *data.rglob("*")):
        os.chown(path, 0, _GROUP)
        if is_in_the_group:
            path.chmod(0o770 if path.is_dir() else 0o660)
    commands = {"create": _CREATE, "list": ["keys", "list", *_DATA], "doctor": _DOCTOR}
    found = ended(commands, cwd=open_folder, program=_AS_NOBODY)
    for name, (status, out, errors) in found.items():
        assert status == (0 if is_in_the_group else 1), (name, out, errors)
        assert "Traceback" not in out + errors
        if name != "doctor" and not is_in_the_group:
            (line,) = [one for one in errors.splitlines() if "folder_open_to_others" not in one]
            assert line.startswith("ringback: ")
            assert "data" in line


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system without room, but for a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        ballast.write(bytes(1 << 16))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_first_start_on_a_full_disk_is_a_sentence(full_disk: Path, tmp_path: Path) -> None:
    data = ["--data", str(full_disk / "data")]
    found = ended(
        {
            "dev": ["dev", "--port", "0", *data],
            "keys": ["keys", "create", "--workspace", "studio", *data],
            "doctor": ["doctor", "--port", "0", *data],
        },
        cwd=tmp_path,
    )
    for name, (status, out, errors) in found.items():
        assert status == 1
        assert "Traceback" not in out + errors
        assert "full" in errors or name == "doctor", errors
    assert "fix disk" in found["doctor"][1]
