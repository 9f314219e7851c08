"""The runner: bought once, waited for, brought home, cancelled on both sides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ringback.engines.contract import Made
from ringback.engines.upstream.provider import File, ProviderStatus
from ringback.engines.upstream.resume import ResumeState
from ringback.engines.upstream.runner import FILES_MAX, PREVIEWS_MAX
from ringback.errors import (
    ArtifactsUnavailable,
    EngineError,
    FetchError,
    ProviderUnavailable,
    StorageFull,
    SubmissionUnknown,
)
from ringback.testing import RecordingIO, ScriptedProvider, settle
from tests.engines.upstream.world import PNG, World, a_request
from tests.patience import SOON_S

WAITING = ProviderStatus()
DONE = ProviderStatus(status="completed", files=(File(content=PNG),))
AWAY = ProviderUnavailable("studio", "connect")
LOST = SubmissionUnknown("studio", "timeout")


async def test_the_ticket_is_saved_before_the_first_poll(world: World) -> None:
    provider = ScriptedProvider(polls=[DONE])
    await world.begun(world.engine(provider))
    assert world.io.resume_states == [
        ResumeState(sent=True).text(),
        ResumeState(ticket="t-1").text(),
    ]
    assert provider.polled == []


async def test_a_job_is_polled_until_it_has_ended_and_its_file_is_stored(world: World) -> None:
    provider = ScriptedProvider(polls=[WAITING, ProviderStatus(fraction=0.5), DONE])
    made = await world.ran(world.engine(provider))
    assert [world.io.saved[name] for name in made.artifacts] == [PNG]
    assert world.io.fractions == [0.5]
    assert provider.polled == ["t-1"] * 3


async def test_a_later_run_continues_with_the_ticket_and_submits_nothing(world: World) -> None:
    provider = ScriptedProvider(submissions=[], polls=[DONE])
    request = a_request(resume_state=ResumeState(ticket="t-9").text())
    assert (await world.ran(world.engine(provider), request)).artifacts == ("0.png",)
    assert provider.received == []
    assert provider.polled == ["t-9"]


async def test_an_interrupted_submission_is_repeated_where_an_idempotency_key_makes_it_safe(
    world: World,
) -> None:
    cut_off = ScriptedProvider()
    cut_off.gate.clear()
    run = await world.begun(world.engine(cut_off))
    run.cancel()
    provider = ScriptedProvider(polls=[DONE])
    (resume_state,) = world.io.resume_states
    assert (
        await world.ran(world.engine(provider), a_request(resume_state=resume_state))
    ).artifacts == ("0.png",)
    assert [submission.job_id for submission in provider.received] == ["0190-job"]


async def test_an_interrupted_submission_is_not_repeated_without_an_idempotency_key(
    world: World,
) -> None:
    provider = ScriptedProvider(is_idempotent=False)
    provider.gate.clear()
    run = await world.begun(world.engine(provider))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (resume_state,) = world.io.resume_states
    again = ScriptedProvider(is_idempotent=False)
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await world.ran(world.engine(again), a_request(resume_state=resume_state))
    assert again.received == []


async def test_with_resend_an_interrupted_submission_is_repeated(
    world: World,
) -> None:
    provider = ScriptedProvider(is_idempotent=False, polls=[DONE])
    engine = world.engine(provider, resend=True)
    made = await world.ran(engine, a_request(resume_state=ResumeState(sent=True).text()))
    assert made.artifacts == ("0.png",)
    assert len(provider.received) == 1


async def test_a_submission_of_unknown_fate_fails_the_job(world: World) -> None:
    provider = ScriptedProvider(submissions=[LOST, "t-2"], is_idempotent=False)
    with pytest.raises(EngineError, match="may have been bought"):
        await world.ran(world.engine(provider))
    assert len(provider.received) == 1


@pytest.mark.parametrize(
    ("is_idempotent", "resend", "trouble"),
    [(True, False, AWAY), (False, False, AWAY), (False, True, LOST)],
)
async def test_a_submission_is_retried_where_that_is_safe_or_resend_is_set(
    world: World, is_idempotent: bool, resend: bool, trouble: Exception
) -> None:
    provider = ScriptedProvider(
        submissions=[trouble, "t-2"], polls=[DONE], is_idempotent=is_idempotent
    )
    await world.ran(world.engine(provider, resend=resend))
    assert len(provider.received) == 2


async def test_a_job_fails_when_its_provider_stays_unavailable(world: World) -> None:
    provider = ScriptedProvider(submissions=[AWAY] * 99)
    with pytest.raises(ProviderUnavailable, match="does not answer"):
        await world.ran(world.engine(provider, patience_s=60))
    assert 8 <= len(provider.received) <= 12


async def test_an_accepted_job_is_waited_for_through_an_outage(world: World) -> None:
    provider = ScriptedProvider(polls=[*[AWAY] * 50, DONE])
    assert (await world.ran(world.engine(provider), for_s=3600)).artifacts == ("0.png",)
    assert len(provider.received) == 1


async def test_the_delays_between_polls_grow(world: World) -> None:
    provider = ScriptedProvider(polls=[WAITING])
    run = await world.begun(world.engine(provider, poll_s=1, poll_s_max=10))
    await world.clock.elapse(60)
    assert 8 <= len(provider.polled) <= 12
    run.cancel()


async def test_a_wakeup_makes_the_runner_poll_at_once(world: World) -> None:
    provider = ScriptedProvider(polls=[DONE])
    run = await world.begun(world.engine(provider, poll_s=3600, poll_s_max=3600))
    assert provider.polled == []
    world.wakes.notify("0190-job")
    async with asyncio.timeout(SOON_S):
        assert (await run).artifacts == ("0.png",)


async def test_a_wakeup_during_the_submission_is_not_lost(
    world: World,
) -> None:
    provider = ScriptedProvider(polls=[DONE])
    provider.gate.clear()
    run = await world.begun(world.engine(provider, poll_s=3600, poll_s_max=3600))
    world.wakes.notify("0190-job")
    provider.gate.set()
    async with asyncio.timeout(SOON_S):
        assert (await run).artifacts == ("0.png",)


async def test_a_cancelled_job_is_cancelled_at_the_provider_beside_the_run(world: World) -> None:
    provider = ScriptedProvider(polls=[WAITING])
    engine = world.engine(provider)
    run = await world.begun(engine)
    world.io.over = True
    run.cancel()
    async with asyncio.timeout(SOON_S):
        with pytest.raises(asyncio.CancelledError):
            await run
    await engine.close()
    assert provider.cancelled == ["t-1"]


async def test_a_released_job_continues_at_the_provider(world: World) -> None:
    provider = ScriptedProvider(polls=[WAITING])
    engine = world.engine(provider)
    run = await world.begun(engine)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await engine.close()
    assert provider.cancelled == []


async def test_a_job_cancelled_during_its_submission_is_cancelled_once_it_has_a_ticket(
    world: World,
) -> None:
    provider = ScriptedProvider()
    provider.gate.clear()
    engine = world.engine(provider)
    run = await world.begun(engine)
    world.io.over = True
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    provider.gate.set()
    await engine.close()
    assert provider.cancelled == ["t-1"]


async def test_a_failed_job_has_the_providers_error_without_our_secret(world: World) -> None:
    error = "bad\nprompt: sk-secret-key " + "x" * 2_000
    provider = ScriptedProvider(polls=[ProviderStatus(status="failed", error=error)])
    with pytest.raises(EngineError) as raised:
        await world.ran(world.engine(provider))
    sentence = str(raised.value)
    assert sentence.startswith("The job failed at the provider of studio: bad prompt: •••")
    assert len(sentence) < 500


async def test_a_job_cancelled_at_the_provider_fails_here(world: World) -> None:
    provider = ScriptedProvider(polls=[ProviderStatus(status="cancelled")])
    with pytest.raises(EngineError, match="cancelled at the provider"):
        await world.ran(world.engine(provider))


async def test_links_are_passed_on_where_copies_are_turned_off(world: World) -> None:
    link = "https://cdn.example/a.png"
    done = ProviderStatus(status="completed", files=(File(url=link), File(content=PNG)))
    provider = ScriptedProvider(polls=[done])
    made = await world.ran(world.engine(provider, copy_results=False))
    assert made == Made(artifacts=("0.png",), links=(link,))


OWN = "/artifacts/" + "n" * 32 + ".png"


@pytest.mark.parametrize(
    "link",
    [
        "https://gen.example" + OWN,
        "HTTPS://GEN.example:443" + OWN,
        "https://gen.example/x/.." + OWN,
        "https://gen.example" + OWN.replace("artifacts", "%61rtifacts") + "?v=2",
    ],
)
async def test_a_link_to_this_servers_own_file_is_no_result(world: World, link: str) -> None:
    """It would be a file of somebody else, which nobody may read or delete by this job."""
    theirs = ("https://cdn.example" + OWN, "https://gen.example/artifacts/fox.png")
    done = ProviderStatus(status="completed", files=tuple(File(url=one) for one in (link, *theirs)))
    engine = world.engine(ScriptedProvider(polls=[done]), copy_results=False)
    made = await world.ran(engine, a_request(base_url="https://gen.example"))
    assert made.links == theirs
    assert made.notes == ("File 1 is missing: its URL is that of a file of this server.",)
    alone = ProviderStatus(status="completed", files=(File(url=link),))
    engine = world.engine(ScriptedProvider(polls=[alone]), copy_results=False)
    with pytest.raises(EngineError, match="its URL is that of a file of this server"):
        await world.ran(engine, a_request(base_url="https://gen.example"))


async def test_a_link_that_is_no_web_address_fails_the_job(world: World) -> None:
    done = ProviderStatus(status="completed", files=(File(url="javascript:alert(1)"),))
    with pytest.raises(EngineError, match=r"The URL must start with https:// or http://\.$"):
        await world.ran(world.engine(ScriptedProvider(polls=[done]), copy_results=False))


async def test_of_too_many_files_the_first_are_kept_with_a_note(world: World) -> None:
    done = ProviderStatus(status="completed", files=(File(content=PNG),) * (FILES_MAX + 1))
    made = await world.ran(world.engine(ScriptedProvider(polls=[done])))
    assert len(made.artifacts) == FILES_MAX
    assert made.notes == ("The provider made more than 100 files; the others are not kept.",)


async def test_a_ticket_that_is_too_long_is_not_saved(world: World) -> None:
    with pytest.raises(EngineError, match="too long an id"):
        await world.ran(world.engine(ScriptedProvider(submissions=["t" * 4_097])))
    assert world.io.resume_states == [ResumeState(sent=True).text()]


async def test_invalid_progress_is_not_reported(world: World) -> None:
    polls = [ProviderStatus(fraction=fraction) for fraction in (float("nan"), -1.0, 7.0, 0.5)]
    await world.ran(world.engine(ScriptedProvider(polls=[*polls, DONE])))
    assert world.io.fractions == [0.5]


async def test_a_provider_that_responds_with_the_result_is_not_polled(world: World) -> None:
    provider = ScriptedProvider(submissions=[DONE], is_idempotent=False)
    assert (await world.ran(world.engine(provider))).artifacts == ("0.png",)
    assert provider.polled == []


@pytest.mark.parametrize(
    "error", [ArtifactsUnavailable("The bucket is away."), StorageFull("full")]
)
async def test_a_result_that_no_later_run_could_get_waits_here_until_it_can_be_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The answer to the submission was the result: it is paid for, and nowhere else."""
    save, tries = world.io.save, 0

    async def save_later(content: bytes | Path, *, media_type: str) -> str:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise error
        return await save(content, media_type=media_type)

    monkeypatch.setattr(world.io, "save", save_later)
    engine = world.engine(ScriptedProvider(submissions=[DONE], is_idempotent=False))
    made = await world.ran(engine)
    assert made.artifacts == ("0.png",)
    assert world.io.waits == 3  # outside the job's time limit


async def test_a_result_that_a_later_run_can_get_gives_the_job_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(content: bytes | Path, *, media_type: str) -> str:
        raise ArtifactsUnavailable("The bucket is away.")

    monkeypatch.setattr(world.io, "save", away)
    with pytest.raises(ArtifactsUnavailable):
        await world.ran(world.engine(ScriptedProvider(polls=[DONE])))
    assert ResumeState(ticket="t-1").text() in world.io.resume_states


async def test_a_preview_is_shown_once_and_a_broken_one_is_ignored(world: World) -> None:
    shown = ProviderStatus(preview=File(content=PNG))
    broken = ProviderStatus(preview=File(content=b"what is this"))
    provider = ScriptedProvider(polls=[shown, shown, broken, DONE])
    made = await world.ran(world.engine(provider))
    assert world.io.previews == ["0.png"]
    assert made.artifacts == ("1.png",)


async def test_endless_previews_do_not_fill_the_disk(world: World) -> None:
    endless = [ProviderStatus(preview=File(content=PNG + bytes(number))) for number in range(1, 99)]
    made = await world.ran(world.engine(ScriptedProvider(polls=[*endless, DONE])), for_s=3_600)
    assert len(world.io.previews) == PREVIEWS_MAX
    assert len(made.artifacts) == 1


async def test_a_result_of_an_unknown_type_is_kept_with_a_note(world: World) -> None:
    files = (File(content=PNG), File(content=b"MZ not a picture"), File(content=b""))
    done = ProviderStatus(status="completed", files=files)
    made = await world.ran(world.engine(ScriptedProvider(polls=[done])))
    assert made.artifacts == ("0.png", "1.octet-stream")
    assert made.notes == (
        "File 2 is of a type that is not known here; it is kept as it came.",
        "File 3 is missing: it is empty.",
    )


async def test_a_job_whose_every_file_is_lost_fails_with_the_first_reason(world: World) -> None:
    done = ProviderStatus(status="completed", files=(File(content=b""), File(url="ftp://x/y.png")))
    with pytest.raises(EngineError, match=r"could not be fetched: it is empty\.$"):
        await world.ran(world.engine(ScriptedProvider(polls=[done])))


@pytest.mark.parametrize("model", ["bfl/flux-1-dev", "image/bfl/flux-1-dev"])
async def test_a_model_is_submitted_under_the_providers_name(world: World, model: str) -> None:
    provider = ScriptedProvider(polls=[DONE])
    await world.ran(world.engine(provider, models={model: "theirs/flux"}))
    assert provider.received[0].model == "theirs/flux"
    webhook_url = provider.received[0].webhook_url
    assert webhook_url is not None
    assert webhook_url.startswith("https://ours.example/hooks/studio/0190-job/")


async def test_an_input_that_cannot_be_fetched_fails_the_job_with_the_reason_alone(
    world: World,
) -> None:
    provider = ScriptedProvider(submissions=[FetchError("connect", "10.0.0.7 refused")])
    with pytest.raises(EngineError, match=r"could not be fetched: no connection came about\.$"):
        await world.ran(world.engine(provider))


async def test_a_run_can_be_cancelled_before_its_first_poll(world: World) -> None:
    world.io = RecordingIO()
    run = await world.begun(world.engine(ScriptedProvider(polls=[WAITING])))
    run.cancel()
    await settle()
    assert run.cancelled()
