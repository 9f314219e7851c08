"""The fal adapter: requests are submitted once, polled, downloaded, cancelled; webhooks."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.responses import RedirectResponse, Response

from ringback.engines.upstream.fal.adapter import BASE_URL, FalSettings, _backup_url_of
from ringback.engines.upstream.fal.request import ticket_of
from ringback.engines.upstream.resume import ResumeState, read_resume_state
from ringback.errors import EngineError, SetupError
from ringback.testing import RecordingIO
from tests.engines.upstream.providers.fal import COMPLETED, IN_PROGRESS, IN_QUEUE, KEY, USER, Fal
from tests.engines.upstream.providers.process import JOB, OURS, Harness, a_harness
from tests.engines.upstream.providers.serving import Cut, answer
from tests.engines.upstream.world import PNG, a_request

MODELS = {"bfl/flux-1-dev": "fal-ai/flux/dev"}


@pytest.fixture
async def fal() -> AsyncIterator[Fal]:
    """The fake provider."""
    async with Fal().serving() as standing:
        yield standing


def the_harness(fal: Fal, **table: Any) -> Any:
    """Return an engine in front of the fake provider."""
    settings = {
        "type": "fal",
        "base_url": fal.url,
        "api_key": KEY,
        "models": MODELS,
        "jwks_url": f"{fal.url}/.well-known/jwks.json",
    }
    return a_harness(**{**settings, **table})


@pytest.fixture
async def harness(fal: Fal) -> AsyncIterator[Harness]:
    """An engine in front of the fake provider."""
    async with the_harness(fal) as made:
        yield made


async def test_a_request_is_submitted_and_polled_and_its_result_downloaded(
    fal: Fal, harness: Harness
) -> None:
    made = await harness.made(input={"prompt": "a fox", "seed": None})
    assert harness.files(made) == [PNG]
    ((path, webhook_url, body),) = fal.submitted
    assert (path, body) == ("/fal-ai/flux/dev", {"prompt": "a fox"})
    assert webhook_url is not None
    assert webhook_url.startswith(f"{OURS}/hooks/studio/{JOB}/")
    assert harness.io.fractions == [0.25]


async def test_a_queue_that_cannot_be_connected_to_is_reached_by_its_other_address(
    fal: Fal,
) -> None:
    with socket.socket() as closed:  # bound and not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        addresses = {"base_url": base_url, "backup_url": f"{fal.url}/", "result_origins": [fal.url]}
        async with the_harness(fal, **addresses) as harness:
            made = await harness.made()
            assert harness.files(made) == [PNG]
    assert len(fal.submitted) == 1


async def test_an_answer_that_is_lost_is_not_asked_for_at_the_other_address(fal: Fal) -> None:
    async with Fal().serving() as other:
        fal.script("POST", "/fal-ai/flux/dev", Cut())
        async with the_harness(fal, backup_url=other.url) as harness:
            with pytest.raises(EngineError, match="may have been"):
                await harness.made()
    assert other.submitted == []


def test_the_other_address_of_fals_own_queue_is_that_of_its_client() -> None:
    assert (
        _backup_url_of("fal", FalSettings(type="fal", base_url=BASE_URL))
        == "https://queue.falrun.com"
    )
    assert _backup_url_of("fal", FalSettings(type="fal", base_url="https://mine.example")) is None
    with pytest.raises(SetupError, match="The engine fal: backup_url is wrong"):
        _backup_url_of("fal", FalSettings(type="fal", base_url=BASE_URL, backup_url="ftp://x"))


async def test_the_ticket_is_saved_before_the_first_poll(fal: Fal, harness: Harness) -> None:
    fal.steps = (IN_QUEUE,)
    run = harness.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") == 1)
    (sending, bought) = harness.io.resume_states
    assert sending == ResumeState(sent=True).text()
    assert '"r1"' in (read_resume_state(bought).ticket or "")
    run.cancel()


async def test_a_restart_continues_the_request_and_submits_nothing(
    fal: Fal, harness: Harness
) -> None:
    fal.steps = (IN_QUEUE, IN_QUEUE, IN_QUEUE, COMPLETED)
    first = harness.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with the_harness(fal) as later:
        made = await later.made(a_request(job_id=JOB, resume_state=harness.io.resume_states[-1]))
        assert later.files(made) == [PNG]
    assert len(fal.submitted) == 1


@pytest.mark.parametrize("model", ["../../x", "flux", "a b/c", "fal-ai/flux?x=1", "fal-ai//x", "/"])
async def test_a_malformed_model_name_is_never_sent(fal: Fal, model: str) -> None:
    async with the_harness(fal, models={"bfl/flux-1-dev": model}) as harness:
        with pytest.raises(EngineError, match="no fal name for this model"):
            await harness.made()
    assert fal.received == []


async def test_our_own_files_are_sent_inline(fal: Fal, harness: Harness) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    harness.io = RecordingIO({own: PNG})
    await harness.made(input={"image_url": own, "loras": [{"path": "https://cdn.example/l"}]})
    ((_, _, body),) = fal.submitted
    assert body == {
        "image_url": f"data:image/png;base64,{b64encode(PNG).decode()}",
        "loras": [{"path": "https://cdn.example/l"}],
    }


async def test_a_file_too_large_to_be_sent_inline_is_refused_before_submitting(
    fal: Fal, harness: Harness
) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    harness.io = RecordingIO({own: PNG + bytes(17 << 20)})
    with pytest.raises(EngineError, match="larger than the 16 MiB"):
        await harness.made(input={"image_url": own})
    assert fal.received == []


@pytest.mark.parametrize(
    ("result", "count"),
    [
        ({"video": {"url": "{url}/files/a.mp4", "content_type": "video/mp4"}}, 1),
        ({"images": [{"url": "{url}/files/a.png"}, {"url": "{url}/files/b.png"}]}, 2),
        ({"image": {"url": f"data:image/png;base64,{b64encode(PNG).decode()}"}, "seed": 1}, 1),
        ({"images": ["{url}/files/a.png"], "seed": 1}, 1),
        ({"data": {"images": [{"url": "{url}/files/a.png"}]}, "prompt": "http://x.example"}, 1),
    ],
)
async def test_results_are_found_in_every_shape(
    fal: Fal, harness: Harness, result: Any, count: int
) -> None:
    text = Response(bytes(answer(result).body).replace(b"{url}", fal.url.encode()))
    fal.result = text
    assert harness.files(await harness.made()) == [PNG] * count


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            answer(
                {
                    "detail": [
                        {
                            "loc": ["body", "image_size", "width"],
                            "msg": "ensure this value is less than 2048",
                            "type": "value_error",
                        }
                    ]
                },
                422,
            ),
            "image_size.width: ensure this value is less than 2048",
        ),
        (answer({"detail": "The model broke."}, 400), "The model broke."),
        (answer({"detail": [{"odd": 1}, 7]}, 422), "status 422"),
        (answer({"output": "some words"}), "it made no file"),
        (answer([]), "it made no file"),
    ],
)
async def test_a_failed_request_fails_the_job_with_its_reason(
    fal: Fal, harness: Harness, result: Response, sentence: str
) -> None:
    fal.result = result
    with pytest.raises(EngineError) as failed:
        await harness.made()
    assert sentence in str(failed.value)


async def test_an_error_in_the_status_fails_the_job(fal: Fal, harness: Harness) -> None:
    fal.steps = ({**COMPLETED, "error": "Runner lost", "error_type": "runner_disconnected"},)
    with pytest.raises(EngineError, match="The job failed at the provider of studio: Runner lost"):
        await harness.made()


async def test_an_unreadable_result_is_asked_for_again(fal: Fal, harness: Harness) -> None:
    result = "/fal-ai/flux/requests/r1"
    status = answer(COMPLETED)
    broken = (Response("<html>"), Response('{"images": [{"url": "htt'), answer({}, 403))
    for one in broken:
        fal.script("GET", f"{result}/status", status).script("GET", result, one)
    assert harness.files(await harness.made()) == [PNG]


async def test_an_error_of_the_model_is_final_and_has_its_words(fal: Fal, harness: Harness) -> None:
    detail = [{"loc": ["body"], "msg": "The GPU ran out of memory.", "type": "internal"}]
    fal.result = answer({"detail": detail}, 500, x_fal_request_id="r1")
    with pytest.raises(EngineError, match=r"studio: The GPU ran out of memory\.$"):
        await harness.made()
    assert [path for _, path in fal.received].count("/fal-ai/flux/requests/r1") == 1


async def test_a_result_that_the_provider_never_returns_fails_the_job(
    fal: Fal, harness: Harness
) -> None:
    fal.result = answer({"detail": "Internal Server Error"}, 500)
    with pytest.raises(EngineError, match="did not return its result"):
        await harness.made()


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (answer({"detail": f"Cannot authenticate {KEY}"}, 401), "not let in"),
        (answer({"detail": "User is locked. Reason: Exhausted balance."}, 403), "not let in"),
        (answer({"detail": "Application 'x' not found"}, 404), "does not have this model"),
        (
            answer({"detail": [{"loc": ["body", "prompt"], "msg": "field required"}]}, 422),
            "refused the input: prompt: field required.",
        ),
    ],
)
async def test_a_refused_submission_fails_the_job_and_is_not_retried(
    fal: Fal, harness: Harness, refused: Response, sentence: str
) -> None:
    fal.script("POST", "/fal-ai", refused)
    with pytest.raises(EngineError) as failed:
        await harness.made()
    assert sentence in str(failed.value)
    assert KEY not in str(failed.value)
    assert fal.count("POST", "/fal-ai") == 1


async def test_a_throttled_submission_is_retried_and_accepted_once(
    fal: Fal, harness: Harness
) -> None:
    fal.script("POST", "/fal-ai", answer({"detail": "Too many"}, 429, retry_after="7"))
    began_s = harness.clock.monotonic()
    await harness.made()
    assert len(fal.submitted) == 1
    assert harness.clock.monotonic() - began_s >= 7


async def test_a_submission_whose_response_was_lost_is_not_repeated(
    fal: Fal, harness: Harness
) -> None:
    fal.script("POST", "/fal-ai", Cut(b'{"request_id": "r'))
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await harness.made()
    assert fal.count("POST", "/fal-ai") == 1


async def test_polling_continues_after_broken_responses(fal: Fal, harness: Harness) -> None:
    broken = (Cut(), Response("<html>", 502), Response("<html>", 200), answer({"status": "NEW"}))
    fal.script("GET", "/fal-ai", *broken)
    assert harness.files(await harness.made()) == [PNG]


async def test_a_key_that_stops_working_does_not_lose_an_accepted_job(
    fal: Fal, harness: Harness
) -> None:
    locked = [answer({"detail": "No."}, status) for status in (401, 402, 403)]
    fal.script("GET", "/fal-ai", *locked)
    assert harness.files(await harness.made()) == [PNG]
    assert len(fal.submitted) == 1


async def test_a_cancelled_job_is_cancelled_at_the_provider(fal: Fal, harness: Harness) -> None:
    fal.steps = (IN_PROGRESS,)
    run = harness.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") >= 1)
    harness.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await harness.engine.close()
    assert fal.cancelled == ["r1"]


async def test_a_cancellation_that_comes_too_late_is_no_error(fal: Fal, harness: Harness) -> None:
    await harness.made()
    ticket = read_resume_state(harness.io.resume_states[-1]).ticket
    await harness.engine._provider.cancel(ticket)
    assert fal.count("PUT", "/fal-ai") == 1
    assert fal.cancelled == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/fal-ai/flux/requests/r1",
        "https://evil.example/fal-ai/flux/requests/r1",
        "{url}@evil.example/fal-ai/flux/requests/r1",
        "{url}/fal-ai/flux/requests/another",
        "{url}/../../requests/r1",
        "{url}/fal-ai/flux/requests/r1?next=1",
        "file:///etc/requests/r1",
        7,
        None,
    ],
)
async def test_a_url_of_another_origin_is_ignored(fal: Fal, harness: Harness, address: Any) -> None:
    link = address.replace("{url}", fal.url) if isinstance(address, str) else address
    fal.named = {"response_url": link, "status_url": link, "cancel_url": link}
    assert harness.files(await harness.made()) == [PNG]


def test_a_url_of_the_same_origin_and_request_is_used() -> None:
    document = {
        "request_id": "r1",
        "response_url": "https://queue.fal.run/workflows/acme/portraits/requests/r1",
    }
    ticket = ticket_of(document, model="a/b", base_url="https://queue.fal.run")
    assert ticket is not None
    assert ticket.path == "/workflows/acme/portraits/requests/r1"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/another/app/requests/r1",
        "http://queue.fal.run/another/app/requests/r1",
        "https://queue.fal.run:8443/another/app/requests/r1",
        "https://queue.fal.run/another/app/requests/r2",
        "https://queue.fal.run/another/%2e%2e/requests/r1",
    ],
)
def test_a_url_of_another_origin_or_request_is_not_used(address: str) -> None:
    document = {"request_id": "r1", "response_url": address}
    ticket = ticket_of(document, model="a/b", base_url="https://queue.fal.run")
    assert ticket is not None
    assert ticket.path == "/a/b/requests/r1"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("fal-ai/flux/dev/image-to-image", "/fal-ai/flux/requests/r1"),
        ("fal-ai/flux", "/fal-ai/flux/requests/r1"),
        ("workflows/acme/portraits/fast", "/workflows/acme/portraits/requests/r1"),
    ],
)
def test_without_a_url_the_path_is_built_from_the_application(model: str, path: str) -> None:
    ticket = ticket_of({"request_id": "r1"}, model=model, base_url="https://queue.fal.run")
    assert ticket is not None
    assert ticket.path == path


@pytest.mark.parametrize("name", ["../account", "", "a/b", True, None, "x" * 300])
async def test_a_response_without_a_valid_id_counts_as_lost(
    fal: Fal, harness: Harness, name: Any
) -> None:
    fal.named = {"request_id": name}
    with pytest.raises(EngineError, match="may have been bought"):
        await harness.made()
    assert fal.count("GET", "/") == 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "which this server may not call"),
        (RedirectResponse("http://10.1.2.3/a.png"), "which this server may not call"),
        (Response(b"<html>"), "a web page came in its stead"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "larger than the 65536 bytes"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    fal: Fal, result: Response, reason: str
) -> None:
    fal.script("GET", "/files/", result)
    async with the_harness(fal, result_bytes_max=65_536) as harness:
        with pytest.raises(EngineError, match=reason):
            await harness.made()


async def test_a_signed_webhook_makes_the_runner_poll_at_once(fal: Fal) -> None:
    fal.steps = (COMPLETED,)
    async with the_harness(fal, poll_s=86_400, poll_s_max=86_400) as harness:
        run = harness.begin()
        await fal.until(lambda: len(fal.submitted) == 1)
        while not run.done():
            headers = fal.webhook(b"{}", at_s=harness.clock.now_ms() // 1000)
            await harness.accepts_webhook(headers, b"{}")
            await harness.clock.sleep(1)
        assert harness.files(await run) == [PNG]


async def test_only_recent_webhooks_signed_with_a_published_key_are_accepted(
    fal: Fal, harness: Harness
) -> None:
    now_s, body = harness.clock.now_ms() // 1000, b'{"request_id": "r1", "status": "OK"}'
    headers = fal.webhook(body, at_s=now_s)
    assert not await harness.accepts_webhook(headers, body + b" ")
    assert not await harness.accepts_webhook({**headers, "x-fal-webhook-request-id": "r2"}, body)
    assert not await harness.accepts_webhook(
        {**headers, "x-fal-webhook-signature": "00" * 64}, body
    )
    assert not await harness.accepts_webhook({**headers, "x-fal-webhook-signature": "zz"}, body)
    assert not await harness.accepts_webhook({**headers, "x-fal-webhook-user-id": "a\nb"}, body)
    assert not await harness.accepts_webhook(fal.webhook(body, at_s=now_s - 700), body)
    assert not await harness.accepts_webhook(fal.webhook(body, at_s=now_s + 900), body)
    assert not await harness.accepts_webhook({}, body)
    woken: list[None] = []
    with harness.wakes.watch(JOB, lambda: woken.append(None)):
        for _copy in range(3):  # a provider sends it again until it is answered with a 2xx
            assert await harness.accepts_webhook(headers, body)
    assert len(woken) == 1
    assert fal.count("GET", "/.well-known/jwks.json") == 1


async def test_the_keys_are_fetched_without_the_api_key(fal: Fal, harness: Harness) -> None:
    await harness.accepts_webhook(fal.webhook(b"{}", at_s=harness.clock.now_ms() // 1000), b"{}")
    assert "authorization" not in fal.headers[-1]


async def test_a_new_key_is_found_and_an_old_one_is_forgotten(fal: Fal, harness: Harness) -> None:
    old = fal.signing
    assert await harness.accepts_webhook(
        fal.webhook(b"1", at_s=harness.clock.now_ms() // 1000), b"1"
    )
    fal.signing = Ed25519PrivateKey.generate()
    fal.published = [fal.signing]
    await harness.clock.sleep(61)  # keys are asked for once a minute at most
    assert await harness.accepts_webhook(
        fal.webhook(b"2", at_s=harness.clock.now_ms() // 1000), b"2"
    )
    fal.signing = old
    assert not await harness.accepts_webhook(
        fal.webhook(b"3", at_s=harness.clock.now_ms() // 1000), b"3"
    )


async def test_keys_are_kept_for_a_day_and_no_longer(fal: Fal, harness: Harness) -> None:
    for hours, fetches in ((0, 1), (23, 1), (2, 2)):
        harness.clock.leap(hours * 3600)
        body = str(hours).encode()
        headers = fal.webhook(body, at_s=harness.clock.now_ms() // 1000)
        assert await harness.accepts_webhook(headers, body)
        assert fal.count("GET", "/.well-known/jwks.json") == fetches


async def test_a_withdrawn_key_is_accepted_for_a_day_at_most(fal: Fal, harness: Harness) -> None:
    assert await harness.accepts_webhook(
        fal.webhook(b"1", at_s=harness.clock.now_ms() // 1000), b"1"
    )
    fal.published = []
    harness.clock.leap(25 * 3600)
    assert not await harness.accepts_webhook(
        fal.webhook(b"2", at_s=harness.clock.now_ms() // 1000), b"2"
    )


async def test_webhooks_of_other_accounts_are_refused_where_a_user_id_is_set(fal: Fal) -> None:
    async with the_harness(fal, user_id=USER) as harness:
        now_s = harness.clock.now_ms() // 1000
        stranger = fal.webhook(b"{}", at_s=now_s, user="somebody-else")
        assert not await harness.accepts_webhook(stranger, b"{}")
        assert await harness.accepts_webhook(fal.webhook(b"{}", at_s=now_s), b"{}")


@pytest.mark.parametrize(
    "published",
    [answer({"keys": []}), answer({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}), Cut()],
)
async def test_without_keys_no_webhook_is_accepted(
    fal: Fal, harness: Harness, published: Response
) -> None:
    fal.script("GET", "/.well-known/jwks.json", published)
    now_s = harness.clock.now_ms() // 1000
    assert not await harness.accepts_webhook(fal.webhook(b"{}", at_s=now_s), b"{}")


async def test_an_invalid_jwks_url_prevents_the_start(fal: Fal) -> None:
    with pytest.raises(SetupError, match="jwks_url is wrong"):
        async with the_harness(fal, jwks_url="nonsense"):
            pass
