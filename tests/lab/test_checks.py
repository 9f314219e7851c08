"""The checks against real receivers: a right one passes, and every check can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from ringback.clock import SystemClock
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.ids import new_secret
from ringback.lab.checks import CHECKS, examine
from ringback.lab.probe import Probe
from ringback.lab.report import Finding, Report, Verdict
from tests.lab.receivers import (
    BreaksOnBadJson,
    Broken,
    GoodReceiver,
    InOrder,
    KnownEvents,
    OneAtATime,
    OneSignature,
    OnlyEnds,
    OnlyPictures,
    OwnJobs,
    RefusesDuplicates,
    Refusing,
    Slow,
    Strict,
    TakesHalves,
    TakesUnsigned,
    Timeless,
    Unguarded,
    serving,
)

SECRET = new_secret()
JOB_ID = "01a208e4-b049-71fb-80f9-bd0e09a9e356"
FIRST = CHECKS[0].name

Make = Callable[[str], GoodReceiver]


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    made = WebhookSender(TargetPolicy.dev(), settings=ClientSettings(total_timeout_s=2.0))
    yield made
    await made.close()


def probe_of(url: str, sender: WebhookSender, **options: Any) -> Probe:
    return Probe(url, secret=SECRET, poster=sender, clock=SystemClock(), **options)


async def examined(
    receiver: GoodReceiver, sender: WebhookSender, *, job_id: str | None = None
) -> Report:
    async with serving(receiver) as server:
        return await examine(probe_of(server.url, sender, job_id=job_id))


def names(report: Report, verdict: Verdict) -> set[str]:
    return {finding.name for finding in report.findings if finding.verdict is verdict}


async def test_a_good_receiver_passes_everything(sender: WebhookSender) -> None:
    notified: list[Finding] = []
    async with serving(GoodReceiver(SECRET)) as server:
        report = await examine(probe_of(server.url, sender), on_finding=notified.append)
    assert names(report, Verdict.PASS) == {check.name for check in CHECKS}
    assert report.is_well
    assert report.not_tried == ()
    assert notified == list(report.findings)


BROKEN: list[tuple[Make, set[str]]] = [
    (Broken, {FIRST}),
    (
        Unguarded,
        {
            "refuses-bad-signatures",
            "refuses-missing-signatures",
            "refuses-other-bodies",
            "refuses-other-ids",
            "refuses-old-webhooks",
            "refuses-future-webhooks",
        },
    ),
    (TakesUnsigned, {"refuses-missing-signatures"}),
    (TakesHalves, {"refuses-truncated-bodies"}),
    (partial(Timeless, direction=-1), {"refuses-old-webhooks"}),
    (partial(Timeless, direction=1), {"refuses-future-webhooks"}),
    (OnlyPictures, {"takes-failures"}),
    (RefusesDuplicates, {"takes-it-again", "takes-it-at-once"}),
    (OneAtATime, {"takes-it-at-once"}),
    (InOrder, {"takes-disorder"}),
    (OnlyEnds, {"takes-late-starts"}),
    (Strict, {"takes-unknown-members"}),
    (partial(KnownEvents, status=500), {"takes-unknown-events"}),
    (OneSignature, {"takes-two-signatures", "takes-other-schemes"}),
    (BreaksOnBadJson, {"survives-bad-json"}),
]


@pytest.mark.parametrize(
    ("make", "failed"), BROKEN, ids=lambda value: getattr(value, "__name__", "")
)
async def test_each_mistake_fails_its_own_checks_and_no_other(
    sender: WebhookSender, make: Make, failed: set[str]
) -> None:
    report = await examined(make(SECRET), sender)
    assert names(report, Verdict.FAIL) == failed
    assert names(report, Verdict.WARN) == set()
    assert not report.is_well


async def test_a_receiver_that_breaks_on_strangers_jobs_fails_that_check(
    sender: WebhookSender,
) -> None:
    receiver = OwnJobs(SECRET, job_id=JOB_ID, status=500)
    report = await examined(receiver, sender, job_id=JOB_ID)
    assert names(report, Verdict.FAIL) == {"survives-unknown-jobs"}


async def test_a_receiver_may_refuse_jobs_that_it_does_not_know(sender: WebhookSender) -> None:
    receiver = OwnJobs(SECRET, job_id=JOB_ID, status=404)
    assert (await examined(receiver, sender, job_id=JOB_ID)).is_well
    report = await examined(receiver, sender)
    assert not report.is_well
    assert "--job-id" in report.findings[0].seen


async def test_slow_answers_are_a_warning(sender: WebhookSender) -> None:
    async with serving(Slow(SECRET, seconds=0.02)) as server:
        report = await examine(probe_of(server.url, sender, slow_ms=10.0))
    assert names(report, Verdict.WARN) == {"answers-fast"}
    assert report.is_well


async def test_a_receiver_that_takes_one_webhook_alone_fails(sender: WebhookSender) -> None:
    class OnceOnly(GoodReceiver):
        def take(self, webhook_id: str, headers: dict[str, str], job: object) -> int:
            self.seen.add(webhook_id)
            return 204 if len(self.seen) == 1 else 503

    report = await examined(OnceOnly(SECRET), sender)
    assert "answers-fast" in names(report, Verdict.FAIL)


async def test_a_refusal_with_410_loses_webhooks_and_one_with_5xx_repeats_them(
    sender: WebhookSender,
) -> None:
    refusals = {check.name for check in CHECKS if check.name.startswith("refuses-")}
    gone = await examined(Refusing(SECRET, status=410), sender)
    assert names(gone, Verdict.WARN) == refusals
    broken = await examined(Refusing(SECRET, status=500), sender)
    assert names(broken, Verdict.FAIL) == refusals


async def test_a_refusal_that_would_be_sent_again_is_a_warning(
    sender: WebhookSender,
) -> None:
    unknown = await examined(KnownEvents(SECRET), sender)
    assert names(unknown, Verdict.WARN) == {"takes-unknown-events"}

    class RefusesStarts(OnlyEnds):
        status = 400

    late = await examined(RefusesStarts(SECRET), sender)
    assert names(late, Verdict.WARN) == {"takes-late-starts"}
    assert late.is_well


async def test_a_receiver_with_another_secret_is_examined_no_further(sender: WebhookSender) -> None:
    report = await examined(GoodReceiver(new_secret()), sender)
    assert [finding.name for finding in report.findings] == [FIRST]
    assert report.not_tried == tuple(check.name for check in CHECKS[1:])
    assert "--secret" in report.findings[0].seen


async def test_a_receiver_that_is_not_there_is_told_by_its_reason(sender: WebhookSender) -> None:
    async with serving(GoodReceiver(SECRET)) as server:
        url = server.url
    report = await examine(probe_of(url, sender))
    assert "gave no answer (connect" in report.findings[0].seen
    assert not report.is_well


def test_the_mistakes_cover_every_check() -> None:
    tested = set().union(*(failed for _, failed in BROKEN))
    elsewhere = {"answers-fast", "survives-unknown-jobs"}
    assert tested | elsewhere == {check.name for check in CHECKS}
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_a_report_is_a_document_for_programs() -> None:
    finding = Finding(name="a", verdict=Verdict.WARN, why="w", seen="s")
    report = Report(url="http://127.0.0.1/", findings=(finding,), not_tried=("b",))
    assert report.document() == {
        "url": "http://127.0.0.1/",
        "ok": True,
        "findings": [{"name": "a", "verdict": "warn", "why": "w", "seen": "s"}],
        "not_tried": ["b"],
    }
