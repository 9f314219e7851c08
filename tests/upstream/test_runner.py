"""The runner: bought once, waited for, brought home, cancelled on both sides."""

from __future__ import annotations

import asyncio

import pytest
from upstream.world import PNG, World, a_request

from ringback.engines.contract import Made
from ringback.engines.upstream.engine import FILES_MAX, PREVIEWS_MAX
from ringback.engines.upstream.memo import Memo
from ringback.engines.upstream.provider import File, Look
from ringback.errors import AnswerLost, EngineError, FetchError, ProviderAway
from ringback.testing import RecordingIO, ScriptedProvider, settle

WAITING = Look()
DONE = Look(status="completed", files=(File(content=PNG),))
AWAY = ProviderAway("studio", "connect")
LOST = AnswerLost("studio", "timeout")


async def test_the_ticket_is_written_down_before_the_first_look(world: World) -> None:
    provider = ScriptedProvider(looks=[DONE])
    await world.begun(world.engine(provider))
    assert world.io.memos == [Memo(sent=True).text(), Memo(ticket="t-1").text()]
    assert provider.looked == []


async def test_a_job_is_looked_at_until_it_has_ended_and_its_file_is_kept(world: World) -> None:
    provider = ScriptedProvider(looks=[WAITING, Look(fraction=0.5), DONE])
    made = await world.ran(world.engine(provider))
    assert [world.io.saved[name] for name in made.artifacts] == [PNG]
    assert world.io.fractions == [0.5]
    assert provider.looked == ["t-1"] * 3


async def test_a_later_run_goes_on_with_the_ticket_and_buys_nothing(world: World) -> None:
    provider = ScriptedProvider(submissions=[], looks=[DONE])
    request = a_request(memo=Memo(ticket="t-9").text())
    assert (await world.ran(world.engine(provider), request)).artifacts == ("0.png",)
    assert provider.orders == []
    assert provider.looked == ["t-9"]


async def test_a_submission_that_was_cut_off_is_repeated_where_the_key_makes_that_safe(
    world: World,
) -> None:
    cut_off = ScriptedProvider()
    cut_off.gate.clear()
    run = await world.begun(world.engine(cut_off))
    run.cancel()
    provider = ScriptedProvider(looks=[DONE])
    (memo,) = world.io.memos
    assert (await world.ran(world.engine(provider), a_request(memo=memo))).artifacts == ("0.png",)
    assert [order.job_id for order in provider.orders] == ["0190-job"]


async def test_a_submission_that_was_cut_off_is_not_bought_again_without_a_key(
    world: World,
) -> None:
    provider = ScriptedProvider(is_idempotent=False)
    provider.gate.clear()
    run = await world.begun(world.engine(provider))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    (memo,) = world.io.memos
    again = ScriptedProvider(is_idempotent=False)
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await world.ran(world.engine(again), a_request(memo=memo))
    assert again.orders == []


async def test_a_submission_that_was_cut_off_is_bought_again_where_the_operator_chose_so(
    world: World,
) -> None:
    provider = ScriptedProvider(is_idempotent=False, looks=[DONE])
    engine = world.engine(provider, resend=True)
    made = await world.ran(engine, a_request(memo=Memo(sent=True).text()))
    assert made.artifacts == ("0.png",)
    assert len(provider.orders) == 1


async def test_a_lost_answer_of_a_purchase_fails_the_job(world: World) -> None:
    provider = ScriptedProvider(submissions=[LOST, "t-2"], is_idempotent=False)
    with pytest.raises(EngineError, match="may have been bought"):
        await world.ran(world.engine(provider))
    assert len(provider.orders) == 1


@pytest.mark.parametrize(
    ("is_idempotent", "resend", "trouble"),
    [(True, False, AWAY), (False, False, AWAY), (False, True, LOST)],
)
async def test_a_purchase_is_tried_again_where_that_is_safe_or_wanted(
    world: World, is_idempotent: bool, resend: bool, trouble: Exception
) -> None:
    provider = ScriptedProvider(
        submissions=[trouble, "t-2"], looks=[DONE], is_idempotent=is_idempotent
    )
    await world.ran(world.engine(provider, resend=resend))
    assert len(provider.orders) == 2


async def test_a_provider_that_is_never_there_is_given_up(world: World) -> None:
    provider = ScriptedProvider(submissions=[AWAY] * 99)
    with pytest.raises(ProviderAway, match="does not answer"):
        await world.ran(world.engine(provider, patience_s=60))
    assert 8 <= len(provider.orders) <= 12


async def test_what_was_bought_is_waited_for_through_an_outage(world: World) -> None:
    provider = ScriptedProvider(looks=[*[AWAY] * 50, DONE])
    assert (await world.ran(world.engine(provider), for_s=3600)).artifacts == ("0.png",)
    assert len(provider.orders) == 1


async def test_looks_come_further_and_further_apart(world: World) -> None:
    provider = ScriptedProvider(looks=[WAITING])
    run = await world.begun(world.engine(provider, poll_s=1, poll_s_max=10))
    await world.clock.elapse(60)
    assert 8 <= len(provider.looked) <= 12
    run.cancel()


async def test_news_has_the_runner_look_at_once(world: World) -> None:
    provider = ScriptedProvider(looks=[DONE])
    run = await world.begun(world.engine(provider, poll_s=3600, poll_s_max=3600))
    assert provider.looked == []
    world.wakes.tell("0190-job")
    async with asyncio.timeout(5):
        assert (await run).artifacts == ("0.png",)


async def test_news_that_comes_before_the_answer_of_the_submission_is_not_lost(
    world: World,
) -> None:
    provider = ScriptedProvider(looks=[DONE])
    provider.gate.clear()
    run = await world.begun(world.engine(provider, poll_s=3600, poll_s_max=3600))
    world.wakes.tell("0190-job")
    provider.gate.set()
    async with asyncio.timeout(5):
        assert (await run).artifacts == ("0.png",)


async def test_a_cancelled_job_is_cancelled_at_the_provider_beside_the_run(world: World) -> None:
    provider = ScriptedProvider(looks=[WAITING])
    engine = world.engine(provider)
    run = await world.begun(engine)
    world.io.over = True
    run.cancel()
    async with asyncio.timeout(0.5):
        with pytest.raises(asyncio.CancelledError):
            await run
    await engine.close()
    assert provider.cancelled == ["t-1"]


async def test_a_job_that_is_given_back_goes_on_at_the_provider(world: World) -> None:
    provider = ScriptedProvider(looks=[WAITING])
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


async def test_a_failure_is_told_in_the_providers_words_without_our_secret(world: World) -> None:
    said = "bad\nprompt: sk-secret-key " + "x" * 2_000
    provider = ScriptedProvider(looks=[Look(status="failed", error=said)])
    with pytest.raises(EngineError) as raised:
        await world.ran(world.engine(provider))
    sentence = str(raised.value)
    assert sentence.startswith("The job failed at the provider of studio: bad prompt: •••")
    assert len(sentence) < 500


async def test_a_job_cancelled_at_the_provider_fails_here(world: World) -> None:
    provider = ScriptedProvider(looks=[Look(status="cancelled")])
    with pytest.raises(EngineError, match="cancelled at the provider"):
        await world.ran(world.engine(provider))


async def test_links_are_kept_as_links_where_the_operator_wants_no_copies(world: World) -> None:
    link = "https://cdn.example/a.png"
    done = Look(status="completed", files=(File(url=link), File(content=PNG)))
    provider = ScriptedProvider(looks=[done])
    made = await world.ran(world.engine(provider, copy_results=False))
    assert made == Made(artifacts=("0.png",), links=(link,))


async def test_a_link_that_is_no_web_address_fails_the_job(world: World) -> None:
    done = Look(status="completed", files=(File(url="javascript:alert(1)"),))
    with pytest.raises(EngineError, match=r"named a result by no URL\.$"):
        await world.ran(world.engine(ScriptedProvider(looks=[done]), copy_results=False))


async def test_a_provider_that_makes_too_many_files_fails_the_job(world: World) -> None:
    done = Look(status="completed", files=(File(content=PNG),) * (FILES_MAX + 1))
    with pytest.raises(EngineError, match="more than 100 files"):
        await world.ran(world.engine(ScriptedProvider(looks=[done])))
    assert world.io.saved == {}


async def test_a_ticket_that_is_too_long_is_not_written_down(world: World) -> None:
    with pytest.raises(EngineError, match="too long an id"):
        await world.ran(world.engine(ScriptedProvider(submissions=["t" * 4_097])))
    assert world.io.memos == [Memo(sent=True).text()]


async def test_progress_that_is_none_is_not_told(world: World) -> None:
    looks = [Look(fraction=fraction) for fraction in (float("nan"), -1.0, 7.0, 0.5)]
    await world.ran(world.engine(ScriptedProvider(looks=[*looks, DONE])))
    assert world.io.fractions == [0.5]


async def test_a_provider_that_answers_at_once_needs_no_looks(world: World) -> None:
    provider = ScriptedProvider(submissions=[DONE], is_idempotent=False)
    assert (await world.ran(world.engine(provider))).artifacts == ("0.png",)
    assert provider.looked == []


async def test_a_preview_is_shown_once_and_a_broken_one_harms_nothing(world: World) -> None:
    shown = Look(preview=File(content=PNG))
    broken = Look(preview=File(content=b"what is this"))
    provider = ScriptedProvider(looks=[shown, shown, broken, DONE])
    made = await world.ran(world.engine(provider))
    assert world.io.previews == ["0.png"]
    assert made.artifacts == ("1.png",)


async def test_previews_without_end_do_not_fill_the_disk(world: World) -> None:
    endless = [Look(preview=File(content=PNG + bytes(number))) for number in range(1, 99)]
    made = await world.ran(world.engine(ScriptedProvider(looks=[*endless, DONE])), for_s=3_600)
    assert len(world.io.previews) == PREVIEWS_MAX
    assert len(made.artifacts) == 1


async def test_a_result_of_an_unknown_type_fails_the_job(world: World) -> None:
    done = Look(status="completed", files=(File(content=b"MZ not a picture"),))
    with pytest.raises(EngineError, match="type that is not known"):
        await world.ran(world.engine(ScriptedProvider(looks=[done])))


@pytest.mark.parametrize("model", ["bfl/flux-1-dev", "image/bfl/flux-1-dev"])
async def test_a_model_is_asked_for_by_the_providers_name(world: World, model: str) -> None:
    provider = ScriptedProvider(looks=[DONE])
    await world.ran(world.engine(provider, models={model: "theirs/flux"}))
    assert provider.orders[0].model == "theirs/flux"
    assert provider.orders[0].hook_url == "https://ours.example/hooks/studio/0190-job/proof"


async def test_an_input_that_cannot_be_fetched_fails_the_job_with_the_reason_alone(
    world: World,
) -> None:
    provider = ScriptedProvider(submissions=[FetchError("connect", "10.0.0.7 refused")])
    with pytest.raises(EngineError, match=r"could not be fetched: connect\.$"):
        await world.ran(world.engine(provider))


async def test_a_run_can_be_cancelled_before_anything_came_of_it(world: World) -> None:
    world.io = RecordingIO()
    run = await world.begun(world.engine(ScriptedProvider(looks=[WAITING])))
    run.cancel()
    await settle()
    assert run.cancelled()
