"""``ringback trigger`` posts made-up events; ``ringback verify`` explains a wrong signature."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.ids import new_secret
from ringback.receiver import Receiver
from ringback.testing import ReceivedRequest, redirect, respond
from ringback.testing.inbox import WebhookInbox
from ringback.webhooks.events import INTERIM_EVENTS, TERMINAL_EVENTS, EventType
from tests.cli.inside import Inside
from tests.cli.test_jobs_models_assets import NASTY, answer_of, serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FIVE = ["job_id", "status", "created_at", "completed_at", "result"]


@pytest.mark.parametrize("event", list(EventType))
def test_every_event_is_one_that_receivers_take(event: EventType, inside: Inside) -> None:
    got: list[ReceivedRequest] = []

    def taken(request: ReceivedRequest, transport: Any) -> None:
        got.append(request)
        transport.write(respond(204))

    with serving(taken) as url:
        to = ("--to", f"{url}/webhook?shop=7", "--secret", SECRET)
        triggered = inside("trigger", event, *to, "--json").document
    (request,) = got
    assert (request.method, request.path) == ("POST", "/webhook?shop=7")
    verified = Receiver(SECRET).verify(request.headers, request.body)
    assert verified.webhook_id == triggered["webhook_id"]
    assert (verified.type, request.header("ringback-event")) == (event, event)
    assert (triggered["status_code"], triggered["delivered"]) == (204, True)
    body = json.loads(request.body)
    if event in TERMINAL_EVENTS + INTERIM_EVENTS:
        more = ["progress"] if event is EventType.JOB_PROGRESS else []
        assert list(body) == FIVE + more
        assert (body["completed_at"] is not None) is (event in TERMINAL_EVENTS)
    else:
        assert list(body) == ["type", "timestamp", "data"]
        assert body["type"] == event
        assert body["data"]


def test_members_of_a_body_are_overridden_and_signed(inside: Inside, tmp_path: Path) -> None:
    patch = tmp_path / "patch.json"
    patch.write_text('{"status": "moderated", "created_at": null, "more": {"a": 1}}', "utf-8")
    done = inside(
        *("trigger", "job.completed", "--dry-run", "--json", "--secret", SECRET),
        *("--data", f"@{patch}", "--set", "result.urls.0=https://x/y.glb"),
        *("--set", "more.b=[2]", "--set", "note=5 foxes"),
    ).document
    body = json.loads(done["body"])
    Receiver(SECRET).verify(done["headers"], done["body"].encode())
    assert (body["status"], body["note"], body["more"]) == (
        "moderated",
        "5 foxes",
        {"a": 1, "b": [2]},
    )
    assert body["result"]["urls"][0] == "https://x/y.glb"
    assert "created_at" not in body
    assert body["completed_at"] is not None


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--set", "status", "is not PATH=VALUE"),
        ("--set", "=1", "is not PATH=VALUE"),
        ("--set", "result.urls.x=1", "names no item"),
        ("--set", "result.urls.9=1", "names no item"),
        ("--data", "[1]", "--data is a JSON object"),
        ("--data", "{", "--data is no JSON"),
        ("--data", "@nowhere.json", "--data cannot be read"),
    ],
)
def test_wrong_overrides_are_refused(
    inside: Inside, option: str, value: str, sentence: str
) -> None:
    refused = inside("trigger", "job.completed", "--dry-run", option, value, status=2)
    assert sentence in refused.err


def test_notices_have_the_facts_of_real_ones(inside: Inside) -> None:
    done = inside("trigger", "destination.paused", "--dry-run", "--secret", SECRET, "--json")
    data = json.loads(done.document["body"])["data"]
    assert data["failures"] == 10
    assert data["paused_until"] is not None
    done = inside("trigger", "delivery.exhausted", "--dry-run", "--json", "--job-id", "job-7")
    assert json.loads(done.document["body"])["data"]["job_id"] == "job-7"


@pytest.mark.usefixtures("ringback_server")
def test_an_inbox_finds_it_genuine(webhook_inbox: WebhookInbox, inside: Inside) -> None:
    done = inside("trigger", "job.completed", "--to", webhook_inbox.url, "--job-id", "job-7")
    webhook = webhook_inbox.wait(event="job.completed", job_id="job-7")
    assert webhook.is_genuine  # the fixture's secret is in the environment
    assert done.out.startswith("204 in ")


def test_the_same_can_be_delivered_twice(inside: Inside) -> None:
    with serving(204, 204) as url:
        for _ in range(2):
            more = ("--webhook-id", "delivery-7", "--secret", SECRET, "--json")
            triggered = inside("trigger", "job.failed", "--to", url, *more).document
            assert triggered["webhook_id"] == "delivery-7"
    assert inside("trigger", "job.failed", "--dry-run", "--webhook-id", "a.b", status=2).out == ""


def test_an_answer_that_is_no_2xx_is_shown_and_status_1(inside: Inside) -> None:
    with serving(respond(503, body=NASTY.encode()), redirect("http://127.0.0.1:1/"), 410) as url:
        done = inside("trigger", "job.completed", "--to", url, "--secret", SECRET, status=1)
        assert "503 in " in done.out
        assert "a real one would be tried again" in done.out
        assert "\\x1b]0;owned" in done.out
        assert "302 in " in inside("trigger", "job.completed", "--to", url, status=1).out
        gone = inside("trigger", "job.completed", "--to", url, status=1)
        assert "not be tried again" in gone.out
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert "did not answer" in inside("trigger", "job.completed", "--to", url, status=6).err


def test_without_a_secret_it_says_so(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGBACK_WEBHOOK_SECRET", raising=False)
    assert "with a random one: whsec_" in inside("trigger", "job.completed", "--dry-run").err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["job.done", "--to", "http://127.0.0.1:1/"], "job.completed, job.failed"),
        (["job.completed"], "--to"),
        (["job.completed", "--to", "127.0.0.1:8000"], "http://"),
        (["job.completed", "--to", "http://[::1"], "http://"),
        (["job.completed", "--to", "http://127.0.0.1:1/", "--secret", "!"], "whsec_ and base64"),
    ],
)
def test_wrong_usage_of_trigger_is_an_error(
    inside: Inside, arguments: list[str], says: str
) -> None:
    assert says in inside("trigger", *arguments, status=2).err


class Pipe(io.TextIOWrapper):
    """A standard input with these bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), "utf-8")


def request_of(capsysbinary: pytest.CaptureFixture[bytes], secret: str) -> bytes:
    from ringback.cli.program import run

    assert run(["trigger", "job.completed", "--dry-run", "--secret", secret]) == 0
    return capsysbinary.readouterr().out


@pytest.fixture
def captured(capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    return request_of(capsysbinary, SECRET)


def verify(
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    request: bytes,
    *arguments: str,
) -> tuple[int, str]:
    from ringback.cli.program import run

    monkeypatch.setattr(sys, "stdin", Pipe(request))
    status = run(["verify", *arguments])
    shown = capsysbinary.readouterr()
    assert b"Traceback" not in shown.err
    return status, (shown.out + shown.err).decode()


def test_a_captured_request_is_verified(
    captured: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
) -> None:
    def seen(request: bytes, *arguments: str) -> tuple[int, str]:
        return verify(monkeypatch, capsysbinary, request, *arguments)

    secret = ("--secret", SECRET)
    assert seen(captured, *secret) == (0, "genuine  The signature is right, and it is of now.\n")
    assert seen(captured, "--secret", new_secret(), *secret)[0] == 0
    head, _, body = captured.partition(b"\r\n\r\n")
    assert seen(head.replace(b"\r\n", b"\n") + b"\n\n" + body, *secret)[0] == 0
    status, printed = seen(captured, "--secret", new_secret())
    assert (status, "not the one that signed this" in printed) == (1, True)
    spaced = captured.replace(b'","', b'", "')
    status, printed = seen(spaced, *secret, "--json")
    assert status == 1
    assert [one["code"] for one in json.loads(printed)["findings"]] == ["reserialized"]
    later_s = SystemClock().now_ms() // 1000 + 4_000
    assert "receivers allow 300" in seen(captured, *secret, "--at", str(later_s))[1]
    assert seen(captured, *secret, "--at", str(later_s), "--tolerance", "9000")[0] == 0
    assert seen(captured, *secret, "--at", "2001-01-01")[0] == 1
    (tmp_path / "request").write_bytes(captured)
    assert seen(b"", str(tmp_path / "request"), *secret)[0] == 0
    monkeypatch.setenv("RINGBACK_WEBHOOK_SECRET", SECRET)
    assert seen(captured)[0] == 0
    for request, arguments, says in (
        (b"hello", secret, "No empty line"),
        (b"", secret, "No empty line"),
        (captured, (*secret, "--at", "soon"), "ISO 8601"),
        (b"x" * (2**21 + 1), secret, "more than"),
    ):
        status, printed = seen(request, *arguments)
        assert (status, says in printed) == (2, True), printed
    monkeypatch.delenv("RINGBACK_WEBHOOK_SECRET")
    assert "--secret" in seen(captured)[1]


def test_control_characters_of_a_request_are_escaped(
    captured: bytes, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    nasty = captured.replace(b"webhook-timestamp: ", b"webhook-timestamp: \x1b]0;owned\x07")
    _, printed = verify(monkeypatch, capsysbinary, nasty, "--secret", SECRET)
    assert "owned" in printed
    assert "\x1b" not in printed


def test_the_inbox_answers_a_document(inside: Inside) -> None:
    with serving(answer_of({"taken": True})) as url:
        done = inside("trigger", "job.completed", "--to", url, "--secret", SECRET)
    assert done.out.splitlines()[1] == '{"taken": true}'
