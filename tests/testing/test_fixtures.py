"""The fixtures that ``pip install ringback`` brings, as the tests of a program use them."""

from __future__ import annotations

import os

import httpx2
import pytest

from ringback.errors import InvalidFaults
from ringback.testing import respond
from ringback.testing.emulator import Emulator
from ringback.testing.inbox import WebhookInbox
from ringback.testing.lab import Lab

NULL = "/generate/image/ringback/null"


def submit(
    server: Emulator, *, webhook_url: str, headers: dict[str, str] | None = None
) -> httpx2.Response:
    return httpx2.post(
        server.url + NULL,
        json={"prompt": "a harbour in fog"},
        headers={
            "authorization": f"Bearer {server.api_key}",
            "x-webhook-url": webhook_url,
            **(headers or {}),
        },
    )


def test_a_job_calls_the_inbox(ringback_server: Emulator, webhook_inbox: WebhookInbox) -> None:
    job_id = submit(ringback_server, webhook_url=webhook_inbox.url).json()["job_id"]
    webhook = webhook_inbox.wait(event="job.completed", job_id=job_id)
    assert webhook.is_genuine
    assert webhook.job.status == "completed"
    assert webhook.attempt == 1
    webhook_inbox.assert_nothing_more()


def test_clients_find_the_server_by_the_environment(ringback_server: Emulator) -> None:
    assert os.environ["RINGBACK_BASE_URL"] == ringback_server.url
    assert os.environ["RINGBACK_API_KEY"] == "dev"
    assert os.environ["RINGBACK_WEBHOOK_SECRET"] == ringback_server.secret


async def test_a_test_on_an_event_loop_waits_without_holding_it_up(
    ringback_server: Emulator, webhook_inbox: WebhookInbox
) -> None:
    job_id = submit(ringback_server, webhook_url=webhook_inbox.url).json()["job_id"]
    assert (await webhook_inbox.wait_async(job_id=job_id)).event == "job.completed"


def test_a_webhook_that_is_answered_badly_comes_again_when_time_passes(
    ringback_server: Emulator, webhook_inbox: WebhookInbox, ringback_lab: Lab
) -> None:
    webhook_inbox.answer(503, respond(429, headers=[("retry-after", "3600")]))
    submit(ringback_server, webhook_url=webhook_inbox.url)
    first = webhook_inbox.wait()
    assert ringback_lab.advance("2h") in (2, 3)  # the first may be recorded only now
    second, third = webhook_inbox.wait(), webhook_inbox.wait()
    assert {one.webhook_id for one in (first, second, third)} == {first.webhook_id}
    assert [one.attempt for one in (first, second, third)] == [1, 2, 3]
    assert third.is_genuine
    assert ringback_lab.advance("75h") == 0


def test_faults_are_for_one_submission_for_some_or_for_all(
    ringback_server: Emulator, webhook_inbox: WebhookInbox, ringback_lab: Lab
) -> None:
    url = webhook_inbox.url
    submit(ringback_server, webhook_url=url, headers=ringback_lab.header("signature=bad"))
    assert not webhook_inbox.wait().is_genuine
    ringback_lab.every_job("job=fail")
    submit(ringback_server, webhook_url=url)
    assert webhook_inbox.wait(event="job.failed").job.error
    ringback_lab.next_jobs("none", "answer=402")
    assert submit(ringback_server, webhook_url=url).status_code == 200
    assert submit(ringback_server, webhook_url=url).status_code == 402
    assert submit(ringback_server, webhook_url=url).status_code == 200
    ringback_lab.script('[[rule]]\nevery = 2\nfaults = "answer=429"')
    assert [submit(ringback_server, webhook_url=url).status_code for _ in range(4)] == [
        200,
        429,
        200,
        429,
    ]


def test_a_fault_that_is_none_says_so_at_once(ringback_lab: Lab) -> None:
    with pytest.raises(InvalidFaults, match="deliver"):
        ringback_lab.header("delivr=twice")
    with pytest.raises(InvalidFaults):
        ringback_lab.every_job("deliver=thrice")


def test_a_missing_webhook_is_an_assertion_that_lists_the_received_ones(
    ringback_server: Emulator, webhook_inbox: WebhookInbox
) -> None:
    submit(ringback_server, webhook_url=webhook_inbox.url)
    webhook_inbox.wait()
    with pytest.raises(AssertionError, match=r"No webhook job\.failed .* came job\.completed of"):
        webhook_inbox.wait(event="job.failed", timeout_s=0.01)
    submit(ringback_server, webhook_url=webhook_inbox.url)
    webhook_inbox.wait(timeout_s=10)
    webhook_inbox.assert_nothing_more()


@pytest.mark.parametrize("number", [1, 2])
def test_every_test_has_a_server_of_its_own(ringback_server: Emulator, number: int) -> None:
    headers = {"authorization": "Bearer dev"}
    assert httpx2.get(f"{ringback_server.url}/jobs", headers=headers).json()["items"] == []
    submit(ringback_server, webhook_url="http://127.0.0.1:9/nobody")


def test_a_server_that_cannot_start_says_why(tmp_path: pytest.TempPathFactory) -> None:
    from pathlib import Path

    from ringback.errors import SetupError

    file = Path(str(tmp_path)) / "file"
    file.touch()
    with pytest.raises(SetupError), Emulator(file):
        pass
