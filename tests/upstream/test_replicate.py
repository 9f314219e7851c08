"""Replicate: predictions bought once, looked at, brought home, cancelled; its webhooks judged."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response
from upstream.providers.house import JOB, OURS, House, a_house
from upstream.providers.replicate import (
    HALF,
    SECRET,
    STARTING,
    TOKEN,
    VERSION,
    Replicate,
    Step,
    succeeded,
)
from upstream.providers.serving import Cut, answer, problem
from upstream.world import PNG, a_request

from ringback.engines.upstream.memo import Memo
from ringback.errors import EngineError
from ringback.testing import RecordingIO

MODELS = {"bfl/flux-1-dev": "black-forest-labs/flux-dev"}


@pytest.fixture
async def replicate() -> AsyncIterator[Replicate]:
    """The provider."""
    async with Replicate().serving() as standing:
        yield standing


def the_house(replicate: Replicate, **table: Any) -> Any:
    """Return an engine in front of the stand-in."""
    told = {"type": "replicate", "base_url": replicate.url, "api_key": TOKEN, "models": MODELS}
    return a_house(**{**told, **table})


@pytest.fixture
async def house(replicate: Replicate) -> AsyncIterator[House]:
    """An engine in front of it."""
    async with the_house(replicate) as made:
        yield made


async def test_a_prediction_is_bought_looked_at_and_brought_home(
    replicate: Replicate, house: House
) -> None:
    made = await house.made(input={"prompt": "a fox", "seed": None})
    assert house.files(made) == [PNG]
    ((path, body),) = replicate.submitted
    assert path == "/v1/models/black-forest-labs/flux-dev/predictions"
    assert body["input"] == {"prompt": "a fox"}
    assert body["webhook"].startswith(f"{OURS}/hooks/studio/{JOB}/")
    assert body["webhook_events_filter"] == ["start", "output", "logs", "completed"]
    assert house.io.fractions == [0.5]


async def test_the_id_is_written_down_before_the_first_look(
    replicate: Replicate, house: House
) -> None:
    replicate.steps = [STARTING]
    run = house.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") == 1)
    (sending, bought) = house.io.memos
    assert sending == Memo(sent=True).text()
    assert bought == Memo(ticket=next(iter(replicate.predictions))).text()
    run.cancel()


async def test_a_restart_goes_on_with_the_prediction_and_buys_nothing(
    replicate: Replicate, house: House
) -> None:
    replicate.steps = [STARTING] * 3 + [succeeded(f"{replicate.url}/delivery/a.png")]
    first = house.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with the_house(replicate) as later:
        made = await later.made(a_request(job_id=JOB, memo=house.io.memos[-1]))
        assert later.files(made) == [PNG]
    assert len(replicate.submitted) == 1


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        (f"owner/name:{VERSION}", "/v1/predictions", VERSION),
        (VERSION, "/v1/predictions", VERSION),
        ("deployments/acme/fast", "/v1/deployments/acme/fast/predictions", None),
    ],
)
async def test_versions_and_deployments_have_their_own_addresses(
    replicate: Replicate, model: str, path: str, version: str | None
) -> None:
    async with the_house(replicate, models={"bfl/flux-1-dev": model}) as house:
        await house.made()
    ((asked, body),) = replicate.submitted
    assert (asked, body.get("version")) == (path, version)


@pytest.mark.parametrize("model", ["../../account", "a/b/c", "a b/c", "owner/name?x=1", "name"])
async def test_what_can_be_no_model_is_not_asked_for(replicate: Replicate, model: str) -> None:
    async with the_house(replicate, models={"bfl/flux-1-dev": model}) as house:
        with pytest.raises(EngineError, match="no name of Replicate's for this model"):
            await house.made()
    assert replicate.asked == []


async def test_parameters_have_the_names_that_the_operator_gave(replicate: Replicate) -> None:
    model = "black-forest-labs/flux-dev"
    names = {model: {"steps": "num_inference_steps", "style": ""}}
    constants = {model: {"disable_safety_checker": False}}
    async with the_house(replicate, names=names, constants=constants) as house:
        await house.made(input={"prompt": "a fox", "steps": 20, "style": "x"})
    ((_, body),) = replicate.submitted
    assert body["input"] == {
        "prompt": "a fox",
        "num_inference_steps": 20,
        "disable_safety_checker": False,
    }


async def test_our_own_files_and_long_data_urls_are_uploaded_first(
    replicate: Replicate, house: House
) -> None:
    own, data = "http://127.0.0.1:7464/artifacts/a.png", f"data:image/png;base64,{'A' * 300_000}"
    house.io = RecordingIO({own: PNG, data: b"\0" * 225_000})
    elsewhere = "https://cdn.example/b.png"
    await house.made(input={"image": own, "more": [data, elsewhere, "data:,short"]})
    ((_, body),) = replicate.submitted
    assert body["input"] == {
        "image": f"{replicate.url}/v1/files/f1",
        "more": [f"{replicate.url}/v1/files/f2", elsewhere, "data:,short"],
    }
    assert replicate.uploads == [PNG, b"\0" * 225_000]


async def test_a_file_cannot_end_its_own_field_of_the_form(
    replicate: Replicate, house: House
) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    content = b'\r\n--b\r\ncontent-disposition: form-data; name="metadata"\r\n\r\nx\r\n--b--\r\n'
    house.io = RecordingIO({own: content})
    await house.made(input={"image": own})
    assert replicate.uploads == [content]


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("{url}/delivery/a.png", 1),
        (["{url}/delivery/a.png", "{url}/delivery/b.png"], 2),
        ({"image": "{url}/delivery/a.png", "caption": "a fox"}, 1),
        ([{"url": "{url}/delivery/a.png"}], 1),
        (f"data:image/png;base64,{b64encode(PNG).decode()}", 1),
    ],
)
async def test_outputs_are_found_in_every_shape(
    replicate: Replicate, house: House, output: Any, count: int
) -> None:
    filled = _with_url(output, replicate.url)
    replicate.steps = [succeeded(output=filled)]
    made = await house.made()
    assert house.files(made) == [PNG] * count


def _with_url(value: Any, url: str) -> Any:
    if isinstance(value, str):
        return value.replace("{url}", url)
    if isinstance(value, list):
        return [_with_url(item, url) for item in value]
    return {name: _with_url(item, url) for name, item in value.items()}


async def test_what_is_there_before_the_end_is_shown(replicate: Replicate, house: House) -> None:
    half: Step = {**HALF, "output": [f"{replicate.url}/delivery/half.png"]}
    replicate.steps = [half, half, succeeded(f"{replicate.url}/delivery/a.png")]
    await house.made()
    assert len(house.io.previews) == 1


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (
            {"status": "failed", "error": "NSFW content detected.\nTry again."},
            "The job failed at the provider of studio: NSFW content detected. Try again.",
        ),
        ({"status": "failed", "error": None}, "The job failed at the provider of studio."),
        ({"status": "canceled"}, "The job was cancelled at the provider of studio."),
        ({"status": "aborted"}, "it was not begun before its deadline"),
        ({"status": "succeeded", "output": ["so", "me", " words"]}, "it made no file"),
        ({"status": "succeeded", "output": None}, "it made no file"),
    ],
)
async def test_every_other_end_is_told_in_one_sentence(
    replicate: Replicate, house: House, step: Step, sentence: str
) -> None:
    replicate.steps = [step]
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (problem(401, f"no such token {TOKEN}", title="Unauthenticated"), "not let in"),
        (problem(402, "You have insufficient credit to run this model."), "insufficient credit"),
        (problem(404, "The requested resource could not be found."), "does not have this model"),
        (
            problem(422, "- input: prompt is required\n", title="Input validation failed"),
            "refused the input: - input: prompt is required",
        ),
        (answer("a page", 403), "not let in"),
    ],
)
async def test_a_refusal_is_told_and_not_repeated(
    replicate: Replicate, house: House, refused: Response, sentence: str
) -> None:
    replicate.script("POST", "/v1/models", refused)
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)
    assert TOKEN not in str(failed.value)
    assert replicate.count("POST", "/v1/models") == 1


async def test_a_throttled_submission_comes_back_and_is_bought_once(
    replicate: Replicate, house: House
) -> None:
    throttled = problem(429, "Request was throttled. Your rate limit resets in ~30s.")
    replicate.script("POST", "/v1/models", throttled, throttled)
    began_s = house.clock.monotonic()
    await house.made()
    assert len(replicate.submitted) == 1
    assert house.clock.monotonic() - began_s >= 60  # twice the time that was asked for


async def test_an_answer_that_is_lost_is_not_bought_again(
    replicate: Replicate, house: House
) -> None:
    replicate.script("POST", "/v1/models", Cut())
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await house.made()
    assert replicate.count("POST", "/v1/models") == 1


async def test_looks_go_on_through_broken_answers(replicate: Replicate, house: House) -> None:
    broken = (Cut(), Response("<html>", 502), Response("<html>", 200), answer({"status": "new"}))
    replicate.script("GET", "/v1/predictions/", *broken)
    assert house.files(await house.made()) == [PNG]


async def test_a_key_that_stops_working_does_not_lose_what_was_bought(
    replicate: Replicate, house: House
) -> None:
    locked = [answer({"detail": "No."}, status) for status in (401, 402, 403)]
    replicate.script("GET", "/v1/predictions/", *locked)
    assert house.files(await house.made()) == [PNG]
    assert len(replicate.submitted) == 1


async def test_a_cancelled_job_is_cancelled_there(replicate: Replicate, house: House) -> None:
    replicate.steps = [STARTING] * 1000
    run = house.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") >= 1)
    house.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await house.engine.close()
    (prediction,) = replicate.predictions.values()
    assert prediction["document"]["status"] == "canceled"


async def test_the_addresses_in_a_prediction_are_never_followed(
    replicate: Replicate, house: House
) -> None:
    away = {"get": "http://169.254.169.254/", "cancel": "https://evil.example/cancel"}
    replicate.steps = [{**STARTING, "urls": away}, succeeded(f"{replicate.url}/delivery/a.png")]
    assert house.files(await house.made()) == [PNG]


@pytest.mark.parametrize("name", ["../account", "", "a/b", 7, None, "x" * 300])
async def test_an_id_that_is_none_is_a_lost_answer(
    replicate: Replicate, house: House, name: Any
) -> None:
    replicate.script("POST", "/v1/models", answer({"id": name, "status": "starting"}, 201))
    with pytest.raises(EngineError, match="may have been bought"):
        await house.made()
    assert replicate.count("GET", "/") == 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "blocked_target"),
        (RedirectResponse("http://169.254.169.254/latest"), "blocked_target"),
        (Response(b"<html>"), "of a type that is not known here"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "too_large"),
        (Response(b"", 403), "status 403"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    replicate: Replicate, result: Response, reason: str
) -> None:
    replicate.script("GET", "/delivery/", result)
    async with the_house(replicate, result_bytes_max=65_536) as house:
        with pytest.raises(EngineError, match=reason):
            await house.made()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.png", "http://10.0.0.1/a.png"])
async def test_a_result_on_another_inside_host_is_not_fetched(
    replicate: Replicate, house: House, url: str
) -> None:
    replicate.steps = [succeeded(url)]
    with pytest.raises(EngineError, match="blocked_target"):
        await house.made()


async def test_an_endless_answer_is_not_read_to_its_end(replicate: Replicate, house: House) -> None:
    replicate.script("GET", "/v1/predictions/", Response(b" " * (5 << 20)))
    with pytest.raises(EngineError, match="sent more than is read"):
        await house.made()


async def test_a_signed_webhook_has_the_runner_look_now(replicate: Replicate) -> None:
    replicate.steps = [succeeded(f"{replicate.url}/delivery/a.png")]
    async with the_house(replicate, poll_s=86_400, poll_s_max=86_400) as house:
        run = house.begin()
        await replicate.until(lambda: len(replicate.predictions) == 1)
        while not run.done():
            at_s = house.clock.now_ms() // 1000
            headers = replicate.webhook(b"{}", at_s=at_s, name=f"msg_{at_s}")
            await house.hooked(headers, b"{}")
            await house.clock.sleep(1)
        assert house.files(await run) == [PNG]


async def test_webhooks_are_believed_once_and_lately_and_by_their_secret_alone(
    replicate: Replicate, house: House
) -> None:
    now_s, body = house.clock.now_ms() // 1000, b'{"id": "p1"}'
    headers = replicate.webhook(body, at_s=now_s)
    forged = {**headers, "webhook-signature": "v1," + "A" * 43 + "="}
    assert not await house.hooked(forged, body)
    assert not await house.hooked(headers, body + b" ")
    assert not await house.hooked({**headers, "webhook-id": "msg_2"}, body)
    assert not await house.hooked(replicate.webhook(body, at_s=now_s - 700), body)
    assert not await house.hooked(replicate.webhook(body, at_s=now_s + 900), body)
    assert not await house.hooked({}, body)
    assert await house.hooked(headers, body)
    assert not await house.hooked(headers, body)
    assert replicate.count("GET", "/v1/webhooks/default/secret") == 1


async def test_a_secret_of_the_operator_is_not_asked_for(replicate: Replicate) -> None:
    async with the_house(replicate, webhook_secret=SECRET) as house:
        headers = replicate.webhook(b"{}", at_s=house.clock.now_ms() // 1000)
        assert await house.hooked(headers, b"{}")
    assert replicate.asked == []


async def test_without_a_secret_no_webhook_is_believed(replicate: Replicate, house: House) -> None:
    replicate.script("GET", "/v1/webhooks/default/secret", answer({"key": "nonsense"}))
    now_s = house.clock.now_ms() // 1000
    assert not await house.hooked(replicate.webhook(b"{}", at_s=now_s), b"{}")
