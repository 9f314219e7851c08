"""The commands of a client: jobs, models, assets, and opening a result."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ringback.cli.commands.open import has_viewer
from ringback.testing import FakeReceiver, ReceivedRequest, Script, respond
from ringback.testing.emulator import Emulator
from ringback.testing.lab import Lab
from ringback.testing.threads import LoopThread
from tests.cli.inside import Inside

NASTY = "\x1b]0;owned\x07‮evil\nline"
JOB = {
    "job_id": "9f1c",
    "status": "completed",
    "created_at": "2026-09-21T14:13:20.000Z",
    "completed_at": "2026-09-21T14:13:21.000Z",
    "result": {"urls": ["https://x.example/1.png"]},
}


@contextmanager
def serving(*answers: Script) -> Iterator[str]:
    """Yield the URL of a server that answers so, one after the other."""
    thread = LoopThread("server")
    receiver = FakeReceiver(list(answers))
    thread.call(receiver.__aenter__(), timeout_s=10)
    try:
        yield f"http://127.0.0.1:{receiver.port}"
    finally:
        thread.call(receiver.__aexit__(None, None, None), timeout_s=10)
        thread.close()


def answer_of(document: Any, status: int = 200) -> bytes:
    headers = [("content-type", "application/json")]
    return respond(status, headers=headers, body=json.dumps(document).encode())


def made(inside: Inside) -> str:
    job_id: str = inside("generate", "a fox", "-m", "ringback/null", "--json").document["job_id"]
    return job_id


@pytest.mark.usefixtures("ringback_server")
def test_jobs_are_listed_newest_first(inside: Inside) -> None:
    assert inside("jobs", "list").err == "No jobs; ringback generate makes one.\n"
    first, second = made(inside), made(inside)
    done = inside("jobs", "list")
    assert [line.split()[0] for line in done.out.splitlines()] == [second, first]
    assert "completed" in done.out
    found = inside("jobs", "list", "--limit", "1", "--json")
    assert [job["job_id"] for job in found.document] == [second]
    assert "--limit" in inside("jobs", "list", "--limit", "1").err
    assert inside("jobs", "list", "--status", "failed", "--json").document == []


@pytest.mark.usefixtures("ringback_server")
def test_a_job_is_shown_watched_and_no_longer_cancelled(inside: Inside) -> None:
    job_id = made(inside)
    shown = inside("jobs", "show", job_id)
    assert f"job_id        {job_id}\nstatus        completed\n" in shown.out
    assert "result        http" in shown.out
    watched = inside("jobs", "watch", job_id, "--json").out.splitlines()
    assert json.loads(watched[-1]) == inside("jobs", "show", job_id, "--json").document
    assert "was completed before" in inside("jobs", "cancel", job_id, status=1).err


def test_a_job_that_does_not_come_along_is_watched_and_cancelled(
    ringback_server: Emulator, ringback_lab: Lab, inside: Inside
) -> None:
    ringback_lab.every_job("stuck=processing")
    done = inside("generate", "a fox", "-m", "ringback/null", "--no-wait", "--json")
    job_id = done.document["job_id"]
    over = inside("jobs", "watch", job_id, "--timeout", "0.2", status=7)
    assert over.out.startswith("  0%  ")
    cancelled = inside("jobs", "cancel", job_id, "--json").document
    assert cancelled["status"] == "cancelled"
    assert "cancelled" in inside("jobs", "watch", job_id, status=3).out
    assert "cancelled" in inside("open", job_id, status=3).err


@pytest.mark.usefixtures("ringback_server")
def test_models_are_listed_and_shown_with_their_options(inside: Inside) -> None:
    listed = inside("models", "list")
    assert "image    bfl/flux-1-dev " in listed.out
    found = inside("models", "list", "--kind", "image", "--json").document
    assert len(found) == len([one for one in listed.out.splitlines() if one.startswith("image ")])
    shown = inside("models", "show", "image/bfl/flux-1-dev")
    assert "--guidance-scale " in shown.out
    assert "number, 512 to 2368, default 1024" in shown.out
    assert "string, required" in shown.out
    document = inside("models", "show", "bfl/flux-1-dev", "--json").document
    assert document["parameters"]["properties"]["width"]["minimum"] == 512
    assert "ringback models list" in inside("models", "show", "nope", status=4).err


def test_a_server_of_the_contract_alone_will_do(inside: Inside) -> None:
    schema = {"type": "object", "properties": {"width": {"type": "integer"}}}
    described = {
        "paths": {
            f"/generate/{kind}/a/b": {
                "post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}
            }
            for kind in ("image", "video")
        }
    }
    nothing = answer_of({"error": "no such route"}, 404)
    with serving(nothing, answer_of(described)) as url:
        done = inside("generate", "x", "-m", "a/b", "--url", url, status=2)
        assert "--kind image or --kind video" in done.err
    got: list[ReceivedRequest] = []

    def submitted(request: ReceivedRequest, transport: Any) -> None:
        got.append(request)
        transport.write(answer_of(JOB))

    with serving(nothing, answer_of(described), submitted) as url:
        command = ("generate", "x", "-m", "a/b", "--kind", "video", "--width", "7")
        inside(*command, "--no-wait", "--url", url, "--token", "key-7")
    (request,) = got
    assert request.path == "/generate/video/a/b"
    assert json.loads(request.body) == {"prompt": "x", "width": 7}
    assert request.header("authorization") == "Bearer key-7"
    with serving(nothing, answer_of({}), submitted) as url:
        inside("generate", "x", "-m", "enhance/a/c", "--scale", "2", "--no-wait", "--url", url)
    assert got[1].path == "/generate/enhance/a/c"
    assert json.loads(got[1].body) == {"prompt": "x", "scale": 2}


def test_control_characters_of_a_server_are_escaped(inside: Inside) -> None:
    job = {**JOB, "status": "failed", "type": NASTY, "result": {"error": NASTY, "urls": [NASTY]}}
    asset = {"id": NASTY, "image_url": NASTY, "description": NASTY, "mime_type": NASTY}
    style = {"id": NASTY, "title": NASTY, "prompt": NASTY, "models": [NASTY], "urls": [NASTY]}
    schema = {"properties": {NASTY: {"type": NASTY, "description": NASTY, "enum": [NASTY]}}}
    model = {"id": NASTY, "kind": "image", "title": NASTY, "description": NASTY}
    models = {"models": [{**model, "parameters": schema}]}
    for status, arguments, document in (
        (0, ["jobs", "list"], {"items": [job]}),
        (0, ["jobs", "show", "x"], job),
        (3, ["open", "x"], job),
        (0, ["assets", "list"], {"items": [asset]}),
        (0, ["assets", "show", "x"], asset),
        (0, ["styles", "list"], {"items": [style]}),
        (0, ["styles", "show", "x"], style),
        (0, ["models", "list"], models),
        (0, ["models", "show", NASTY], models),
        (4, ["jobs", "show", "x"], None),
    ):
        answer = answer_of({"error": NASTY}, 404) if document is None else answer_of(document)
        with serving(answer) as url:
            done = inside(*arguments, "--url", url, status=status)
        shown = done.out + done.err
        assert "owned" in shown
        assert not {character for character in shown if not character.isprintable()} - {"\n"}
        assert "‮" not in shown


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (5, answer_of({"error": "No such token."}, 401), "--token or RINGBACK_API_KEY"),
        (4, answer_of({"error": "No such job; check the id."}, 404), "check the id."),
        (1, answer_of({"error": "Too many.", "retry_after": 1}, 402), "Too many."),
        (1, respond(200, body=b"<html>"), "does the base URL lead to a server"),
        (1, respond(302), "answered 302"),
    ],
)
def test_a_refusal_is_one_sentence_and_a_status(
    inside: Inside, status: int, answer: bytes, says: str
) -> None:
    with serving(answer) as url:
        done = inside("jobs", "show", "7", "--url", url, status=status)
    assert done.err.startswith("ringback: ")
    assert says in done.err
    assert done.out == ""


def test_a_missing_server_is_an_error_with_a_hint(inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = inside("jobs", "list", "--url", url, status=6)
    assert "Is it running? ringback dev starts one" in done.err


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("RINGBACK_BASE_URL", "RINGBACK_API_KEY"), "Bearer ours"),
        (("KREA_BASE_URL", "KREA_API_KEY"), "Bearer ours"),
        (("KREA_API_BASE_URL", "KREA_API_TOKEN"), "Bearer ours"),
        (("RINGBACK_BASE_URL", "NOTHING"), "Bearer dev"),
    ],
)
def test_every_command_finds_its_server_by_the_clients_variables(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], expected: str
) -> None:
    got: list[str | None] = []
    pages = {"/events": {"items": [], "next_cursor": "a"}, "/jobs": {"items": []}}

    def answer(request: ReceivedRequest, transport: Any) -> None:
        got.append(request.header("authorization"))
        path = request.path.partition("?")[0]
        transport.write(answer_of(pages.get(path, {"now": "now", "ahead": "0 s"})))

    with serving(answer, answer, answer) as url:
        for variable in list(os.environ):
            if variable.startswith(("RINGBACK_", "KREA_")):
                monkeypatch.delenv(variable)
        monkeypatch.setenv(names[0], url)
        monkeypatch.setenv(names[1], "ours")
        for command in (["jobs", "list"], ["listen", "--once"], ["lab", "clock"]):
            inside(*command)
    assert got == [expected] * 3


def test_a_remote_server_asks_for_a_token(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGBACK_API_KEY", raising=False)
    for command in (["jobs", "list"], ["listen", "--once"]):
        done = inside(*command, "--url", "https://jobs.example.com", status=2)
        assert "There is no API key" in done.err


@pytest.mark.usefixtures("ringback_server")
def test_a_result_is_opened_where_something_opens_it(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = made(inside)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    closed = inside("open", job_id)
    address = closed.out.strip()
    assert address.startswith("http://127.0.0.1:")
    assert "Nothing here opens it" in closed.err
    assert inside("open", job_id, "--json").document == {
        "job_id": job_id,
        "urls": [address],
        "opened": False,
    }
    viewer = tmp_path / "viewer"
    viewer.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/seen\n', "utf-8")
    viewer.chmod(viewer.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", f"{viewer} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)
    opened = inside("open", job_id)
    assert (opened.out, opened.err) == ("", f"Opened {address}\n")
    assert (tmp_path / "seen").read_text("utf-8").strip() == address


def test_only_addresses_of_the_web_are_opened(inside: Inside) -> None:
    for found in ("file:///etc/passwd", "--help", "javascript:alert(1)"):
        with serving(answer_of({**JOB, "result": {"urls": [found]}})) as url:
            assert "no result to open" in inside("open", "9f1c", "--url", url, status=1).err


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_viewer_needs_a_screen(
    environment: dict[str, str], platform: str, expected: bool
) -> None:
    assert has_viewer(environment, platform) is expected


def test_assets_are_uploaded_listed_shown_and_deleted(inside: Inside, tmp_path: Path) -> None:
    asset = {
        "id": "a-7",
        "image_url": "https://x.example/a-7.png",
        "uploaded_at": "2026-09-21T14:13:20.000Z",
        "width": 20,
        "height": 13,
        "size_bytes": 7,
        "mime_type": "image/png",
    }
    file = tmp_path / "fox.png"
    file.write_bytes(b"a fox 7")
    got: list[ReceivedRequest] = []

    def uploaded(request: ReceivedRequest, transport: Any) -> None:
        got.append(request)
        transport.write(answer_of(asset))

    answers = (uploaded, answer_of({"items": [asset], "next_cursor": None}), answer_of(asset))
    with serving(
        *answers, answer_of({"success": True, "message": "gone"}), answer_of(asset)
    ) as url:
        at = ("--url", url)
        done = inside("assets", "upload", str(file), "--description", "a fox", *at)
        assert done.out == "https://x.example/a-7.png\n"
        assert inside("assets", "list", *at).out.startswith("a-7  2026-09-21 14:13:20Z  image/png")
        assert "width         20" in inside("assets", "show", "a-7", *at).out
        assert "a-7 is deleted" in inside("assets", "delete", "a-7", *at).err
        shown = inside("assets", "show", "a-7", "--json", *at).document
        assert {name: shown[name] for name in asset} == asset
    assert b"a fox 7" in got[0].body
    assert b'name="description"' in got[0].body
    missing = inside("assets", "upload", str(tmp_path / "nowhere.png"), status=2)
    assert "nowhere.png cannot be read" in missing.err


@pytest.mark.usefixtures("ringback_server")
def test_an_assets_life_on_a_real_server(inside: Inside, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (20, 13), (200, 30, 30)).save(picture, "PNG")
    file = tmp_path / "fox.png"
    file.write_bytes(picture.getvalue())
    asset = inside("assets", "upload", str(file), "--description", "a fox", "--json").document
    assert (asset["width"], asset["height"], asset["mime_type"]) == (20, 13, "image/png")
    (listed,) = inside("assets", "list", "--json").document
    assert listed["id"] == asset["id"]
    assert f"{asset['id']}  " in inside("assets", "list").out
    assert "a fox" in inside("assets", "show", asset["id"]).out
    model = ("--model", "bfl/flux-1-dev", "--width", "512", "--height", "512")
    inside("generate", "a fox", *model, "--image-url", asset["image_url"], "--no-wait")
    assert f"{asset['id']} is deleted" in inside("assets", "delete", asset["id"]).err
    inside("assets", "show", asset["id"], status=4)
    assert inside("assets", "list").err.startswith("No assets")
    (tmp_path / "fox.txt").write_text("a fox")
    assert inside("assets", "upload", str(tmp_path / "fox.txt"), status=1).err


@pytest.mark.usefixtures("ringback_server")
def test_usage_is_grouped_by_the_options(inside: Inside) -> None:
    made(inside)
    by_model = inside("usage", "--by", "model", "--json").document
    (null,) = [one for one in by_model["items"] if one["model"] == "image/ringback/null"]
    assert null["jobs"] >= 1
    assert null["compute_units"] == 0
    shown = inside("usage", "--by", "model").out
    assert "image/ringback/null" in shown
    none = inside("usage", "--from", "2020-01-01", "--to", "2020-01-31")
    assert "No job was completed" in none.err
