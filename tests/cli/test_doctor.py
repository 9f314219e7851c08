from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import Any

from cli.program import Program


def findings(ringback: Program, *arguments: str, **environment: str) -> dict[str, Any]:
    done = ringback.run("doctor", "--json", *arguments, **environment)
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == (0 if all(one["ok"] for one in found.values()) else 1)
    return found


def test_a_machine_that_is_well_has_nothing_to_do(ringback: Program, tmp_path: Path) -> None:
    done = ringback.run("doctor", "--port", "0")
    assert done.returncode == 0, done.stdout
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []  # it looks and leaves nothing


def test_a_port_held_by_a_stranger_is_to_be_fixed(ringback: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = findings(ringback, "--port", str(taken.getsockname()[1]))
    assert not found["port"]["ok"]
    assert "--port" in found["port"]["todo"]


def test_beside_a_running_server_all_is_well(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--json")
    ready = server.ready()
    port = ready["url"].rpartition(":")[2]
    found = findings(ringback, "--port", port)
    assert found["port"]["ok"]
    assert "answered by Ringback" in found["port"]["found"]
    assert f"process {ready['pid']}" in found["lock"]["found"]
    assert "is whole" in found["database"]["found"]
    assert server.end(signal.SIGTERM) == 0
    assert "no server" in findings(ringback, "--port", "0")["lock"]["found"]


def test_a_broken_database_is_to_be_fixed(ringback: Program, tmp_path: Path) -> None:
    (tmp_path / "ringback.db").write_bytes(b"this is no database" * 1000)
    found = findings(ringback, "--data", str(tmp_path), "--port", "0")
    assert not found["database"]["ok"]
    assert "backup" in found["database"]["todo"]


def test_too_little_room_is_to_be_fixed(ringback: Program) -> None:
    found = findings(ringback, "--port", "0", RINGBACK_DISK_RESERVE_BYTES=str(1 << 62))
    assert not found["disk"]["ok"]
    assert "507" in found["disk"]["todo"]


def test_a_data_path_that_is_a_file_is_to_be_fixed(ringback: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = findings(ringback, "--port", "0", RINGBACK_DATA="file")
    assert not found["data"]["ok"]
