"""``ringback apps`` pushes, shows and runs apps, and refuses wrong definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from tests.cli.inside import Inside
from tests.docs.pages import blocks

APP: dict[str, Any] = json.loads(blocks("docs/node-apps.md", "json")[0])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.json"
    path.write_text(json.dumps(APP), "utf-8")
    return path


@pytest.mark.usefixtures("ringback_server")
def test_an_app_is_pushed_listed_and_shown(inside: Inside, file: Path) -> None:
    assert inside("apps", "list").err == "No apps; ringback apps push FILE makes one.\n"
    pushed = inside("apps", "push", str(file), "--json").document
    assert inside("apps", "push", str(file)).out.splitlines()[-1] == pushed["version_id"]
    listed = inside("apps", "list")
    assert pushed["version_id"] in listed.out
    assert "portrait" in listed.out
    shown = inside("apps", "show", "portrait").out
    assert "input            subject (string, required)  Who is seen.\n" in shown
    assert "output           dusk (string)\n" in shown
    assert inside("apps", "show", "portrait", "--json").document["definition"] == APP


@pytest.mark.timeout(60)
def test_an_app_is_run_and_its_outputs_are_printed_by_their_names(
    ringback_server: Emulator, webhook_inbox: WebhookInbox, inside: Inside, file: Path
) -> None:
    inside("apps", "push", str(file))
    run = ("apps", "run", "portrait", "--subject", "a fox", "--width", "512")
    done = inside(*run, "--webhook", webhook_inbox.url)
    names = [line.split()[0] for line in done.out.splitlines() if "/artifacts/" in line]
    assert names == ["portrait", "dusk"]
    assert f"{ringback_server.url}/artifacts/" in done.out
    webhook = webhook_inbox.wait(event="job.completed")
    assert webhook.job.result is not None
    assert set(webhook.job.result["outputs"]) == {"portrait", "dusk"}
    shown = inside("jobs", "show", webhook.job.job_id).out
    assert "step          portrait  completed  " in shown
    assert "output        dusk: http" in shown
    text = json.dumps({"subject": "a fox", "width": 512})
    begun = inside("apps", "run", "portrait", "--input", text, "--no-wait", "--json").document
    assert inside("jobs", "cancel", begun["job_id"], "--json").document["status"] == "cancelled"


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("ringback_server")
def test_a_run_that_fails_says_which_step_did(inside: Inside, tmp_path: Path) -> None:
    values = {"prompt": "a fox", "image_url": "http://127.0.0.1:9/none.png"}
    steps = {"bad": {"model": "image/bfl/flux-1-dev", "input": values}}
    app = {"name": "Bad", "steps": steps, "outputs": {"bad": {"from": "bad.url"}}}
    (tmp_path / "bad.json").write_text(json.dumps(app), "utf-8")
    inside("apps", "push", str(tmp_path / "bad.json"))
    assert "The step bad failed: " in inside("apps", "run", "bad", status=3).err


@pytest.mark.usefixtures("ringback_server")
def test_a_wrong_definition_prints_each_error_with_its_path(inside: Inside, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**APP, "hat": 1, "outputs": {}}), "utf-8")
    error = inside("apps", "push", str(wrong), status=1).err
    assert "hat is not a field here" in error
    assert "outputs must be an object with at least one output" in error


def test_an_unreadable_file_is_an_error(inside: Inside, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", "utf-8")
    assert "is no JSON" in inside("apps", "push", str(broken), status=2).err
    broken.write_text("[]", "utf-8")
    assert "must hold a JSON object" in inside("apps", "push", str(broken), status=2).err
    assert "cannot be read" in inside("apps", "push", str(tmp_path / "none"), status=2).err


@pytest.mark.usefixtures("ringback_server")
def test_an_app_that_is_not_there_and_words_that_are_no_inputs(inside: Inside, file: Path) -> None:
    assert "no such node app" in inside("apps", "run", "nope", status=4).err
    inside("apps", "push", str(file))
    assert "is no option" in inside("apps", "run", "portrait", "a fox", status=2).err
    assert "subject is required" in inside("apps", "run", "portrait", status=1).err
