"""Every snippet of the README and the guides is run; here are those in shell, Node and Go."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from ringback.ids import new_secret
from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from tests.docs.pages import PAGES, ROOT, blocks

SERVER = "http://127.0.0.1:7464"
RECEIVER = "http://127.0.0.1:8000/webhook"
PROGRAMS = {"sh", "python", "javascript", "go"}
_LIMIT_S = 120

# Where each is run: a snippet that is not here is not, and fails the test below.
HERE = {
    ("README.md", "sh"): 5,
    ("docs/assets.md", "sh"): 1,
    ("docs/cli.md", "sh"): 5,
    ("docs/client.md", "javascript"): 1,
    ("docs/lab.md", "sh"): 4,
    ("docs/listen.md", "sh"): 1,
    ("docs/models.md", "sh"): 1,
    ("docs/node-apps.md", "sh"): 1,
    ("docs/styles.md", "sh"): 1,
    ("docs/webhooks.md", "go"): 1,
    ("docs/webhooks.md", "javascript"): 1,
    ("docs/webhooks.md", "sh"): 2,
}
ELSEWHERE = {
    ("README.md", "javascript"): 1,  # test_readme.py
    ("README.md", "python"): 2,  # test_readme.py and client/test_guide.py
    ("docs/assets.md", "python"): 1,  # client/test_guide.py
    ("docs/listen.md", "python"): 1,  # client/test_guide.py
    ("docs/node-apps.md", "python"): 1,  # below
    ("docs/client.md", "python"): 4,  # client/test_guide.py
    ("docs/scale.md", "sh"): 2,  # test_scale_page.py
    ("docs/receiver.md", "python"): 2,  # receiver/test_guide.py
    ("docs/testing.md", "python"): 4,  # plugin/test_guide.py
    ("docs/webhooks.md", "python"): 1,  # test_docs.py
}


def test_every_snippet_is_run_somewhere() -> None:
    found: dict[tuple[str, str], int] = {}
    for path in PAGES:
        for language in re.findall(r"^```(\w+)$", path.read_text("utf-8"), re.MULTILINE):
            if language in PROGRAMS:
                name = (str(path.relative_to(ROOT)), language)
                found[name] = found.get(name, 0) + 1
    assert found == {**HERE, **ELSEWHERE}


class Shell:
    """Runs snippets in an empty directory, their addresses changed for those of this test."""

    def __init__(
        self, directory: Path, environment: dict[str, str], changes: dict[str, str]
    ) -> None:
        self.directory = directory
        self._environment = environment
        self._changes = changes

    def __call__(self, snippet: str, *, status: int = 0) -> str:
        """Return what a snippet prints, and fail when it ends otherwise."""
        for old, new in self._changes.items():
            snippet = snippet.replace(old, new)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", snippet],
            cwd=self.directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout


@pytest.fixture
def shell(
    tmp_path: Path,
    on_path: str,
    ringback_server: Emulator,
    webhook_inbox: WebhookInbox,
) -> Shell:
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    directory = tmp_path / "here"
    directory.mkdir()
    changes = {
        SERVER: ringback_server.url,
        RECEIVER: webhook_inbox.url,
        "https://jobs.example.com": ringback_server.url,
        "whsec_…": ringback_server.secret,
        "/srv/ringback": str(tmp_path / "srv"),
    }
    return Shell(directory, {**os.environ, "PATH": on_path, "TOKEN": "dev"}, changes)


def test_the_readmes_first_commands_work_in_their_order(shell: Shell) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    making, activating, helping = blocks("README.md", "sh")[0].splitlines()
    target = making.split()[1]
    subprocess.run(["make", "-n", target, "test"], cwd=ROOT, check=True, capture_output=True)
    assert activating.split()[1] == ".venv/bin/activate"
    # These tests run in an environment of that target.
    assert shell(helping).startswith("Usage: ringback ")
    (serving,) = blocks("README.md", "sh")[1].splitlines()
    ready = f"exec 3< <({serving} --port 0 --json & echo $!; wait)\n"
    line = shell(f"{ready}read -u 3 pid; read -u 3 line; kill $pid; echo $line")
    assert json.loads(line)["secret"].startswith("whsec_")


@pytest.mark.timeout(_LIMIT_S)
def test_the_snippets_in_shell_do_what_is_said_of_them(
    shell: Shell, webhook_inbox: WebhookInbox
) -> None:
    _, _, submitting, generating, _ = blocks("README.md", "sh")
    job_id = json.loads(shell(submitting))["job_id"]
    output = shell(generating)
    assert "fox.png\n204 in " in output
    assert output.endswith("genuine  The signature is right, and it is of now.\n")
    assert webhook_inbox.wait(job_id=job_id).is_genuine
    checking, faulty, advancing, resetting = blocks("docs/lab.md", "sh")
    assert re.search("^fail  refuses-bad-signatures ", shell(checking, status=1), re.MULTILINE)
    doubled = json.loads(shell(faulty))["job_id"]
    output = shell(advancing)
    assert re.fullmatch(r"before    \S+\nnow       \S+\nattempts  \d+\n", output)
    first, second = (webhook_inbox.wait(job_id=doubled) for _ in range(2))
    assert first.webhook_id == second.webhook_id
    assert re.match(r"jobs +[1-9]\d*\ndeliveries +\d+\n", shell(resetting))
    Image.new("RGB", (40, 30)).save(shell.directory / "fox.jpg")
    (uploading,) = blocks("docs/assets.md", "sh")
    assert json.loads(shell(uploading))["description"] == "a red fox"
    endpoint, again = blocks("docs/webhooks.md", "sh")
    assert json.loads(shell(endpoint))["url"] == "https://shop.example/webhooks"
    assert json.loads(shell(again))["status"] in ("running", "done", "completed", "pending")


@pytest.mark.timeout(_LIMIT_S)
def test_a_style_is_trained_and_drawn_in_as_the_guide_says(shell: Shell) -> None:
    (training,) = blocks("docs/styles.md", "sh")
    answered, drawing = blocks("docs/styles.md", "json")
    Image.new("RGB", (32, 32), (200, 40, 40)).save(shell.directory / "ink.png")
    asset = json.loads(
        shell(f"curl -s {SERVER}/assets -H 'Authorization: Bearer dev' -F file=@ink.png")
    )
    for number in (1, 2):
        training = training.replace(f"https://example.com/ink-{number}.png", asset["image_url"])
    document = json.loads(shell(training))
    assert list(document) == list(json.loads(answered))
    style_id = document["result"]["style_id"]
    body = json.dumps({**json.loads(drawing), "styles": [{"id": style_id, "strength": 0.8}]})
    path = f"{SERVER}/generate/image/bfl/flux-1-dev"
    wait = "-H 'Authorization: Bearer dev' -H 'Prefer: wait=60'"
    drawn = json.loads(shell(f"curl -s {path} {wait} --json '{body}'"))
    assert drawn["status"] == "completed"


@pytest.mark.timeout(_LIMIT_S)
def test_the_snippets_of_the_command_line_do_what_is_said_of_them(
    shell: Shell, webhook_inbox: WebhookInbox
) -> None:
    first, generating, triggering, verifying, completing = blocks("docs/cli.md", "sh")
    assert shell(first) == "fox.png\n"
    document, saved, job_id = shell(generating).splitlines()
    assert json.loads(document)["status"] == "completed"
    assert (shell.directory / saved).exists()
    assert re.fullmatch("[0-9a-f-]{36}", job_id)
    assert shell(triggering).count("204 in ") == 3
    webhook_inbox.wait(event="job.completed")
    assert webhook_inbox.wait(event="job.failed").job.job_id.startswith("550e8400")
    (shown,) = blocks("docs/cli.md", "text")
    assert shell(verifying, status=1) == shown
    shell(completing)


@pytest.mark.timeout(_LIMIT_S)
def test_the_example_of_a_node_app_runs_as_its_page_says(
    shell: Shell,
    ringback_server: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app, refused = blocks("docs/node-apps.md", "json")
    (shell.directory / "portrait.json").write_text(app, "utf-8")
    (running,) = blocks("docs/node-apps.md", "sh")
    version, *outputs = shell(running).splitlines()
    (shown,) = blocks("docs/node-apps.md", "text")
    assert re.fullmatch("[0-9a-f-]{36}", version)
    assert [line.split()[0] for line in outputs] == [line.split()[0] for line in shown.splitlines()]
    wrong = app.replace('"width": {"from": "input.width"}', '"width": 9000', 1)
    (shell.directory / "wrong.json").write_text(wrong, "utf-8")
    answer = shell(f"curl -s {SERVER}/node-apps -H 'Authorization: Bearer dev' --json @wrong.json")
    assert json.loads(answer) == json.loads(refused)
    for name, value in ringback_server.environment.items():
        monkeypatch.setenv(name, value)
    (snippet,) = blocks("docs/node-apps.md", "python")
    capsys.readouterr()  # what the server in this process has logged
    exec(snippet, {})
    assert f"\n{ringback_server.url}/artifacts/" in "\n" + capsys.readouterr().out


@pytest.mark.timeout(_LIMIT_S)
def test_a_server_is_put_into_production_as_the_readme_says(shell: Shell) -> None:
    making, serving, examining = blocks("README.md", "sh")[4].splitlines()
    assert re.fullmatch(r"rb_\S+\n", shell(making))
    # It serves until it is stopped; here that is when it is ready.
    ready = f"exec 3< <({serving.split('#')[0]} --port 0 --json & echo $!; wait)\n"
    script = f"{ready}read -u 3 pid; read -u 3 line; kill $pid; echo $line"
    assert json.loads(shell(script))["url"].startswith("http://127.0.0.1:")
    assert "is whole" in shell(f"{examining.split('#')[0]} --port 0")


@pytest.mark.timeout(_LIMIT_S)
def test_own_models_are_checked_as_their_guide_says(shell: Shell) -> None:
    model, versions, ending, inline, config = blocks("docs/models.md", "toml")
    later = model.partition("[[models]]")[2].replace('"poster"', '"poster-2"')
    dated = later.partition("[models.parameters]")[0].replace("poster-2", "poster-3")
    (shell.directory / "models").mkdir()
    (shell.directory / "models" / "studio.toml").write_text(
        f"{model}\n{ending}\n[[models]]\n{later}\n[[models]]\n{dated}\n{versions}"
    )
    (shell.directory / "ringback.toml").write_text(f"{config}\n{inline}")
    (checking,) = blocks("docs/models.md", "sh")
    checked = shell(checking)
    assert "yours   image/studio/poster, served by sketch" in checked
    assert "yours   image/garage/band/cover, served by sketch" in checked
    assert "routed  video/google/veo-3.1, served by null" in checked
    assert "routed  image/bfl/flux-1-dev, served by null" in checked
    assert "image/bfl/flux-1.1-pro" not in checked


@pytest.mark.timeout(_LIMIT_S)
def test_webhooks_are_forwarded_as_their_guide_says(
    shell: Shell, webhook_inbox: WebhookInbox
) -> None:
    (listening,) = blocks("docs/listen.md", "sh")
    local = webhook_inbox.url.replace("/webhook", "/forwarded")
    listening = listening.strip().replace("http://localhost:3000/webhook", local)
    submitting = blocks("README.md", "sh")[2].strip()
    # It listens until it is stopped; here that is when a webhook was forwarded.
    script = f"""exec 3< <({listening.replace("TOKEN", "dev")} --json & echo $!; wait)
read -r -u 3 pid; read -r -u 3 listener
{submitting} > submitted.json
read -r -u 3 forwarded; kill $pid; echo "$forwarded"
"""
    output = json.loads(shell(script))
    submitted = json.loads((shell.directory / "submitted.json").read_text())
    assert (output["job_id"], output["status_code"]) == (submitted["job_id"], 204)


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    return found


@pytest.mark.timeout(_LIMIT_S)
@pytest.mark.usefixtures("ringback_server")
def test_node_submits_a_job_with_fetch(tmp_path: Path) -> None:
    (code,) = blocks("docs/client.md", "javascript")
    (tmp_path / "submit.mjs").write_text(code, "utf-8")
    done = subprocess.run(
        [node(), "submit.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"completed \[\s*'http://127\.0\.0\.1:", done.stdout)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], directory: Path, *, secret: str, port: int) -> Iterator[str]:
    """Yield the URL of a receiver once it takes connections; it ends with the block."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, "RINGBACK_WEBHOOK_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        connected = False
        while not connected:
            assert process.poll() is None, process.communicate()[0]
            with socket.socket() as probe:
                connected = probe.connect_ex(("127.0.0.1", port)) == 0
        yield f"http://127.0.0.1:{port}/webhook"
    finally:
        process.kill()
        process.communicate()


def failures_of(command: list[str], directory: Path, *, secret: str, port: int) -> list[str]:
    """Return what the lab's battery finds wrong with a receiver that a command runs."""
    with running(command, directory, secret=secret, port=port) as url:
        check = [sys.executable, "-m", "ringback", "lab", "check", url, "--secret", secret]
        done = subprocess.run([*check, "--json"], capture_output=True, text=True, check=False)
    findings = json.loads(done.stdout)["findings"]
    assert len(findings) > 15
    return [one["name"] for one in findings if one["verdict"] == "fail"]


def a_receiver(directory: Path, language: str, *, file: str) -> tuple[str, int]:
    """Write the guide's receiver in a language; return a secret for it and its port."""
    (code,) = blocks("docs/webhooks.md", language)
    port = free_port()
    (directory / file).write_text(code.replace("8000", str(port)), "utf-8")
    return new_secret(), port


@pytest.mark.timeout(_LIMIT_S)
def test_the_lab_finds_nothing_wrong_with_the_guides_receiver_in_node(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    secret, port = a_receiver(tmp_path, "javascript", file="receiver.mjs")
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "standardwebhooks@1"]
    try:
        done = subprocess.run(install, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer")
    if done.returncode != 0:
        pytest.skip("npm cannot install standardwebhooks here")
    assert failures_of([node(), "receiver.mjs"], tmp_path, secret=secret, port=port) == []


@pytest.mark.timeout(_LIMIT_S)
def test_the_lab_finds_nothing_wrong_with_the_guides_receiver_in_go(tmp_path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    secret, port = a_receiver(tmp_path, "go", file="receiver.go")
    environment = {**os.environ, "GO111MODULE": "off", "GOCACHE": str(tmp_path / "cache")}
    build = [go, "build", "-o", "receiver", "receiver.go"]
    subprocess.run(build, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert failures_of(["./receiver"], tmp_path, secret=secret, port=port) == []


@pytest.mark.timeout(_LIMIT_S)
def test_a_script_waits_for_the_ready_line_as_the_guide_says(shell: Shell) -> None:
    (script,) = blocks("docs/testing.md", "bash")
    # The submission's answer is all that it prints, and the server ends with the script.
    assert json.loads(shell(f"{script}wait $server"))["status"] in ("queued", "completed")
