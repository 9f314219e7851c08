"""The adapter for OpenAI's images API, in front of a fake written from its documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ringback.engines.contract import Made
from ringback.engines.upstream.openai_images import reset_s
from ringback.engines.upstream.resume import ResumeState
from ringback.engines.upstream.sizes import nearest, requested_size
from ringback.errors import EngineError, SetupError
from ringback.testing import RecordingIO
from tests.engines.upstream.openai_stand_in import OpenAIStandIn
from tests.engines.upstream.studio import KEY, an_engine
from tests.engines.upstream.world import PNG, a_request

MODELS = {"bfl/flux-1-dev": "gpt-image-1"}
FOX = "https://x.example/fox.png"
OWL = "https://x.example/owl.png"


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIStandIn]:
    """The fake provider."""
    async with OpenAIStandIn(key=KEY) as stand_in:
        yield stand_in


async def made(
    provider: OpenAIStandIn,
    io: RecordingIO | None = None,
    *,
    resume_state: str | None = None,
    inputs: dict[str, Any] | None = None,
    **table: Any,
) -> Made:
    chosen = {"models": MODELS, **table}
    with an_engine("openai-images", provider.base_url, **chosen) as engine:
        request = a_request(resume_state=resume_state, input={"prompt": "a fox", **(inputs or {})})
        async with asyncio.timeout(10):
            return await engine.engine.run(request, io or RecordingIO())


async def test_images_in_the_response_are_stored(provider: OpenAIStandIn) -> None:
    io = RecordingIO()
    result = await made(provider, io, inputs={"num_images": 3})
    assert [io.saved[name] for name in result.artifacts] == provider.pictures
    assert provider.submissions == [{"model": "gpt-image-1", "prompt": "a fox", "n": 3}]
    assert provider.requests[0].path == "/v1/images/generations"
    assert provider.requests[0].header("x-client-request-id") == "0190-job"


async def test_images_given_as_urls_are_downloaded(provider: OpenAIStandIn) -> None:
    io = RecordingIO()
    by_url: dict[str, Any] = {
        "models": {"bfl/flux-1-dev": "dall-e-3"},
        "fields": {"response_format": "url"},
    }
    result = await made(provider, io, n_max=1, inputs={"num_images": 2}, **by_url)
    assert [io.saved[name] for name in result.artifacts] == provider.pictures
    assert provider.sold == 2
    assert provider.requests[-1].header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("trouble", ["busy", "drop", "spent", "reset", "junk"])
@pytest.mark.parametrize("resend", [False, True])
async def test_images_already_paid_for_are_kept_when_a_later_request_fails(
    provider: OpenAIStandIn, trouble: str, resend: bool
) -> None:
    """No image is paid for twice, even where the submission would be retried."""
    provider.next.extend(["", *[trouble] * 9])
    io = RecordingIO()
    result = await made(
        provider, io, n_max=2, patience_s=30, resend=resend, inputs={"num_images": 4}
    )
    assert [io.saved[name] for name in result.artifacts] == provider.pictures[:2]
    assert len(provider.requests) == 2


async def test_links_are_passed_on_where_the_operator_turned_copies_off(
    provider: OpenAIStandIn,
) -> None:
    by_url: dict[str, Any] = {
        "models": {"bfl/flux-1-dev": "dall-e-2"},
        "fields": {"response_format": "url"},
    }
    result = await made(provider, copy_results=False, **by_url)
    assert result.links == (provider.url_at("/files/0"),)


async def test_a_job_with_input_images_is_an_edit(provider: OpenAIStandIn) -> None:
    io = RecordingIO({FOX: PNG, OWL: PNG + b"2"})
    inputs = {"image_url": FOX, "style_images": [{"url": OWL, "strength": 1}], "quality": "high"}
    await made(provider, io, inputs=inputs)
    assert provider.requests[0].path == "/v1/images/edits"
    (edit,) = provider.submissions
    assert edit.pop("images") == [
        ("image[]", "image-0.png", "image/png", PNG),
        ("image[]", "image-1.png", "image/png", PNG + b"2"),
    ]
    assert edit == {"model": "gpt-image-1", "prompt": "a fox", "n": "1", "quality": "high"}


async def test_too_many_input_images_are_refused_before_submitting(
    provider: OpenAIStandIn,
) -> None:
    with pytest.raises(EngineError, match="takes 2 input images at most; this job has 3"):
        await made(provider, images_max=2, inputs={"image_urls": [FOX] * 3})
    assert provider.requests == []


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({"width": 1024, "height": 1024.0}, "1024x1024"),
        ({"width": 800, "height": 600}, "1536x1024"),
        ({"width": 2, "height": 3000}, "1024x1536"),
        ({"aspect_ratio": "16:9"}, "1536x1024"),
        ({"aspect_ratio": "2.35:1"}, "1536x1024"),
        ({"aspect_ratio": "0:1"}, None),
        ({"aspect_ratio": "auto"}, None),
        ({}, None),
    ],
)
async def test_the_nearest_size_is_requested(
    provider: OpenAIStandIn, inputs: dict[str, Any], size: str | None
) -> None:
    await made(provider, inputs=inputs)
    assert provider.submissions[0].get("size") == size


def test_among_sizes_of_one_ratio_the_nearest_in_area_is_chosen() -> None:
    sizes = [(256, 256), (512, 512), (1024, 1024)]
    assert nearest((600, 600), sizes) == (512, 512)
    assert requested_size({"width": True, "height": 3}) is None


@pytest.mark.parametrize(
    ("resolution", "size"), [(None, (1024, 1024)), ("1K", (1024, 1024)), ("4k", (4096, 4096))]
)
def test_a_ratio_has_the_pixels_of_the_resolution(
    resolution: str | None, size: tuple[int, int]
) -> None:
    assert requested_size({"aspect_ratio": "1:1", "resolution": resolution}) == size


@pytest.mark.parametrize(
    ("prompt", "trouble", "sentence"),
    [
        ("blood", "", r"refused the prompt as unsafe\.$"),
        ("a fox", "spent", r"wants to be paid first\.$"),
        ("a fox", "junk", r"may have been bought"),
        ("a fox", "broken", r"may have been bought"),
        ("a fox", "half", r"may have been bought"),
        ("a fox", "drop", r"may have been bought"),
    ],
)
async def test_a_job_without_images_fails_with_one_sentence(
    provider: OpenAIStandIn, prompt: str, trouble: str, sentence: str
) -> None:
    provider.next.append(trouble)
    with pytest.raises(EngineError, match=sentence) as raised:
        await made(provider, retries=5, inputs={"prompt": prompt})
    assert "\n" not in str(raised.value)
    assert provider.sold <= 1
    assert provider.requests_count == 1


async def test_a_wrong_key_refers_the_user_to_the_operator(provider: OpenAIStandIn) -> None:
    provider._key = "another"
    with pytest.raises(EngineError, match=r"not let in by its provider"):
        await made(provider)


async def test_a_size_that_the_server_lacks_fails_the_job_with_the_reason(
    provider: OpenAIStandIn,
) -> None:
    with pytest.raises(EngineError, match=r"refused the input: Invalid value: '640x480'"):
        await made(provider, sizes=[], inputs={"width": 640, "height": 480})


async def test_a_busy_server_is_retried_and_paid_once(provider: OpenAIStandIn) -> None:
    provider.next += ["busy", "busy"]
    await made(provider, retries=5)
    assert (provider.requests_count, provider.sold) == (3, 1)


async def test_with_resend_a_lost_submission_is_repeated(
    provider: OpenAIStandIn,
) -> None:
    provider.next.append("drop")
    result = await made(provider, resend=True, patience_s=5)
    assert len(result.artifacts) == 1
    assert provider.sold == 2


@pytest.mark.parametrize(("resend", "sold"), [(False, 0), (True, 1)])
async def test_after_an_interrupted_submission_a_run_submits_only_with_resend(
    provider: OpenAIStandIn, resend: bool, sold: int
) -> None:
    resume_state = ResumeState(sent=True).text()
    if resend:
        await made(provider, resume_state=resume_state, resend=True)
    else:
        with pytest.raises(EngineError, match="is not bought again"):
            await made(provider, resume_state=resume_state)
    assert provider.sold == sold


async def test_a_server_without_requests_left_gets_none_until_its_limit_resets(
    provider: OpenAIStandIn,
) -> None:
    provider.remaining = 1
    with an_engine("openai-images", provider.base_url, models=MODELS) as engine:
        await engine.engine.run(a_request(), RecordingIO())
        provider.remaining = 9
        await engine.engine.run(a_request(), RecordingIO())
    first, second = provider.requests
    assert second.at_ms - first.at_ms >= 115


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("120ms", 0.12),
        ("1m30.5s", 90.5),
        ("6m0s", 120),
        ("9h", 120),
        ("", None),
        ("soon", None),
        ("1" * 99 + "s", None),
    ],
)
def test_the_reset_time_of_the_rate_limit_is_parsed(text: str, seconds: float | None) -> None:
    assert reset_s(text) == seconds


async def test_an_image_that_is_not_base64_fails_the_job(provider: OpenAIStandIn) -> None:
    provider.next.append("garbled")
    with pytest.raises(EngineError, match=r"it made no file: A file in the answer is not base64"):
        await made(provider)


def test_a_malformed_size_is_a_setup_error() -> None:
    with (
        pytest.raises(SetupError, match="not a size; write it like 1024x1536"),
        an_engine("openai-images", "http://127.0.0.1:9", sizes=["wide"]),
    ):
        pass
