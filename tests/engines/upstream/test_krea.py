"""The adapter for servers with the contract's API, in front of a scripted server."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from ringback.engines.contract import Made
from ringback.engines.upstream.resume import ResumeState
from ringback.engines.upstream.runner import STRANGE_LOOKS_MAX
from ringback.errors import EngineError, SubmissionUnknown
from ringback.ids import new_secret
from ringback.testing import (
    FakeReceiver,
    ReceivedRequest,
    RecordingIO,
    Script,
    hang,
    redirect,
    reset,
    respond,
)
from ringback.wire.signature import Signer, webhook_headers
from tests.engines.upstream.studio import KEY, an_engine, answer, json_of, requests_of
from tests.engines.upstream.world import PNG, a_request
from tests.forms import read_form

JOB = "theirs-1"
TAKEN = answer({"job_id": JOB, "status": "queued", "completed_at": None, "result": None})
OWN = "http://127.0.0.1:7464/artifacts/x.png"


PICTURE = f"data:image/png;base64,{b64encode(PNG).decode()}"


def state(status: str, **result: object) -> bytes:
    return answer({"job_id": JOB, "status": status, "result": result or None})


DONE = state("completed", urls=[PICTURE])


async def made(
    *script: Script, io: RecordingIO | None = None, resume_state: str | None = None, **table: Any
) -> tuple[Made, FakeReceiver]:
    async with FakeReceiver(script) as receiver:
        with an_engine("krea", receiver.url_at(""), **table) as engine:
            request = a_request(resume_state=resume_state)
            async with asyncio.timeout(10):
                return await engine.engine.run(request, io or RecordingIO()), receiver


async def test_a_job_is_submitted_to_the_same_route_and_polled() -> None:
    _, receiver = await made(TAKEN, state("queued"), state("sampling"), DONE)
    assert requests_of(receiver) == [
        ("POST", "/generate/image/bfl/flux-1-dev"),
        *[("GET", f"/jobs/{JOB}")] * 3,
    ]
    submission = receiver.requests[0]
    assert json_of(submission) == {"prompt": "a fox"}
    assert submission.header("authorization") == f"Bearer {KEY}"
    assert submission.header("idempotency-key") == "0190-job"
    assert submission.header("x-webhook-url") is None


async def test_the_webhook_url_of_the_job_is_sent_where_a_public_url_is_set() -> None:
    _, receiver = await made(TAKEN, DONE, public_url="https://ours.example/")
    webhook_url = receiver.requests[0].header("x-webhook-url")
    assert webhook_url is not None
    assert webhook_url.startswith("https://ours.example/hooks/studio/0190-job/")
    assert KEY not in webhook_url


async def test_result_files_are_downloaded_with_the_key_from_the_providers_own_origin() -> None:
    io = RecordingIO()

    def done(request: ReceivedRequest, transport: asyncio.Transport) -> None:
        base = f"http://{request.header('host')}/artifacts"
        transport.write(state("completed", urls=[f"{base}/a.png", f"{base}/b.png"]))

    async with FakeReceiver([TAKEN, done, *[respond(200, body=PNG)] * 2]) as receiver:
        with an_engine("krea", receiver.url_at("")) as engine:
            result = await engine.engine.run(a_request(), io)
    assert list(result.artifacts) == list(io.saved) == ["0.png", "1.png"]
    assert receiver.requests[-1].header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (answer({"error": "bad width"}, 400), r"refused the input: bad width\."),
        (answer({"error": "no", "message": "no"}, 401), r"not let in by its provider.*401"),
        (answer({"message": "buy more"}, 402), r"wants to be paid first: buy more\."),
        (answer({"error": "nope"}, 403), r"not let in"),
        (answer({"error": "no such model"}, 404), r"does not have this model: no such model\."),
        (
            answer({"error": "model_unavailable", "message": "Use flux-2."}, 410),
            r"does not have this model: Use flux-2\.",
        ),
        (
            answer({"detail": [{"loc": ["width"], "msg": "too wide"}]}, 422),
            r"refused the input: too wide\.",
        ),
        (answer({"error": "slow down"}, 429), r"does not answer \(status 429\)"),
        (respond(500, body=b"<html>"), r"may have been bought"),
        (respond(503), r"does not answer \(status 503\)"),
        (respond(418), r"refused the job \(status 418\)"),
        (redirect("http://127.0.0.1:1/"), r"refused the job \(status 302\)"),
        (reset(), r"may have been bought"),
        (answer({"no": "job"}), r"may have been bought"),
        (respond(200, body=b"[" * 100_000), r"may have been bought"),
    ],
)
async def test_a_refused_submission_fails_the_job_in_one_sentence(
    refused: Script, sentence: str
) -> None:
    with pytest.raises(EngineError, match=sentence) as raised:
        await made(refused)
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_busy_provider_gets_the_same_request_again() -> None:
    busy = respond(429, headers=[("retry-after", "0")])
    _, receiver = await made(busy, respond(503), TAKEN, DONE, retries=2)
    first, second, third, _ = receiver.requests
    assert first.body == second.body == third.body


async def test_a_lost_submission_is_repeated_only_with_idempotency_keys() -> None:
    with pytest.raises(SubmissionUnknown):
        await made(reset(), retries=5)
    _, receiver = await made(
        reset(),
        hang(),
        TAKEN,
        DONE,
        retries=5,
        request_timeout_s=0.3,
        idempotency=True,
    )
    keys = {request.header("idempotency-key") for request in receiver.requests[:3]}
    assert keys == {"0190-job"}


@pytest.mark.parametrize("trouble", [401, 402, 403, 429, 500, 503, b"junk", reset()])
async def test_errors_while_polling_do_not_lose_an_accepted_job(trouble: Script) -> None:
    _, receiver = await made(TAKEN, trouble, trouble, DONE)
    assert [method for method, _ in requests_of(receiver)].count("POST") == 1


async def test_a_job_that_the_provider_has_forgotten_fails() -> None:
    with pytest.raises(EngineError, match="no longer has this job"):
        await made(TAKEN, *[respond(404)] * STRANGE_LOOKS_MAX)


async def test_a_later_run_polls_the_job_that_was_submitted() -> None:
    resume_state = ResumeState(ticket="a/../b?c").text()
    _, receiver = await made(DONE, resume_state=resume_state)
    assert requests_of(receiver) == [("GET", "/jobs/a%2F..%2Fb%3Fc")]


async def test_a_failed_job_has_the_providers_error() -> None:
    with pytest.raises(EngineError, match=r"failed at the provider of studio: too dark\.$"):
        await made(TAKEN, state("failed", error="too dark"))


async def test_a_training_returns_the_id_of_its_style() -> None:
    result, _ = await made(TAKEN, state("completed", style_id="s-1"))
    assert result.style_id == "s-1"


@pytest.mark.parametrize("style_id", ["", "x" * 201, "a b", "a\nb", "<i>", "ä", 7])
async def test_an_invalid_style_id_is_dropped(style_id: object) -> None:
    """It would appear in the job's document, in its webhooks and on the page."""
    result, _ = await made(TAKEN, state("completed", style_id=style_id, urls=[PICTURE]))
    assert result.style_id is None


async def test_our_own_files_are_uploaded_and_replaced_by_the_providers_urls() -> None:
    theirs = "https://provider.example/artifacts/y.png"
    async with FakeReceiver([answer({"image_url": theirs}), TAKEN, DONE]) as receiver:
        with an_engine("krea", receiver.url_at("")) as engine:
            inputs = {"image_url": OWN, "styles": [{"url": OWN}], "other": "https://x.example/"}
            await engine.engine.run(a_request(input=inputs), RecordingIO({OWN: PNG}))
    upload, submission = receiver.requests[:2]
    assert (upload.method, upload.path) == ("POST", "/assets")
    # The same key for every attempt, so that a repeated submission has the same body.
    assert upload.header("idempotency-key") == f"0190-job-{sha256(OWN.encode()).hexdigest()[:16]}"
    (part,) = read_form(upload.header("content-type") or "", upload.body)
    assert (part.name, part.content, part.media_type) == ("file", PNG, "image/png")
    assert json_of(submission) == {
        "image_url": theirs,
        "styles": [{"url": theirs}],
        "other": "https://x.example/",
    }


async def test_with_a_secret_only_a_signed_webhook_is_accepted() -> None:
    secret = new_secret()
    with an_engine(
        "krea", "http://127.0.0.1:9", public_url="https://ours.example", webhook_secret=secret
    ) as engine:
        webhooks = engine.provider_webhooks
        url = webhooks.url_for("j-1")
        assert url is not None
        proof = url.rpartition("/")[2]

        async def taken(secret: str, job_id: str = "j-1", proof: str = proof) -> bool:
            now_s = webhooks._clock.now_ms() // 1000
            signed = webhook_headers(
                (Signer(secret),), webhook_id="d", timestamp_s=now_s, body=b"{}"
            )
            headers = {name.decode(): value.decode() for name, value in signed}
            return await webhooks.take(job_id, proof, headers=headers, body=b"{}")

        assert await taken(secret)
        assert not await taken(new_secret())
        assert not await taken(secret, job_id="j-2")
        assert not await taken(secret, proof="0" * 40)
        assert not await taken(secret, proof="é")
        assert not await webhooks.take("j-1", proof, headers={}, body=b"{}")
