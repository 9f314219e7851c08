from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import httpx2
import pytest

from ringback.catalogue.catalogue import Catalogue
from tests.cli.program import Program, status_of


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_ephemeral_emulators_data_go_with_it(
    ringback: Program, tmp_path: Path, number: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    server = ringback.start("dev", "--port", "0", "--ephemeral", "--json", **environment)
    ready = server.ready()
    assert ready["ephemeral"] is True
    assert (Path(ready["data"]) / "ringback.db").exists()
    assert Path(ready["data"]).is_relative_to(temporary)
    assert server.end(number) == 0
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / ".ringback").exists()


def test_an_ephemeral_emulator_that_cannot_start_leaves_nothing(
    ringback: Program, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = ringback.run("dev", "--ephemeral", "--port", port, TMPDIR=str(temporary))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []


def test_ephemeral_data_and_a_directory_exclude_each_other(ringback: Program) -> None:
    done = ringback.run("dev", "--ephemeral", "--data", "data")
    assert done.returncode == 2
    assert "leave one out" in done.stderr


def test_an_ephemeral_emulator_says_so_to_people(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--ephemeral", "--log-format", "text")
    assert any("deleted at the end" in line for line in server.lines_until("Ctrl-C"))
    assert server.end(signal.SIGTERM) == 0


def test_the_settings_file_has_the_labs_table_and_doctor_finds_a_wrong_one(
    ringback: Program, tmp_path: Path
) -> None:
    (tmp_path / "conf").mkdir()
    config = tmp_path / "conf/ringback.toml"
    config.write_text('[[lab.answers]]\nerror = "out of credit"\n', "utf-8")
    server = ringback.start("dev", "--port", "0", "--ephemeral", "--json", "--config", str(config))
    url = server.ready()["url"]
    job = httpx2.post(
        f"{url}/generate/image/ringback/null",
        json={"prompt": "a fox"},
        headers={"authorization": "Bearer dev", "prefer": "wait=50"},
        timeout=60,
    ).json()
    assert job["result"]["error"] == "out of credit"
    emptied = ringback.run("lab", "reset", "--url", url, "--json")
    assert json.loads(emptied.stdout)["jobs"] == 1
    shown = ringback.run("lab", "reset", "--url", url).stdout.splitlines()
    assert shown[:2] == ["jobs        0", "deliveries  0"]
    assert server.end(signal.SIGTERM) == 0
    config.write_text('[[lab.answers]]\nfiles = ["fox.png"]\n', "utf-8")
    for command in ("dev", "doctor"):
        done = ringback.run(command, "--config", str(config))
        assert done.returncode == 1
        assert "conf/fox.png is not there" in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


def test_dev_shows_people_a_curl_line_that_works(ringback: Program) -> None:
    server = ringback.start("dev", "--port", "0", "--log-format", "text")
    shown = server.lines_until("Ctrl-C")
    assert any("private networks" in line for line in shown)
    (url,) = [line.split()[-1] for line in shown if "is ready at" in line]
    facts = {words[0]: words[1] for line in shown if len(words := line.split()) > 1}
    assert facts["page"] == f"{url}/ui/"
    assert facts["secret"].startswith("whsec_")
    assert facts["inbox"].endswith("/dev")
    # Its data stay out of the repository that it was started in.
    assert (Path(facts["data"]) / ".gitignore").read_text() == "*\n"
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    first = next(number for number, line in enumerate(shown) if line.startswith("curl"))
    pasted = "\n".join(shown[first:-1]).strip()
    done = subprocess.run(["sh", "-c", pasted], capture_output=True, check=True)
    job = json.loads(done.stdout)
    assert job["status"] == "queued"
    # A line for the job's submission, one for its end, and one for the webhook.
    assert server.process.stderr is not None
    submitted, ended, delivered = (server.process.stderr.readline() for _ in range(3))
    time = r"\d\d:\d\d:\d\d  "
    assert re.fullmatch(rf"{time}queued +{job['job_id']}  bfl/flux-1-dev\n", submitted)
    assert re.fullmatch(rf"{time}completed +{job['job_id']}  in \d+ ms\n", ended)
    to_inbox = facts["inbox"].removesuffix("/dev")
    assert re.fullmatch(rf"{time}job.completed  \S+  204 in \d+ ms  {to_inbox}\n", delivered)
    # A failure is one short line too.
    failing = pasted.replace(facts["inbox"], "http://127.0.0.1:1/hook")
    subprocess.run(["sh", "-c", failing], capture_output=True, check=True)
    *_, failed = (server.process.stderr.readline() for _ in range(3))
    assert re.search(r"connect \(.+\) in \d+ ms; again at .*  http://127.0.0.1:1\n", failed)
    assert len(failed) < 250
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "[::1]", "::"])
def test_every_host_to_listen_on_is_reached_by_the_url_that_is_shown(
    ringback: Program, host: str
) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    server = ringback.start("dev", "--host", host, "--port", "0", "--json")
    url = server.ready()["url"]
    assert status_of(f"{url}/readyz") == 200
    port = url.rpartition(":")[2]
    if host == "localhost":
        for _, _, _, _, (address, *_) in socket.getaddrinfo("localhost", 0):
            if address == "::1" and not socket.has_dualstack_ipv6():
                continue
            shown = f"[{address}]" if ":" in str(address) else address
            assert status_of(f"http://{shown}:{port}/readyz") == 200
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
def test_a_port_in_use_is_one_sentence(ringback: Program, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ringback.run(command, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "--port" in done.stderr


def test_serve_without_keys_says_how_to_make_one(ringback: Program) -> None:
    server = ringback.start("serve", "--port", "0")
    assert server.line().startswith("Ringback is ready at http://127.0.0.1:")
    assert server.process.stderr is not None
    drawn, hint = (server.process.stderr.readline() for _ in range(2))
    count = len(Catalogue.load())  # all but ringback/null
    assert f"{count - 1} of {count} models are only drawn by sketch" in drawn
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
