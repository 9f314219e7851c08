"""The checks of a receiver: the webhooks it must accept, those it must refuse, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from statistics import median

from msgspec import Struct

from ringback.egress.answer import Answer
from ringback.ids import new_secret
from ringback.lab.deliveries import (
    STALE_S,
    WebhookRequest,
    truncated,
    with_bad_signature,
    with_headers,
    without_header,
)
from ringback.lab.probe import Probe
from ringback.lab.report import Finding, Report, Verdict
from ringback.wire.signature import Signer

POSTS = 10
TOGETHER = 8

Seen = tuple[Verdict, str]


class Check(Struct, frozen=True, kw_only=True):
    """One check of a receiver; ``why`` is one sentence for its developer."""

    name: str
    why: str
    run: Callable[[Probe], Awaitable[Seen]]

    async def find(self, probe: Probe) -> Finding:
        """Run the check and return its finding."""
        verdict, seen = await self.run(probe)
        return Finding(name=self.name, verdict=verdict, why=self.why, seen=seen)


async def examine(
    probe: Probe, *, on_finding: Callable[[Finding], None] = lambda _finding: None
) -> Report:
    """Return the report on a receiver, passing on each finding as soon as it is made.

    A receiver that takes no good webhook is not examined further: it would seem to refuse the bad
    ones well.
    """
    findings: list[Finding] = []
    for check in CHECKS:
        findings.append(await check.find(probe))
        on_finding(findings[-1])
        if check is CHECKS[0] and findings[0].verdict is Verdict.FAIL:
            break
    not_tried = tuple(check.name for check in CHECKS[len(findings) :])
    return Report(url=probe.url, findings=tuple(findings), not_tried=not_tried)


async def _takes_a_webhook(probe: Probe) -> Seen:
    answer = await probe.post(probe.webhook())
    if answer.reason is None:
        return Verdict.PASS, f"It {_described(answer)}."
    hint = ""
    if answer.status_code is None:
        hint = " Is it running, and is this its URL?"
    elif 400 <= answer.status_code < 500:
        hint = " Give its secret with --secret; if it takes only jobs it knows, one with --job-id."
    return Verdict.FAIL, f"It {_described(answer)}.{hint}"


async def _is_fast(probe: Probe) -> Seen:
    answers = [await probe.post(probe.webhook()) for _ in range(POSTS)]
    times_ms = [answer.timings.total_ms for answer in answers]
    slowest_ms = max(times_ms)
    half_ms, all_ms = ceil(median(times_ms)), ceil(slowest_ms)
    seen = f"Half of {POSTS} answers came within {half_ms} ms, all within {all_ms} ms."
    verdict, sentence = _taken(answers)
    if verdict is Verdict.FAIL:
        return verdict, f"{sentence} {seen}"
    return (Verdict.WARN if slowest_ms > probe.slow_ms else Verdict.PASS), seen


async def _refuses_bad_signatures(probe: Probe) -> Seen:
    return _refused(await probe.post(with_bad_signature(probe.webhook())))


async def _refuses_missing_signatures(probe: Probe) -> Seen:
    return _refused(await probe.post(without_header(probe.webhook(), b"webhook-signature")))


async def _refuses_other_bodies(probe: Probe) -> Seen:
    signed, other = probe.webhook(), probe.webhook(probe.job("failed"))
    return _refused(await probe.post(WebhookRequest(signed.headers, other.body)))


async def _refuses_other_ids(probe: Probe) -> Seen:
    other_id = (b"webhook-id", probe.new_id().encode())
    return _refused(await probe.post(with_headers(probe.webhook(), [other_id])))


async def _refuses_truncated_bodies(probe: Probe) -> Seen:
    return _refused(await probe.post(truncated(probe.webhook())))


async def _refuses_old(probe: Probe) -> Seen:
    return _refused(await probe.post(probe.webhook(ahead_s=-STALE_S)))


async def _refuses_future(probe: Probe) -> Seen:
    return _refused(await probe.post(probe.webhook(ahead_s=STALE_S)))


async def _takes_failures(probe: Probe) -> Seen:
    return _taken(
        [
            await probe.post(probe.webhook(probe.job(status), event=f"job.{status}"))
            for status in ("failed", "cancelled")
        ]
    )


async def _takes_it_again(probe: Probe) -> Seen:
    body = probe.webhook().body
    webhook_id = probe.new_id()
    return _taken([await probe.post(probe.webhook(body, webhook_id=webhook_id)) for _ in range(3)])


async def _takes_it_at_once(probe: Probe) -> Seen:
    webhook = probe.webhook()
    return _taken(await asyncio.gather(*(probe.post(webhook) for _ in range(TOGETHER))))


async def _takes_disorder(probe: Probe) -> Seen:
    older, newer = probe.job(age_s=60), probe.job(age_s=1)
    return _taken([await probe.post(probe.webhook(job)) for job in (newer, older)])


async def _takes_a_start_after_the_end(probe: Probe) -> Seen:
    job = probe.job()
    started = {**job, "status": "processing", "completed_at": None, "result": None}
    ended = await probe.post(probe.webhook(job))
    late = await probe.post(probe.webhook(started, event="job.started"))
    return _tolerated([ended, late])


async def _takes_unknown_members(probe: Probe) -> Seen:
    job = probe.job(lab={"new": [1, 2, 3]}, cost=None)
    webhook = with_headers(probe.webhook(job), [(b"ringback-new", b"1")])
    return _taken([await probe.post(webhook)])


async def _takes_unknown_events(probe: Probe) -> Seen:
    return _tolerated([await probe.post(probe.webhook(event="job.new"))])


async def _takes_two_signatures(probe: Probe) -> Seen:
    return _taken([await probe.post(probe.webhook(signers=[Signer(new_secret())]))])


async def _takes_other_schemes(probe: Probe) -> Seen:
    webhook = probe.webhook()
    known = dict(webhook.headers)[b"webhook-signature"]
    both = (b"webhook-signature", known + b" v1a," + b"A" * 86 + b"==")
    return _taken([await probe.post(with_headers(webhook, [both]))])


async def _survives_unknown_jobs(probe: Probe) -> Seen:
    return _survived(await probe.post(probe.webhook(probe.job(job_id=probe.new_id()))))


async def _survives_bad_json(probe: Probe) -> Seen:
    return _survived(await probe.post(probe.webhook(b'{"job_id": "lab", "status": ')))


def _taken(answers: Sequence[Answer]) -> Seen:
    bad = [answer for answer in answers if answer.reason is not None]
    if not bad:
        codes = dict.fromkeys(str(answer.status_code) for answer in answers)
        return Verdict.PASS, f"It answered {' or '.join(codes)}{_times(len(answers))}."
    times = f", {len(bad)} of {len(answers)} times" if len(answers) > 1 else ""
    return Verdict.FAIL, f"It {_described(bad[0])}{times}."


def _tolerated(answers: Sequence[Answer]) -> Seen:
    """Return a warning for a refusal that is allowed, but brings the webhook again and again."""
    verdict, seen = _taken(answers)
    if verdict is Verdict.FAIL and all(_is_refusal(a) or a.reason is None for a in answers):
        return Verdict.WARN, f"{seen} It would be sent again, for three days; answer 2xx."
    return verdict, seen


def _refused(answer: Answer) -> Seen:
    if answer.status_code == 410:
        return Verdict.WARN, "It answered 410, which ends a webhook for good; answer 400."
    if _is_refusal(answer):
        return Verdict.PASS, f"It {_described(answer)}."
    hint = " It must answer 4xx, like 400." if answer.status_code is not None else ""
    return Verdict.FAIL, f"It {_described(answer)}.{hint}"


def _survived(answer: Answer) -> Seen:
    well = answer.reason is None or _is_refusal(answer)
    return (Verdict.PASS if well else Verdict.FAIL), f"It {_described(answer)}."


def _is_refusal(answer: Answer) -> bool:
    return answer.status_code is not None and 400 <= answer.status_code < 500


def _described(answer: Answer) -> str:
    if answer.status_code is None:
        return f"gave no answer ({answer.reason}: {answer.detail})"
    if answer.detail:
        return f"answered {answer.status_code}, but not wholly ({answer.detail})"
    return f"answered {answer.status_code}"


def _times(count: int) -> str:
    words = {1: "", 2: ", twice"}
    return words.get(count, f", {count} times")


CHECKS = (
    Check(
        name="takes-webhooks",
        why="Anything but a 2xx means that the webhook did not arrive, and it is sent again.",
        run=_takes_a_webhook,
    ),
    Check(
        name="answers-fast",
        why="An answer that takes longer than 15 s is none; keep the webhook, answer, work later.",
        run=_is_fast,
    ),
    Check(
        name="takes-failures",
        why="A job that failed or was cancelled has no URLs, and its webhook must arrive too.",
        run=_takes_failures,
    ),
    Check(
        name="refuses-bad-signatures",
        why="Anyone with the URL could report that jobs have ended which have not.",
        run=_refuses_bad_signatures,
    ),
    Check(
        name="refuses-missing-signatures",
        why="A check that is skipped when there is no signature is no check.",
        run=_refuses_missing_signatures,
    ),
    Check(
        name="refuses-other-bodies",
        why="A signature is of one body; an attacker could put it under another.",
        run=_refuses_other_bodies,
    ),
    Check(
        name="refuses-other-ids",
        why="The webhook-id is signed too; under a new one an old webhook would count as new.",
        run=_refuses_other_ids,
    ),
    Check(
        name="refuses-truncated-bodies",
        why="Half a webhook must be sent again, not be taken for a whole one.",
        run=_refuses_truncated_bodies,
    ),
    Check(
        name="refuses-old-webhooks",
        why="Without a check of the time, a recorded webhook works for ever.",
        run=_refuses_old,
    ),
    Check(
        name="refuses-future-webhooks",
        why="A webhook dated ahead of now stays valid for longer than intended.",
        run=_refuses_future,
    ),
    Check(
        name="takes-it-again",
        why="When an answer is lost the webhook comes again: do the work once, answer 2xx always.",
        run=_takes_it_again,
    ),
    Check(
        name="takes-it-at-once",
        why="Two copies of one webhook can arrive in the same moment.",
        run=_takes_it_at_once,
    ),
    Check(
        name="takes-disorder",
        why="Order between jobs is not promised: an older job's webhook may come after a newer's.",
        run=_takes_disorder,
    ),
    Check(
        name="takes-late-starts",
        why="News of a job's start can arrive after its end, and must not undo it.",
        run=_takes_a_start_after_the_end,
    ),
    Check(
        name="takes-unknown-members",
        why="Later versions may add members and headers, which break a receiver that knows all.",
        run=_takes_unknown_members,
    ),
    Check(
        name="takes-unknown-events",
        why="Later versions may add events; a receiver that wants none of them answers 2xx.",
        run=_takes_unknown_events,
    ),
    Check(
        name="takes-two-signatures",
        why="While a secret is rotated, every webhook is signed with the old and the new one.",
        run=_takes_two_signatures,
    ),
    Check(
        name="takes-other-schemes",
        why="Beside v1 there may stand signatures of other schemes; one that is right is enough.",
        run=_takes_other_schemes,
    ),
    Check(
        name="survives-unknown-jobs",
        why="A webhook of a job that you do not know is no reason to fail with a 5xx.",
        run=_survives_unknown_jobs,
    ),
    Check(
        name="survives-bad-json",
        why="A 5xx looks like an outage and brings the same bytes again; answer 4xx to bad ones.",
        run=_survives_bad_json,
    ),
)
"""Every check, in the order in which they run; the others tell nothing unless the first passes."""
