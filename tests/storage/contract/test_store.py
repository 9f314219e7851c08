"""The contract of the store: one suite, run against each implementation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from ringback.errors import BacklogFull, IdempotencyConflict
from ringback.jobs.admission import Limits
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.jobs.store import JobFilter
from ringback.jobs.transitions import JobEvent, advance
from ringback.storage.contract import Store, Token, Workspace
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord, Ending
from tests.builders import ROOMY, a_job, a_key, a_submission, an_event

NOW = 1_800_000_000_000
LATER = NOW + 60_000
ATTEMPT = Attempt(number=1, started_at_ms=NOW, duration_ms=3, status_code=500, reason="status")

RESULT = JobResult(urls=("http://127.0.0.1:7464/artifacts/a.png",))


async def claim(store: Store, limit: int = 10, *, until: int = LATER) -> list[Job]:
    return await store.claim_jobs(engine="null", limit=limit, worker_id="w1", lease_until_ms=until)


async def claim_due(
    store: Store,
    limit: int = 10,
    *,
    at: int = NOW,
    each: int = 10,
    rooms: dict[int, int] | None = None,
) -> list[Delivery]:
    return await store.claim_due(
        now_ms=at, limit=limit, limit_each=each, lease_until_ms=LATER, rooms=rooms
    )


def ending(job: Job, *, limits: Limits = ROOMY, **event: Any) -> Ending:
    what = JobEvent.COMPLETE if JobStatus(job.status) is JobStatus.SCHEDULED else JobEvent.CANCEL
    after = advance(job, what, now_ms=NOW, result=RESULT)
    return Ending(before=job, after=after, limits=limits, event=an_event(job, **event))


async def a_waiting_delivery(
    store: Store, *, due: int = 1, url: str = "https://shop.example/hook"
) -> Delivery:
    await store.submit(a_submission(a_job(webhook_url=url)))
    (job,) = await claim(store)
    assert await store.end_job(ending(job, created_at_ms=due))
    (delivery,) = await store.deliveries_of(job.job_id)
    return delivery


def recording(after: Delivery, attempt: Attempt = ATTEMPT, *, now: int = NOW) -> AttemptRecord:
    return AttemptRecord(
        delivery=after,
        attempt=attempt,
        healthy=attempt.reason is None,
        now_ms=now,
        breaker=BreakerSettings(),
        failing=FailingSettings(),
    )


# jobs


async def test_a_job_reads_as_it_was_written(store: Store) -> None:
    job = a_job(
        input={"prompt": "naïve \u0000 'quoted' \U0001f98a", "n": 1.5, "deep": [{"a": None}]},
        webhook_url="https://shop.example/hook?a=1",
        compute_units=22.9,
        token_id="tok_1",
    )
    await store.submit(a_submission(job))
    assert await store.get_job(job.job_id) == job


async def test_a_resume_state_outlives_the_run_that_wrote_it(store: Store) -> None:
    await store.submit(a_submission(a_job()))
    (held,) = await claim(store)
    noted = replace(held, resume_state="request 7")
    assert await store.hold_job(noted, lease_until_ms=NOW + 60_000)
    assert await store.requeue_job(advance(noted, JobEvent.RESCUE, now_ms=NOW))
    (again,) = await claim(store)
    assert again.resume_state == "request 7"


async def test_a_job_that_nobody_made_is_none(store: Store) -> None:
    assert await store.get_job(a_job().job_id) is None


async def test_jobs_are_claimed_in_the_order_of_their_submission(store: Store) -> None:
    jobs = [a_job() for _ in range(5)]
    for job in jobs:
        await store.submit(a_submission(job))
    first, rest = await claim(store, 2), await claim(store)
    assert [job.job_id for job in first + rest] == [job.job_id for job in jobs]


async def test_a_claim_takes_only_its_own_engines_jobs(store: Store) -> None:
    await store.submit(a_submission(a_job(engine="sketch")))
    assert await claim(store) == []
    assert await store.queued_engines() == ["sketch"]


async def test_claimers_at_once_never_share_a_job(store: Store) -> None:
    await asyncio.gather(*(store.submit(a_submission()) for _ in range(40)))
    claims = await asyncio.gather(*(claim(store, 3) for _ in range(20)))
    ids = [job.job_id for jobs in claims for job in jobs]
    assert len(ids) == len(set(ids)) == 40


async def test_a_held_job_shows_its_progress_and_previews(store: Store) -> None:
    await store.submit(a_submission())
    (job,) = await claim(store)
    held = replace(
        job, status=JobStatus.SAMPLING, progress=0.5, result=JobResult(urls=("http://x/p.png",))
    )
    assert await store.hold_job(held, lease_until_ms=LATER)
    assert await store.get_job(job.job_id) == held


async def test_the_writes_of_a_holder_whose_epoch_is_past_change_nothing(store: Store) -> None:
    await store.submit(a_submission())
    (stale,) = await claim(store)
    assert await store.requeue_job(advance(stale, JobEvent.RESCUE, now_ms=NOW))
    (held,) = await claim(store)
    progressed = replace(stale, status=JobStatus.SAMPLING, progress=0.9)
    assert not await store.hold_job(progressed, lease_until_ms=LATER)
    assert not await store.extend_lease(stale, lease_until_ms=LATER * 2)
    assert not await store.requeue_job(advance(stale, JobEvent.RELEASE, now_ms=NOW))
    assert not await store.end_job(ending(stale))
    assert await store.get_job(stale.job_id) == held
    assert (await store.counts()).deliveries == {}


async def test_a_stale_and_a_rightful_holder_in_one_commit_get_each_their_answer(
    store: Store,
) -> None:
    await store.submit(a_submission())
    (stale,) = await claim(store)
    await store.requeue_job(advance(stale, JobEvent.RESCUE, now_ms=NOW))
    (held,) = await claim(store)
    for one, other in ((stale, held), (held, stale)):
        answers = await asyncio.gather(
            store.extend_lease(one, lease_until_ms=LATER),
            store.extend_lease(other, lease_until_ms=LATER),
            store.hold_job(one, lease_until_ms=LATER),
            store.hold_job(other, lease_until_ms=LATER),
        )
        assert list(answers) == [one is held, other is held] * 2
    ends = await asyncio.gather(*(store.end_job(ending(one)) for one in (stale, held, stale)))
    assert list(ends) == [False, True, False]


async def test_a_job_ends_once_however_many_try_at_once(store: Store) -> None:
    await store.submit(a_submission(a_job(webhook_url="https://shop.example/hook")))
    (job,) = await claim(store)
    cancelled = advance(job, JobEvent.CANCEL, now_ms=NOW)
    rival = replace(ending(job), after=cancelled)
    won = await asyncio.gather(
        *(store.end_job(one) for one in [ending(job), rival, ending(job), rival])
    )
    assert sum(won) == 1
    assert len(await store.deliveries_of(job.job_id)) == 1


async def test_an_expired_lease_is_seen_and_an_extended_one_is_not(store: Store) -> None:
    await store.submit(a_submission())
    (job,) = await claim(store, until=NOW)
    assert await store.expired_jobs(now_ms=NOW, limit=9) == [job]
    assert await store.extend_lease(job, lease_until_ms=LATER)
    assert await store.expired_jobs(now_ms=NOW, limit=9) == []


async def test_a_requeued_job_comes_before_later_ones(store: Store) -> None:
    first, second = a_job(), a_job()
    await store.submit(a_submission(first))
    await store.submit(a_submission(second))
    (job,) = await claim(store, 1)
    await store.requeue_job(advance(job, JobEvent.DIE, now_ms=NOW))
    again = await claim(store, 1)
    assert [(job.job_id, job.deaths, job.epoch) for job in again] == [(first.job_id, 1, 3)]


# limits and keys


async def test_a_workspace_over_its_limits_is_backlogged_then_refused(store: Store) -> None:
    limits = Limits(active_max=2, backlog_max=1)
    accepted = [await store.submit(a_submission(limits=limits)) for _ in range(3)]
    assert [one.job.status for one in accepted] == ["queued", "queued", "backlogged"]
    with pytest.raises(BacklogFull):
        await store.submit(a_submission(limits=limits))
    other = await store.submit(a_submission(a_job(workspace_id="rival"), limits=limits))
    assert other.job.status == "queued"


async def test_limits_hold_among_submissions_that_share_a_commit(store: Store) -> None:
    limits = Limits(active_max=3, backlog_max=4)
    results = await asyncio.gather(
        *(store.submit(a_submission(limits=limits)) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(one, BacklogFull) for one in results) == 3
    assert (await store.counts()).jobs == {"queued": 3, "backlogged": 4}


async def test_an_end_lets_the_longest_backlogged_job_into_the_queue(store: Store) -> None:
    limits = Limits(active_max=1, backlog_max=5)
    jobs = [a_job() for _ in range(3)]
    for job in jobs:
        await store.submit(a_submission(job, limits=limits))
    (held,) = await claim(store)
    await store.end_job(ending(held, limits=limits))
    assert [job.job_id for job in await claim(store)] == [jobs[1].job_id]


async def test_a_cancelled_backlogged_job_frees_its_place_in_the_backlog(store: Store) -> None:
    limits = Limits(active_max=1, backlog_max=1)
    await store.submit(a_submission(limits=limits))
    waiting = (await store.submit(a_submission(limits=limits))).job
    assert await store.end_job(ending(waiting, limits=limits))
    assert (await store.submit(a_submission(limits=limits))).job.status == "backlogged"


async def test_a_cancel_that_read_a_backlogged_job_loses_to_its_admission(store: Store) -> None:
    limits = Limits(active_max=1, backlog_max=5)
    await store.submit(a_submission(limits=limits))
    waiting = (await store.submit(a_submission(limits=limits))).job
    (held,) = await claim(store)
    await store.end_job(ending(held, limits=limits))
    assert not await store.end_job(ending(waiting, limits=limits))


async def test_one_key_makes_one_job_also_among_submissions_at_once(store: Store) -> None:
    accepted = await asyncio.gather(*(store.submit(a_submission(key="k")) for _ in range(20)))
    assert len({one.job.job_id for one in accepted}) == 1
    assert sum(not one.replayed for one in accepted) == 1


async def test_one_key_for_two_different_requests_is_refused(store: Store) -> None:
    await store.submit(a_submission(key="k", asks="a fox"))
    with pytest.raises(IdempotencyConflict):
        await store.submit(a_submission(key="k", asks="a hare"))


async def test_another_workspaces_same_key_is_another_key(store: Store) -> None:
    ours = await store.submit(a_submission(key="k"))
    theirs = await store.submit(a_submission(a_job(workspace_id="rival"), key="k"))
    assert not theirs.replayed
    assert theirs.job.job_id != ours.job.job_id


async def test_a_key_past_its_time_is_forgotten(store: Store) -> None:
    first = a_submission(key="k")
    await store.submit(first)
    assert first.idempotency is not None
    later = a_submission(key="k")
    fresh = replace(later, idempotency=replace(first.idempotency, kept_since_ms=LATER))
    assert not (await store.submit(fresh)).replayed


async def test_keys_are_forgotten_oldest_first_and_no_more_than_asked(store: Store) -> None:
    submissions = [a_submission(key=f"k{number}") for number in range(3)]
    for one in submissions:
        await store.submit(one)
    assert await store.forget_keys(used_before_ms=LATER, limit=2) == 2
    again = [await store.submit(a_submission(key=f"k{number}")) for number in range(3)]
    assert [one.replayed for one in again] == [False, False, True]


async def test_one_refused_submission_does_not_harm_those_it_shares_a_commit_with(
    store: Store,
) -> None:
    job = a_job()
    clashing = [a_submission(job), a_submission(job)]  # one id twice: the second cannot be written
    results = await asyncio.gather(
        *(store.submit(one) for one in [a_submission(), *clashing, a_submission()]),
        return_exceptions=True,
    )
    assert [isinstance(one, Exception) for one in results] == [False, False, True, False]
    assert (await store.counts()).jobs == {"queued": 3}


# lists


async def test_a_list_is_newest_first_filtered_and_the_workspaces_own(store: Store) -> None:
    jobs = [a_job(type=kind) for kind in ("flux", "k1", "flux", "imagen")]
    for job in [*jobs, a_job(workspace_id="rival")]:
        await store.submit(a_submission(job))
    ids = [job.job_id for job in reversed(jobs)]

    async def listed(**selection: object) -> list[str]:
        filter_ = replace(JobFilter(workspace_id="studio", limit=10), **selection)
        return [job.job_id for job in await store.list_jobs(filter_)]

    assert await listed() == ids
    assert await listed(limit=2) == ids[:2]
    assert await listed(before_id=ids[1]) == ids[2:]
    assert await listed(types=("k1", "imagen")) == [ids[0], ids[2]]
    assert await listed(status=JobStatus.COMPLETED) == []
    assert await listed(status=JobStatus.QUEUED, types=("flux",)) == [ids[1], ids[3]]


# deliveries


async def test_the_terminal_status_its_event_and_its_delivery_are_written_together(
    store: Store,
) -> None:
    delivery = await a_waiting_delivery(store)
    job = await store.get_job(delivery.job_id)
    assert job is not None
    assert job.status is JobStatus.COMPLETED
    assert job.result == RESULT
    assert delivery.body == b'{"job_id":"x"}'
    assert delivery.url == job.webhook_url
    assert delivery.next_attempt_at_ms == 1


async def test_a_delivery_is_claimed_when_due_by_one_claimer(store: Store) -> None:
    delivery = await a_waiting_delivery(store, due=NOW)
    assert await store.next_due_ms() == NOW
    assert await claim_due(store, at=NOW - 1) == []
    claims = await asyncio.gather(*(claim_due(store) for _ in range(5)))
    claimed = [one for some in claims for one in some]
    assert claimed == [replace(delivery, epoch=1)]
    assert await store.next_due_ms() is None
    assert await store.is_held(claimed[0])
    assert not await store.is_held(delivery)


async def test_deliveries_are_claimed_longest_due_first(store: Store) -> None:
    for minutes in (2, 3, 1):
        await a_waiting_delivery(
            store, due=NOW - minutes * 60_000, url=f"https://shop{minutes}.example/"
        )
    claimed = await claim_due(store)
    assert [one.url[12] for one in claimed] == ["3", "2", "1"]


async def test_a_long_line_at_one_destination_leaves_room_for_others(store: Store) -> None:
    for _ in range(8):
        slow = await a_waiting_delivery(store, url="https://slow.example/")
    await a_waiting_delivery(store, url="https://quick.example/")
    claimed = [one.destination for one in await claim_due(store, each=3)]
    assert sorted(claimed) == ["https://quick.example:443", *["https://slow.example:443"] * 3]
    assert await claim_due(store, rooms={slow.destination_id: 0}) == []
    assert len(await claim_due(store, rooms={slow.destination_id: 1})) == 1


async def test_an_attempt_is_recorded_with_what_became_of_the_delivery(store: Store) -> None:
    await a_waiting_delivery(store)
    (claimed,) = await claim_due(store)
    after = replace(claimed, attempts_count=1, next_attempt_at_ms=LATER, reason="status")
    made = replace(
        ATTEMPT,
        response=b"\x00\xff not text",
        address="203.0.113.9",
        dns_ms=1.5,
        first_byte_ms=0.25,
        reused=True,
        truncated=True,
        detail="its certificate is not trusted",
        request_headers="a: b",
        response_headers="set-cookie: (redacted)\nx: \xff",
    )
    assert (await store.record_attempt(recording(after, made))).written
    (waiting,) = await store.deliveries_of(claimed.job_id)
    assert (waiting.attempts_count, waiting.next_attempt_at_ms) == (1, LATER)
    assert waiting.reason == "status"
    assert await store.attempts_of(claimed.delivery_id) == [made]
    assert await claim_due(store, at=LATER - 1) == []
    assert len(await claim_due(store, at=LATER)) == 1


async def test_an_ended_delivery_is_never_claimed_again(store: Store) -> None:
    await a_waiting_delivery(store)
    (claimed,) = await claim_due(store)
    ended = replace(
        claimed,
        status=DeliveryStatus.DELIVERED,
        attempts_count=1,
        next_attempt_at_ms=None,
        ended_at_ms=NOW,
    )
    assert (await store.record_attempt(recording(ended))).written
    assert await store.rescue_deliveries(leases_until_ms=LATER * 2, now_ms=LATER) == 0
    assert await claim_due(store, at=LATER * 2) == []
    assert (await store.counts()).deliveries == {"delivered": 1}


async def test_a_rescued_delivery_refuses_the_record_of_its_old_holder(store: Store) -> None:
    await a_waiting_delivery(store)
    (stale,) = await claim_due(store)
    assert await store.rescue_deliveries(leases_until_ms=LATER - 1, now_ms=LATER) == 0
    assert await store.rescue_deliveries(leases_until_ms=LATER, now_ms=LATER) == 1
    late = replace(stale, attempts_count=1)
    assert not (await store.record_attempt(recording(late))).written
    assert await store.attempts_of(stale.delivery_id) == []
    assert [one.epoch for one in await claim_due(store)] == [3]


async def test_a_released_delivery_is_due_as_before(store: Store) -> None:
    await a_waiting_delivery(store)
    claimed = await claim_due(store)
    await store.release_deliveries(claimed, now_ms=NOW)
    assert len(await claim_due(store)) == 1


async def test_a_delivery_ended_without_an_attempt_stays_ended(store: Store) -> None:
    await a_waiting_delivery(store)
    (claimed,) = await claim_due(store)
    assert await store.end_delivery(claimed, DeliveryStatus.CANCELLED, now_ms=NOW)
    assert not await store.end_delivery(claimed, DeliveryStatus.CANCELLED, now_ms=NOW)
    assert not (await store.record_attempt(recording(claimed))).written
    assert await claim_due(store, at=LATER * 2) == []


# workspaces, keys and tokens


async def test_a_workspace_is_made_once_and_keeps_its_key(store: Store) -> None:
    made = Workspace(workspace_id="new", created_at_ms=NOW)
    first = a_key("whsec_one")
    assert await store.open_workspace(made, first) == made
    assert await store.open_workspace(made, a_key("whsec_two")) == made
    assert await store.keys_of("workspace:new") == [first]
    assert [one.workspace_id for one in await store.list_workspaces()] == ["new", "rival", "studio"]


async def test_a_new_key_lets_the_others_of_its_kind_retire_and_no_sooner_than_before(
    store: Store,
) -> None:
    owner = "workspace:rotating"
    oldest, old, new = (a_key(created_at_ms=n) for n in (1, 2, 3))
    other = a_key(kind="v1a", public="whpk_", created_at_ms=0)
    await store.add_key(owner, other, retire_others_at_ms=None)
    await store.add_key(owner, oldest, retire_others_at_ms=None)
    await store.add_key(owner, old, retire_others_at_ms=NOW)
    await store.add_key(owner, new, retire_others_at_ms=LATER)
    assert await store.keys_of(owner) == [
        new,
        replace(old, retires_at_ms=LATER),
        replace(oldest, retires_at_ms=NOW),
        other,
    ]
    assert await store.forget_retired(before_ms=LATER, limit=9) == 1
    await store.reseal_key(replace(new, sealed="sealed"))
    assert (owner, replace(new, sealed="sealed")) in await store.all_keys()


async def test_a_revoked_token_opens_nothing(store: Store) -> None:
    token = Token(
        token_id="t1", workspace_id="studio", digest="d" * 64, hint="rb_abc", created_at_ms=NOW
    )
    await store.add_token(token)
    assert await store.find_token(token.digest) == token
    assert await store.revoke_token("t1", now_ms=LATER)
    assert not await store.revoke_token("t1", now_ms=LATER)
    assert await store.find_token(token.digest) is None
    assert await store.list_tokens() == [replace(token, revoked_at_ms=LATER)]


async def test_an_ended_session_is_remembered_until_its_time(store: Store) -> None:
    assert not await store.is_session_ended("s1")
    await store.end_session("s1", forget_at_ms=NOW + 1_000, now_ms=NOW)
    await store.end_session("s1", forget_at_ms=NOW + 1_000, now_ms=NOW)
    await store.end_session("s2", forget_at_ms=NOW + 5_000, now_ms=NOW + 1_000)
    assert await store.is_session_ended("s1")
    await store.end_session("s3", forget_at_ms=NOW + 9_000, now_ms=NOW + 1_001)
    ended = [name for name in ("s1", "s2", "s3", "s4") if await store.is_session_ended(name)]
    assert ended == ["s2", "s3"]
