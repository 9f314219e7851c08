from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from cli.program import Program, status_of


def test_dev_says_as_json_where_it_is_and_ends_well_on_sigterm(
    ringback: Program, tmp_path: Path
) -> None:
    server = ringback.start("dev", "--port", "0", "--data", "data", "--json")
    ready = server.ready()
    assert ready["pid"] == server.process.pid
    assert ready["data"] == str(tmp_path / "data")
    assert ready["secret"].startswith("whsec_")
    assert status_of(f"{ready['url']}/readyz") == 200
    assert server.end(signal.SIGTERM) == 0


def test_dev_shows_people_a_curl_line_that_works(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0")
    shown = server.lines_until("Ctrl-C")
    assert any("loopback webhook URLs are allowed" in line for line in shown)
    assert any("whsec_" in line for line in shown)
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    first = next(number for number, line in enumerate(shown) if line.startswith("curl"))
    pasted = "\n".join(shown[first:-1]).strip()
    done = subprocess.run(["sh", "-c", pasted], capture_output=True, check=True)
    assert json.loads(done.stdout)["status"] == "queued"
    assert server.end(signal.SIGTERM) == 0


def test_ctrl_c_ends_dev_quietly(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--json")
    server.ready()
    assert server.end(signal.SIGINT) == 0


def test_flags_win_over_the_environment_and_that_over_the_file(
    ringback: Program, tmp_path: Path
) -> None:
    (tmp_path / "ringback.toml").write_text('data = "file"\nport = 1\npublic_url = "http://a"\n')
    server = ringback.start(
        *("dev", "--config", "ringback.toml", "--data", "flag", "--json"),
        RINGBACK_DATA="environment",
        RINGBACK_PORT="0",
    )
    ready = server.ready()
    assert Path(ready["data"]).name == "flag"
    assert ready["url"] == "http://a"
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_a_port_in_use_is_said_in_one_sentence(ringback: Program, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ringback.run(command, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "--port" in done.stderr


def test_serve_without_keys_says_how_to_make_one(ringback: Program) -> None:
    server = ringback.start("serve", "--port", "0")
    assert server.line().startswith("Ringback is ready at http://127.0.0.1:")
    assert server.process.stderr is not None
    hint = server.process.stderr.readline()
    assert "ringback keys create --workspace" in hint
    assert server.end(signal.SIGTERM) == 0


def test_a_token_made_and_revoked_beside_a_running_server_takes_effect(ringback: Program) -> None:
    server = ringback.start("serve", "--port", "0", "--json")
    jobs = f"{server.ready()['url']}/jobs"
    made = json.loads(ringback.run("keys", "create", "--workspace", "studio", "--json").stdout)
    assert status_of(jobs, token="rb_made-up") == 401
    assert status_of(jobs, token=made["token"]) == 200
    assert ringback.run("keys", "revoke", made["token_id"]).returncode == 0
    while status_of(jobs, token=made["token"]) == 200:
        continue  # the server believes what it knows for a second
    assert status_of(jobs, token=made["token"]) == 401
    assert server.end(signal.SIGTERM) == 0
