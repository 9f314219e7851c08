"""The Replicate adapter: predictions are created once, polled, cancelled; webhooks."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response

from ringback.engines.upstream.resume import ResumeState
from ringback.errors import EngineError
from ringback.testing import RecordingIO
from tests.engines.upstream.providers.process import JOB, OURS, Harness, a_harness
from tests.engines.upstream.providers.replicate import (
    HALF,
    SECRET,
    STARTING,
    TOKEN,
    VERSION,
    Replicate,
    Step,
    succeeded,
)
from tests.engines.upstream.providers.serving import Cut, answer, problem
from tests.engines.upstream.world import PNG, a_request

MODELS = {"bfl/flux-1-dev": "black-forest-labs/flux-dev"}


@pytest.fixture
async def replicate() -> AsyncIterator[Replicate]:
    """The fake provider."""
    async with Replicate().serving() as standing:
        yield standing


def the_harness(replicate: Replicate, **table: Any) -> Any:
    """Return an engine in front of the fake provider."""
    settings = {"type": "replicate", "base_url": replicate.url, "api_key": TOKEN, "models": MODELS}
    return a_harness(**{**settings, **table})


@pytest.fixture
async def harness(replicate: Replicate) -> AsyncIterator[Harness]:
    """An engine in front of the fake provider."""
    async with the_harness(replicate) as made:
        yield made


async def test_a_prediction_is_created_and_polled_and_its_result_downloaded(
    replicate: Replicate, harness: Harness
) -> None:
    made = await harness.made(input={"prompt": "a fox", "seed": None})
    assert harness.files(made) == [PNG]
    ((path, body),) = replicate.submitted
    assert path == "/v1/models/black-forest-labs/flux-dev/predictions"
    assert body["input"] == {"prompt": "a fox"}
    assert body["webhook"].startswith(f"{OURS}/hooks/studio/{JOB}/")
    assert body["webhook_events_filter"] == ["start", "output", "logs", "completed"]
    assert harness.io.fractions == [0.5]


async def test_the_id_is_saved_before_the_first_poll(
    replicate: Replicate, harness: Harness
) -> None:
    replicate.steps = [STARTING]
    run = harness.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") == 1)
    (sending, bought) = harness.io.resume_states
    assert sending == ResumeState(sent=True).text()
    assert bought == ResumeState(ticket=next(iter(replicate.predictions))).text()
    run.cancel()


async def test_a_restart_continues_the_prediction_and_creates_none(
    replicate: Replicate, harness: Harness
) -> None:
    replicate.steps = [STARTING] * 3 + [succeeded(f"{replicate.url}/delivery/a.png")]
    first = harness.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with the_harness(replicate) as later:
        made = await later.made(a_request(job_id=JOB, resume_state=harness.io.resume_states[-1]))
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
async def test_versions_and_deployments_have_their_own_paths(
    replicate: Replicate, model: str, path: str, version: str | None
) -> None:
    async with the_harness(replicate, models={"bfl/flux-1-dev": model}) as harness:
        await harness.made()
    ((called, body),) = replicate.submitted
    assert (called, body.get("version")) == (path, version)


@pytest.mark.parametrize("model", ["../../account", "a/b/c", "a b/c", "owner/name?x=1", "name"])
async def test_a_malformed_model_name_is_never_sent(replicate: Replicate, model: str) -> None:
    async with the_harness(replicate, models={"bfl/flux-1-dev": model}) as harness:
        with pytest.raises(EngineError, match="no Replicate name for this model"):
            await harness.made()
    assert replicate.received == []


async def test_parameters_have_the_names_that_the_operator_gave(replicate: Replicate) -> None:
    model = "black-forest-labs/flux-dev"
    names = {model: {"steps": "num_inference_steps", "style": ""}}
    constants = {model: {"disable_safety_checker": False}}
    async with the_harness(replicate, names=names, constants=constants) as harness:
        await harness.made(input={"prompt": "a fox", "steps": 20, "style": "x"})
    ((_, body),) = replicate.submitted
    assert body["input"] == {
        "prompt": "a fox",
        "num_inference_steps": 20,
        "disable_safety_checker": False,
    }


async def test_our_own_files_and_long_data_urls_are_uploaded_first(
    replicate: Replicate, harness: Harness
) -> None:
    own, data = "http://127.0.0.1:7464/artifacts/a.png", f"data:image/png;base64,{'A' * 300_000}"
    harness.io = RecordingIO({own: PNG, data: b"\0" * 225_000})
    elsewhere = "https://cdn.example/b.png"
    await harness.made(input={"image": own, "more": [data, elsewhere, "data:,short"]})
    ((_, body),) = replicate.submitted
    assert body["input"] == {
        "image": f"{replicate.url}/v1/files/f1",
        "more": [f"{replicate.url}/v1/files/f2", elsewhere, "data:,short"],
    }
    assert replicate.uploads == [PNG, b"\0" * 225_000]


async def test_a_file_cannot_break_out_of_its_form_field(
    replicate: Replicate, harness: Harness
) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    content = b'\r\n--b\r\ncontent-disposition: form-data; name="metadata"\r\n\r\nx\r\n--b--\r\n'
    harness.io = RecordingIO({own: content})
    await harness.made(input={"image": own})
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
    replicate: Replicate, harness: Harness, output: Any, count: int
) -> None:
    filled = _with_url(output, replicate.url)
    replicate.steps = [succeeded(output=filled)]
    made = await harness.made()
    assert harness.files(made) == [PNG] * count


def _with_url(value: Any, url: str) -> Any:
    if isinstance(value, str):
        return value.replace("{url}", url)
    if isinstance(value, list):
        return [_with_url(item, url) for item in value]
    return {name: _with_url(item, url) for name, item in value.items()}


async def test_output_of_a_running_prediction_is_a_preview(
    replicate: Replicate, harness: Harness
) -> None:
    half: Step = {**HALF, "output": [f"{replicate.url}/delivery/half.png"]}
    replicate.steps = [half, half, succeeded(f"{replicate.url}/delivery/a.png")]
    await harness.made()
    assert len(harness.io.previews) == 1


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (
            {"status": "failed", "error": "NSFW content detected.\nTry again."},
            "The job failed at the provider of studio: NSFW content detected. Try again.",
        ),
        ({"status": "failed", "error": None}, "The job failed at the provider of studio."),
        ({"status": "canceled"}, "The job was cancelled at the provider of studio."),
        ({"status": "aborted"}, "it was not started before its deadline"),
        ({"status": "succeeded", "output": ["so", "me", " words"]}, "it made no file"),
        ({"status": "succeeded", "output": None}, "it made no file"),
    ],
)
async def test_every_unsuccessful_end_has_one_sentence(
    replicate: Replicate, harness: Harness, step: Step, sentence: str
) -> None:
    replicate.steps = [step]
    with pytest.raises(EngineError) as failed:
        await harness.made()
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
async def test_a_refused_submission_fails_the_job_and_is_not_retried(
    replicate: Replicate, harness: Harness, refused: Response, sentence: str
) -> None:
    replicate.script("POST", "/v1/models", refused)
    with pytest.raises(EngineError) as failed:
        await harness.made()
    assert sentence in str(failed.value)
    assert TOKEN not in str(failed.value)
    assert replicate.count("POST", "/v1/models") == 1


async def test_a_throttled_submission_is_retried_and_accepted_once(
    replicate: Replicate, harness: Harness
) -> None:
    throttled = problem(429, "Request was throttled. Your rate limit resets in ~30s.")
    replicate.script("POST", "/v1/models", throttled, throttled)
    began_s = harness.clock.monotonic()
    await harness.made()
    assert len(replicate.submitted) == 1
    assert harness.clock.monotonic() - began_s >= 60  # twice the time that was asked for


async def test_a_submission_whose_response_was_lost_is_not_repeated(
    replicate: Replicate, harness: Harness
) -> None:
    replicate.script("POST", "/v1/models", Cut())
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await harness.made()
    assert replicate.count("POST", "/v1/models") == 1


async def test_polling_continues_after_broken_responses(
    replicate: Replicate, harness: Harness
) -> None:
    broken = (Cut(), Response("<html>", 502), Response("<html>", 200), answer({"status": "new"}))
    replicate.script("GET", "/v1/predictions/", *broken)
    assert harness.files(await harness.made()) == [PNG]


async def test_a_key_that_stops_working_does_not_lose_an_accepted_job(
    replicate: Replicate, harness: Harness
) -> None:
    locked = [answer({"detail": "No."}, status) for status in (401, 402, 403)]
    replicate.script("GET", "/v1/predictions/", *locked)
    assert harness.files(await harness.made()) == [PNG]
    assert len(replicate.submitted) == 1


async def test_a_cancelled_job_is_cancelled_at_the_provider(
    replicate: Replicate, harness: Harness
) -> None:
    replicate.steps = [STARTING] * 1000
    run = harness.begin()
    await replicate.until(lambda: replicate.count("GET", "/v1/predictions/") >= 1)
    harness.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await harness.engine.close()
    (prediction,) = replicate.predictions.values()
    assert prediction["document"]["status"] == "canceled"


async def test_the_urls_in_a_prediction_are_never_followed(
    replicate: Replicate, harness: Harness
) -> None:
    away = {"get": "http://169.254.169.254/", "cancel": "https://evil.example/cancel"}
    replicate.steps = [{**STARTING, "urls": away}, succeeded(f"{replicate.url}/delivery/a.png")]
    assert harness.files(await harness.made()) == [PNG]


@pytest.mark.parametrize("name", ["../account", "", "a/b", True, None, "x" * 300])
async def test_a_response_without_a_valid_id_counts_as_lost(
    replicate: Replicate, harness: Harness, name: Any
) -> None:
    replicate.script("POST", "/v1/models", answer({"id": name, "status": "starting"}, 201))
    with pytest.raises(EngineError, match="may have been bought"):
        await harness.made()
    assert replicate.count("GET", "/") == 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "which this server may not call"),
        (RedirectResponse("http://169.254.169.254/latest"), "which this server may not call"),
        (Response(b"<html>"), "a web page came in its stead"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "larger than the 65536 bytes"),
        (Response(b"", 403), "answered 403"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    replicate: Replicate, result: Response, reason: str
) -> None:
    replicate.script("GET", "/delivery/", *[result] * 8)
    async with the_harness(replicate, result_bytes_max=65_536) as harness:
        with pytest.raises(EngineError, match=reason):
            await harness.made()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.png", "http://10.0.0.1/a.png"])
async def test_a_result_on_another_inside_host_is_not_fetched(
    replicate: Replicate, harness: Harness, url: str
) -> None:
    replicate.steps = [succeeded(url)]
    with pytest.raises(EngineError, match="which this server may not call"):
        await harness.made()


async def test_an_endless_response_is_not_read_to_its_end(replicate: Replicate) -> None:
    replicate.script("GET", "/v1/predictions/", Response(b" " * (5 << 20)))
    async with the_harness(replicate, result_bytes_max=65_536) as harness:
        with pytest.raises(EngineError, match="sent a response that is too large"):
            await harness.made()


async def test_a_signed_webhook_makes_the_runner_poll_at_once(replicate: Replicate) -> None:
    replicate.steps = [succeeded(f"{replicate.url}/delivery/a.png")]
    async with the_harness(replicate, poll_s=86_400, poll_s_max=86_400) as harness:
        run = harness.begin()
        await replicate.until(lambda: len(replicate.predictions) == 1)
        while not run.done():
            at_s = harness.clock.now_ms() // 1000
            headers = replicate.webhook(b"{}", at_s=at_s, name=f"msg_{at_s}")
            await harness.accepts_webhook(headers, b"{}")
            await harness.clock.sleep(1)
        assert harness.files(await run) == [PNG]


async def test_only_recent_webhooks_signed_with_the_secret_are_accepted(
    replicate: Replicate, harness: Harness
) -> None:
    now_s, body = harness.clock.now_ms() // 1000, b'{"id": "p1"}'
    headers = replicate.webhook(body, at_s=now_s)
    forged = {**headers, "webhook-signature": "v1," + "A" * 43 + "="}
    assert not await harness.accepts_webhook(forged, body)
    assert not await harness.accepts_webhook(headers, body + b" ")
    assert not await harness.accepts_webhook({**headers, "webhook-id": "msg_2"}, body)
    assert not await harness.accepts_webhook(replicate.webhook(body, at_s=now_s - 700), body)
    assert not await harness.accepts_webhook(replicate.webhook(body, at_s=now_s + 900), body)
    assert not await harness.accepts_webhook({}, body)
    woken: list[None] = []
    with harness.wakes.watch(JOB, lambda: woken.append(None)):
        for _copy in range(3):  # a provider sends it again until it is answered with a 2xx
            assert await harness.accepts_webhook(headers, body)
    assert len(woken) == 1
    assert replicate.count("GET", "/v1/webhooks/default/secret") == 1


async def test_a_configured_secret_is_not_fetched(replicate: Replicate) -> None:
    async with the_harness(replicate, webhook_secret=SECRET) as harness:
        headers = replicate.webhook(b"{}", at_s=harness.clock.now_ms() // 1000)
        assert await harness.accepts_webhook(headers, b"{}")
    assert replicate.received == []


async def test_without_a_secret_no_webhook_is_accepted(
    replicate: Replicate, harness: Harness
) -> None:
    replicate.script("GET", "/v1/webhooks/default/secret", answer({"key": "nonsense"}))
    now_s = harness.clock.now_ms() // 1000
    assert not await harness.accepts_webhook(replicate.webhook(b"{}", at_s=now_s), b"{}")
