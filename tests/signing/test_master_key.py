"""The master key: from the operator, or from a file made once, whole, and for its owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from ringback.errors import SetupError
from ringback.ids import new_key
from ringback.signing.master_key import load_master_keys

ONE, TWO = new_key(), new_key()
ONE_TEXT, TWO_TEXT = b64encode(ONE).decode(), b64encode(TWO).decode()

WRONG = {
    "nothing": "",
    "a space": " ",
    "no base64": "!" * 44,
    "too short": b64encode(bytes(31)).decode(),
    "too long": b64encode(bytes(33)).decode(),
    "no padding": ONE_TEXT.rstrip("="),
    "not ASCII": "é" * 44,
    "hexadecimal": ONE.hex(),
    "an empty first": f",{ONE_TEXT}",
    "an empty last": f"{ONE_TEXT},",
    "a wrong second": f"{ONE_TEXT},{TWO_TEXT[:-1]}",
    "two with a space": f"{ONE_TEXT} {TWO_TEXT}",
}


def write(directory: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = directory / "master.key"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_the_operators_keys_come_in_their_order(tmp_path: Path) -> None:
    assert load_master_keys(ONE_TEXT, directory=tmp_path) == (ONE,)
    assert load_master_keys(f"{TWO_TEXT}, {ONE_TEXT}\n", directory=tmp_path) == (TWO, ONE)


def test_with_the_operators_key_no_file_is_read_or_made(tmp_path: Path) -> None:
    load_master_keys(ONE_TEXT, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path, TWO_TEXT)
    assert load_master_keys(ONE_TEXT, directory=tmp_path) == (ONE,)


def test_the_first_start_makes_the_file_and_the_next_reads_it(tmp_path: Path) -> None:
    made = load_master_keys(None, directory=tmp_path)
    assert [len(key) for key in made] == [32]
    assert (tmp_path / "master.key").read_text() == b64encode(made[0]).decode() + "\n"
    assert load_master_keys(None, directory=tmp_path) == made
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_every_directory_gets_a_key_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here = load_master_keys(None, directory=tmp_path)
    assert load_master_keys(None, directory=tmp_path / "other") != here


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_master_keys(None, directory=tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600


def test_a_file_may_hold_several_keys(tmp_path: Path) -> None:
    write(tmp_path, f"{ONE_TEXT}\n{TWO_TEXT}\n")
    assert load_master_keys(None, directory=tmp_path) == (ONE, TWO)
    write(tmp_path, f"{TWO_TEXT},{ONE_TEXT}\r\n")
    assert load_master_keys(None, directory=tmp_path) == (TWO, ONE)


@pytest.mark.parametrize("mode", [0o640, 0o660, 0o620])
def test_a_file_open_to_a_group_alone_is_taken_with_one_warning(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, ONE_TEXT, mode=mode)
    with capture_logs() as records:
        assert load_master_keys(None, directory=tmp_path) == (ONE,)
        assert load_master_keys(None, directory=tmp_path) == (ONE,)
    assert [(record["event"], record["path"]) for record in records] == [
        ("master_key_open", str(path))
    ]


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o664, 0o601, 0o777])
def test_a_file_open_to_others_is_refused_and_left_alone(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, ONE_TEXT, mode=mode)
    with pytest.raises(SetupError, match=f"mode {mode:04o}.*chmod 600"):
        load_master_keys(None, directory=tmp_path)
    assert path.read_text() == ONE_TEXT
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_that_its_owner_may_only_read_will_do(tmp_path: Path) -> None:
    write(tmp_path, ONE_TEXT, mode=0o400)
    assert load_master_keys(None, directory=tmp_path) == (ONE,)


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_key_is_refused_wherever_it_comes_from(tmp_path: Path, text: str) -> None:
    with pytest.raises(SetupError, match=r"RINGBACK_MASTER_KEY .* key \d .* openssl"):
        load_master_keys(text, directory=tmp_path)
    path = write(tmp_path, text)
    with pytest.raises(SetupError, match=r"master.key .* key \d .* openssl"):
        load_master_keys(None, directory=tmp_path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 44, b"\0" * 32, bytes(1_000_000), bytes(range(32))]
)
def test_a_file_of_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, content)
    with pytest.raises(SetupError, match="key 1"):
        load_master_keys(None, directory=tmp_path)


def test_the_errors_do_not_show_the_key(tmp_path: Path) -> None:
    for text in (f"{ONE_TEXT[:-1]}é", ONE_TEXT[:-2], ONE.hex()):
        with pytest.raises(SetupError) as refused:
            load_master_keys(text, directory=tmp_path)
        assert text[:10] not in str(refused.value)
        assert refused.value.__context__ is None


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(SetupError, match="must be a file"):
        load_master_keys(None, directory=tmp_path)
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(SetupError, match="must be a file"):
        load_master_keys(None, directory=tmp_path)
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(SetupError, match="leads nowhere"):
        load_master_keys(None, directory=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.key"]


def test_a_directory_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot be made.*RINGBACK_MASTER_KEY"):
        load_master_keys(None, directory=tmp_path / "missing")


def test_threads_that_race_get_one_key(tmp_path: Path) -> None:
    racers = 8
    with ThreadPoolExecutor(racers) as pool:
        for number in range(50):
            directory = tmp_path / str(number)
            directory.mkdir()
            start = Barrier(racers)

            def load(start: Barrier = start, directory: Path = directory) -> tuple[bytes, ...]:
                start.wait()
                return load_master_keys(None, directory=directory)

            running = [pool.submit(load) for _ in range(racers)]
            assert len({each.result() for each in running}) == 1
            assert [path.name for path in directory.iterdir()] == ["master.key"]


_RACER = """
import sys
from pathlib import Path
from ringback.signing.master_key import load_master_keys
print("ready", flush=True)
for line in sys.stdin:
    print(load_master_keys(None, directory=Path(line.strip()))[0].hex(), flush=True)
"""


def test_processes_that_race_get_one_key(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for _ in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for number in range(25):
            directory = tmp_path / str(number)
            directory.mkdir()
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{directory}\n")
            found = {racer.stdout.readline() for racer in racers if racer.stdout is not None}
            assert len(found) == 1
            assert len(found.pop()) == 65
    finally:
        for racer in racers:
            racer.communicate()
