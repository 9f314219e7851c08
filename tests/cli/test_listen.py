"""``ringback listen``: the feed from the command line."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from ringback.cli.program import run
from ringback.testing import FakeReceiver, redirect, respond
from tests.cli.program import Program
from tests.cli.test_deliveries import submit


def once(ringback: Program, url: str, *more: str) -> list[str]:
    """Return the ids of the jobs whose events are printed."""
    done = ringback.run("listen", "--url", url, "--once", "--json", *more)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["job_id"] for line in done.stdout.splitlines()]


@pytest.mark.timeout(60)
def test_each_event_is_printed_once_over_many_runs(ringback: Program, tmp_path: Path) -> None:
    url = ringback.start("dev", "--port", "0", "--json").ready()["url"]
    state = ("--state", "place")
    assert once(ringback, url, *state) == []
    listening = ringback.start("listen", "--url", url, "--json", *state)
    first = submit(url)
    event = json.loads(listening.line())
    assert event["job_id"] == first
    assert json.loads(event["body"])["job_id"] == first
    assert listening.end(signal.SIGINT) == 130
    submit(url, token="rival")
    second = submit(url)
    seen: list[str] = []
    while second not in seen:
        seen += once(ringback, url, *state)
    # Between printing an event and keeping its place it may have been interrupted.
    assert seen in ([second], [first, second])
    assert once(ringback, url, *state) == []
    assert once(ringback, url, "--from-start") == [first, second]
    assert [path.name for path in tmp_path.iterdir()] == [".ringback", "place"]


async def refusal(ringback: Program, url: str, *more: str) -> str:
    done = await asyncio.to_thread(ringback.run, "listen", "--url", url, "--once", *more)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


async def test_an_answer_of_no_ringback_server_is_an_error(
    ringback: Program, tmp_path: Path
) -> None:
    (tmp_path / "torn").write_text("\x1b[2J")
    answers = [respond(200), respond(200, body=b'{"items": 7}'), redirect("http://127.0.0.1:1/")]
    async with FakeReceiver(answers) as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        for _ in range(2):
            assert "not a Ringback server" in await refusal(ringback, url)
        assert "answered 302" in await refusal(ringback, url)
        assert receiver.requests_count == 3
        assert "no cursor of a feed" in await refusal(ringback, url, "--state", "torn")
    assert "cannot be reached" in await refusal(ringback, url)


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [("--url", "ftp://127.0.0.1", "no server's URL"), ("--token", "a b", "visible ASCII")],
)
def test_a_server_or_token_that_cannot_work_is_wrong_usage(
    option: str, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["listen", "--once", option, text]) == 2
    error = capsys.readouterr().err
    assert option in error
    assert says in error
