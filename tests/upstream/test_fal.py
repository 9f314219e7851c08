"""fal: requests bought once, looked at, brought home, cancelled; its webhooks judged."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.responses import RedirectResponse, Response
from upstream.providers.fal import COMPLETED, IN_PROGRESS, IN_QUEUE, KEY, USER, Fal
from upstream.providers.house import JOB, OURS, House, a_house
from upstream.providers.serving import Cut, answer
from upstream.world import PNG, a_request

from ringback.engines.upstream.fal.request import ticket_of
from ringback.engines.upstream.memo import Memo, read_memo
from ringback.errors import EngineError, SetupError
from ringback.testing import RecordingIO

MODELS = {"bfl/flux-1-dev": "fal-ai/flux/dev"}


@pytest.fixture
async def fal() -> AsyncIterator[Fal]:
    """The provider."""
    async with Fal().serving() as standing:
        yield standing


def the_house(fal: Fal, **table: Any) -> Any:
    """Return an engine in front of the stand-in."""
    told = {
        "type": "fal",
        "base_url": fal.url,
        "api_key": KEY,
        "models": MODELS,
        "jwks_url": f"{fal.url}/.well-known/jwks.json",
    }
    return a_house(**{**told, **table})


@pytest.fixture
async def house(fal: Fal) -> AsyncIterator[House]:
    """An engine in front of it."""
    async with the_house(fal) as made:
        yield made


async def test_a_request_is_bought_looked_at_and_brought_home(fal: Fal, house: House) -> None:
    made = await house.made(input={"prompt": "a fox", "seed": None})
    assert house.files(made) == [PNG]
    ((path, hook, body),) = fal.submitted
    assert (path, body) == ("/fal-ai/flux/dev", {"prompt": "a fox"})
    assert hook is not None
    assert hook.startswith(f"{OURS}/hooks/studio/{JOB}/")
    assert house.io.fractions == [0.25]


async def test_the_ticket_is_written_down_before_the_first_look(fal: Fal, house: House) -> None:
    fal.steps = (IN_QUEUE,)
    run = house.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") == 1)
    (sending, bought) = house.io.memos
    assert sending == Memo(sent=True).text()
    assert '"r1"' in (read_memo(bought).ticket or "")
    run.cancel()


async def test_a_restart_goes_on_with_the_request_and_buys_nothing(fal: Fal, house: House) -> None:
    fal.steps = (IN_QUEUE, IN_QUEUE, IN_QUEUE, COMPLETED)
    first = house.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with the_house(fal) as later:
        made = await later.made(a_request(job_id=JOB, memo=house.io.memos[-1]))
        assert later.files(made) == [PNG]
    assert len(fal.submitted) == 1


@pytest.mark.parametrize("model", ["../../x", "flux", "a b/c", "fal-ai/flux?x=1", "fal-ai//x", "/"])
async def test_what_can_be_no_model_is_not_asked_for(fal: Fal, model: str) -> None:
    async with the_house(fal, models={"bfl/flux-1-dev": model}) as house:
        with pytest.raises(EngineError, match="no name of fal's for this model"):
            await house.made()
    assert fal.asked == []


async def test_our_own_files_travel_inside_the_request(fal: Fal, house: House) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    house.io = RecordingIO({own: PNG})
    await house.made(input={"image_url": own, "loras": [{"path": "https://cdn.example/l"}]})
    ((_, _, body),) = fal.submitted
    assert body == {
        "image_url": f"data:image/png;base64,{b64encode(PNG).decode()}",
        "loras": [{"path": "https://cdn.example/l"}],
    }


async def test_a_file_that_is_too_large_to_travel_so_is_refused_before_buying(
    fal: Fal, house: House
) -> None:
    own = "http://127.0.0.1:7464/artifacts/a.png"
    house.io = RecordingIO({own: PNG + bytes(17 << 20)})
    with pytest.raises(EngineError, match="larger than the 16 MiB"):
        await house.made(input={"image_url": own})
    assert fal.asked == []


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
    fal: Fal, house: House, result: Any, count: int
) -> None:
    text = Response(bytes(answer(result).body).replace(b"{url}", fal.url.encode()))
    fal.result = text
    assert house.files(await house.made()) == [PNG] * count


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
async def test_a_request_that_ended_badly_says_so(
    fal: Fal, house: House, result: Response, sentence: str
) -> None:
    fal.result = result
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)


async def test_an_error_in_the_status_is_the_end(fal: Fal, house: House) -> None:
    fal.steps = ({**COMPLETED, "error": "Runner lost", "error_type": "runner_disconnected"},)
    with pytest.raises(EngineError, match="The job failed at the provider of studio: Runner lost"):
        await house.made()


async def test_a_result_that_is_never_handed_out_is_given_up(fal: Fal, house: House) -> None:
    fal.result = answer({"detail": "Internal Server Error"}, 500)
    with pytest.raises(EngineError, match="did not hand out its result"):
        await house.made()


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
async def test_a_refusal_is_told_and_not_repeated(
    fal: Fal, house: House, refused: Response, sentence: str
) -> None:
    fal.script("POST", "/fal-ai", refused)
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)
    assert KEY not in str(failed.value)
    assert fal.count("POST", "/fal-ai") == 1


async def test_a_throttled_submission_comes_back_and_is_bought_once(fal: Fal, house: House) -> None:
    fal.script("POST", "/fal-ai", answer({"detail": "Too many"}, 429, retry_after="7"))
    began_s = house.clock.monotonic()
    await house.made()
    assert len(fal.submitted) == 1
    assert house.clock.monotonic() - began_s >= 7


async def test_an_answer_that_is_lost_is_not_bought_again(fal: Fal, house: House) -> None:
    fal.script("POST", "/fal-ai", Cut(b'{"request_id": "r'))
    with pytest.raises(EngineError, match="may have been bought, and is not bought again"):
        await house.made()
    assert fal.count("POST", "/fal-ai") == 1


async def test_looks_go_on_through_broken_answers(fal: Fal, house: House) -> None:
    broken = (Cut(), Response("<html>", 502), Response("<html>", 200), answer({"status": "NEW"}))
    fal.script("GET", "/fal-ai", *broken)
    assert house.files(await house.made()) == [PNG]


async def test_a_key_that_stops_working_does_not_lose_what_was_bought(
    fal: Fal, house: House
) -> None:
    locked = [answer({"detail": "No."}, status) for status in (401, 402, 403)]
    fal.script("GET", "/fal-ai", *locked)
    assert house.files(await house.made()) == [PNG]
    assert len(fal.submitted) == 1


async def test_a_cancelled_job_is_cancelled_there(fal: Fal, house: House) -> None:
    fal.steps = (IN_PROGRESS,)
    run = house.begin()
    await fal.until(lambda: fal.count("GET", "/fal-ai") >= 1)
    house.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await house.engine.close()
    assert fal.cancelled == ["r1"]


async def test_a_cancellation_that_comes_too_late_is_no_error(fal: Fal, house: House) -> None:
    await house.made()
    ticket = read_memo(house.io.memos[-1]).ticket
    await house.engine._provider.cancel(ticket)
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
async def test_an_address_elsewhere_is_as_if_it_were_not_there(
    fal: Fal, house: House, address: Any
) -> None:
    told = address.replace("{url}", fal.url) if isinstance(address, str) else address
    fal.named = {"response_url": told, "status_url": told, "cancel_url": told}
    assert house.files(await house.made()) == [PNG]


def test_an_address_of_the_same_origin_and_request_is_taken() -> None:
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
def test_an_address_of_another_origin_or_request_is_not_taken(address: str) -> None:
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
def test_without_an_address_the_path_is_made_of_the_application(model: str, path: str) -> None:
    ticket = ticket_of({"request_id": "r1"}, model=model, base_url="https://queue.fal.run")
    assert ticket is not None
    assert ticket.path == path


@pytest.mark.parametrize("name", ["../account", "", "a/b", 7, None, "x" * 300])
async def test_an_id_that_is_none_is_a_lost_answer(fal: Fal, house: House, name: Any) -> None:
    fal.named = {"request_id": name}
    with pytest.raises(EngineError, match="may have been bought"):
        await house.made()
    assert fal.count("GET", "/") == 0


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "blocked_target"),
        (RedirectResponse("http://10.1.2.3/a.png"), "blocked_target"),
        (Response(b"<html>"), "of a type that is not known here"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "too_large"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    fal: Fal, result: Response, reason: str
) -> None:
    fal.script("GET", "/files/", result)
    async with the_house(fal, result_bytes_max=65_536) as house:
        with pytest.raises(EngineError, match=reason):
            await house.made()


async def test_a_signed_webhook_has_the_runner_look_now(fal: Fal) -> None:
    fal.steps = (COMPLETED,)
    async with the_house(fal, poll_s=86_400, poll_s_max=86_400) as house:
        run = house.begin()
        await fal.until(lambda: len(fal.submitted) == 1)
        while not run.done():
            headers = fal.webhook(b"{}", at_s=house.clock.now_ms() // 1000)
            await house.hooked(headers, b"{}")
            await house.clock.sleep(1)
        assert house.files(await run) == [PNG]


async def test_webhooks_are_believed_once_and_lately_and_by_published_keys_alone(
    fal: Fal, house: House
) -> None:
    now_s, body = house.clock.now_ms() // 1000, b'{"request_id": "r1", "status": "OK"}'
    headers = fal.webhook(body, at_s=now_s)
    assert not await house.hooked(headers, body + b" ")
    assert not await house.hooked({**headers, "x-fal-webhook-request-id": "r2"}, body)
    assert not await house.hooked({**headers, "x-fal-webhook-signature": "00" * 64}, body)
    assert not await house.hooked({**headers, "x-fal-webhook-signature": "zz"}, body)
    assert not await house.hooked({**headers, "x-fal-webhook-user-id": "a\nb"}, body)
    assert not await house.hooked(fal.webhook(body, at_s=now_s - 700), body)
    assert not await house.hooked(fal.webhook(body, at_s=now_s + 900), body)
    assert not await house.hooked({}, body)
    assert await house.hooked(headers, body)
    assert not await house.hooked(headers, body)
    assert fal.count("GET", "/.well-known/jwks.json") == 1


async def test_the_keys_are_asked_for_without_what_opens_the_provider(
    fal: Fal, house: House
) -> None:
    await house.hooked(fal.webhook(b"{}", at_s=house.clock.now_ms() // 1000), b"{}")
    assert "authorization" not in fal.headers[-1]


async def test_a_new_key_is_found_and_an_old_one_is_forgotten(fal: Fal, house: House) -> None:
    old = fal.signing
    assert await house.hooked(fal.webhook(b"1", at_s=house.clock.now_ms() // 1000), b"1")
    fal.signing = Ed25519PrivateKey.generate()
    fal.published = [fal.signing]
    await house.clock.sleep(61)  # keys are asked for once a minute at most
    assert await house.hooked(fal.webhook(b"2", at_s=house.clock.now_ms() // 1000), b"2")
    fal.signing = old
    assert not await house.hooked(fal.webhook(b"3", at_s=house.clock.now_ms() // 1000), b"3")


async def test_keys_are_kept_for_a_day_and_no_longer(fal: Fal, house: House) -> None:
    for hours, asked in ((0, 1), (23, 1), (2, 2)):
        house.clock.leap(hours * 3600)
        body = str(hours).encode()
        headers = fal.webhook(body, at_s=house.clock.now_ms() // 1000)
        assert await house.hooked(headers, body)
        assert fal.count("GET", "/.well-known/jwks.json") == asked


async def test_a_key_that_was_withdrawn_is_believed_for_a_day_at_most(
    fal: Fal, house: House
) -> None:
    assert await house.hooked(fal.webhook(b"1", at_s=house.clock.now_ms() // 1000), b"1")
    fal.published = []
    house.clock.leap(25 * 3600)
    assert not await house.hooked(fal.webhook(b"2", at_s=house.clock.now_ms() // 1000), b"2")


async def test_webhooks_of_other_accounts_are_refused_where_ours_is_named(fal: Fal) -> None:
    async with the_house(fal, user_id=USER) as house:
        now_s = house.clock.now_ms() // 1000
        stranger = fal.webhook(b"{}", at_s=now_s, user="somebody-else")
        assert not await house.hooked(stranger, b"{}")
        assert await house.hooked(fal.webhook(b"{}", at_s=now_s), b"{}")


@pytest.mark.parametrize(
    "published",
    [answer({"keys": []}), answer({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}), Cut()],
)
async def test_without_keys_no_webhook_is_believed(
    fal: Fal, house: House, published: Response
) -> None:
    fal.script("GET", "/.well-known/jwks.json", published)
    now_s = house.clock.now_ms() // 1000
    assert not await house.hooked(fal.webhook(b"{}", at_s=now_s), b"{}")


async def test_an_address_of_keys_that_is_none_stops_the_start(fal: Fal) -> None:
    with pytest.raises(SetupError, match="jwks_url is wrong"):
        async with the_house(fal, jwks_url="nonsense"):
            pass
