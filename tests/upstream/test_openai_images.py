"""The engine for OpenAI's images API, in front of a stand-in written from its documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from upstream.openai_stand_in import OpenAIStandIn
from upstream.studio import KEY, a_studio
from upstream.world import PNG, a_request

from ringback.engines.contract import Made
from ringback.engines.upstream.memo import Memo
from ringback.engines.upstream.openai_images import reset_s
from ringback.engines.upstream.sizes import asked_size, nearest
from ringback.errors import EngineError, SetupError
from ringback.testing import RecordingIO

MODELS = {"bfl/flux-1-dev": "gpt-image-1"}
FOX = "https://x.example/fox.png"
OWL = "https://x.example/owl.png"


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIStandIn]:
    """The provider's stand-in."""
    async with OpenAIStandIn(key=KEY) as stand_in:
        yield stand_in


async def made(
    provider: OpenAIStandIn,
    io: RecordingIO | None = None,
    *,
    memo: str | None = None,
    asked: dict[str, Any] | None = None,
    **table: Any,
) -> Made:
    chosen = {"models": MODELS, **table}
    with a_studio("openai-images", provider.base_url, **chosen) as studio:
        request = a_request(memo=memo, input={"prompt": "a fox", **(asked or {})})
        async with asyncio.timeout(10):
            return await studio.engine.run(request, io or RecordingIO())


async def test_pictures_in_the_answer_are_kept(provider: OpenAIStandIn) -> None:
    io = RecordingIO()
    result = await made(provider, io, asked={"num_images": 3})
    assert [io.saved[name] for name in result.artifacts] == provider.pictures
    assert provider.asked == [{"model": "gpt-image-1", "prompt": "a fox", "n": 3}]
    assert provider.requests[0].path == "/v1/images/generations"
    assert provider.requests[0].header("x-client-request-id") == "0190-job"


async def test_pictures_behind_urls_are_fetched(provider: OpenAIStandIn) -> None:
    io = RecordingIO()
    by_url: dict[str, Any] = {
        "models": {"bfl/flux-1-dev": "dall-e-3"},
        "fields": {"response_format": "url"},
    }
    result = await made(provider, io, n_max=1, asked={"num_images": 2}, **by_url)
    assert [io.saved[name] for name in result.artifacts] == provider.pictures
    assert provider.sold == 2
    assert provider.requests[-1].header("authorization") is None


@pytest.mark.parametrize("trouble", ["busy", "drop", "spent", "reset", "junk"])
@pytest.mark.parametrize("resend", [False, True])
async def test_pictures_that_were_bought_are_handed_out_though_more_are_not_to_be_had(
    provider: OpenAIStandIn, trouble: str, resend: bool
) -> None:
    """Bought once, even where the submission would be tried again."""
    provider.next.extend(["", *[trouble] * 9])
    io = RecordingIO()
    result = await made(
        provider, io, n_max=2, patience_s=30, resend=resend, asked={"num_images": 4}
    )
    assert [io.saved[name] for name in result.artifacts] == provider.pictures[:2]
    assert len(provider.requests) == 2


async def test_links_stay_links_where_the_operator_wants_no_copies(
    provider: OpenAIStandIn,
) -> None:
    by_url: dict[str, Any] = {
        "models": {"bfl/flux-1-dev": "dall-e-2"},
        "fields": {"response_format": "url"},
    }
    result = await made(provider, copy_results=False, **by_url)
    assert result.links == (provider.url_at("/files/0"),)


async def test_inputs_make_it_an_edit(provider: OpenAIStandIn) -> None:
    io = RecordingIO({FOX: PNG, OWL: PNG + b"2"})
    asked = {"image_url": FOX, "style_images": [{"url": OWL, "strength": 1}], "quality": "high"}
    await made(provider, io, asked=asked)
    assert provider.requests[0].path == "/v1/images/edits"
    (edit,) = provider.asked
    assert edit.pop("images") == [
        ("image[]", "image-0.png", "image/png", PNG),
        ("image[]", "image-1.png", "image/png", PNG + b"2"),
    ]
    assert edit == {"model": "gpt-image-1", "prompt": "a fox", "n": "1", "quality": "high"}


async def test_more_inputs_than_are_taken_are_refused_before_anything_is_bought(
    provider: OpenAIStandIn,
) -> None:
    with pytest.raises(EngineError, match="takes 2 input pictures at most; this job has 3"):
        await made(provider, images_max=2, asked={"image_urls": [FOX] * 3})
    assert provider.requests == []


@pytest.mark.parametrize(
    ("asked", "size"),
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
async def test_the_nearest_size_is_asked_for(
    provider: OpenAIStandIn, asked: dict[str, Any], size: str | None
) -> None:
    await made(provider, asked=asked)
    assert provider.asked[0].get("size") == size


def test_of_sizes_of_one_shape_the_nearest_in_area_is_taken() -> None:
    sizes = [(256, 256), (512, 512), (1024, 1024)]
    assert nearest((600, 600), sizes) == (512, 512)
    assert asked_size({"width": True, "height": 3}) is None


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
async def test_an_end_without_pictures_is_told_in_one_sentence(
    provider: OpenAIStandIn, prompt: str, trouble: str, sentence: str
) -> None:
    provider.next.append(trouble)
    with pytest.raises(EngineError, match=sentence) as raised:
        await made(provider, retries=5, asked={"prompt": prompt})
    assert "\n" not in str(raised.value)
    assert provider.sold <= 1
    assert provider.requests_count == 1


async def test_a_key_that_is_wrong_is_the_operators_matter(provider: OpenAIStandIn) -> None:
    provider._key = "another"
    with pytest.raises(EngineError, match=r"not let in by its provider"):
        await made(provider)


async def test_a_size_that_the_server_has_not_is_told(provider: OpenAIStandIn) -> None:
    with pytest.raises(EngineError, match=r"refused the input: Invalid value: '640x480'"):
        await made(provider, sizes=[], asked={"width": 640, "height": 480})


async def test_a_busy_server_is_asked_again_and_paid_once(provider: OpenAIStandIn) -> None:
    provider.next += ["busy", "busy"]
    await made(provider, retries=5)
    assert (provider.requests_count, provider.sold) == (3, 1)


async def test_a_lost_answer_is_bought_again_where_the_operator_chose_so(
    provider: OpenAIStandIn,
) -> None:
    provider.next.append("drop")
    result = await made(provider, resend=True, patience_s=5)
    assert len(result.artifacts) == 1
    assert provider.sold == 2


@pytest.mark.parametrize(("resend", "sold"), [(False, 0), (True, 1)])
async def test_a_run_after_one_that_was_cut_off_buys_only_where_the_operator_chose_so(
    provider: OpenAIStandIn, resend: bool, sold: int
) -> None:
    memo = Memo(sent=True).text()
    if resend:
        await made(provider, memo=memo, resend=True)
    else:
        with pytest.raises(EngineError, match="is not bought again"):
            await made(provider, memo=memo)
    assert provider.sold == sold


async def test_a_server_that_has_no_request_left_is_left_alone_until_it_has(
    provider: OpenAIStandIn,
) -> None:
    provider.remaining = 1
    with a_studio("openai-images", provider.base_url, models=MODELS) as studio:
        await studio.engine.run(a_request(), RecordingIO())
        provider.remaining = 9
        await studio.engine.run(a_request(), RecordingIO())
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
def test_the_time_until_there_are_requests_again_is_read(text: str, seconds: float | None) -> None:
    assert reset_s(text) == seconds


async def test_a_picture_that_is_not_base64_fails_the_job(provider: OpenAIStandIn) -> None:
    provider.next.append("garbled")
    with pytest.raises(EngineError, match=r"sent a picture that is not base64\.$"):
        await made(provider)


def test_a_size_that_is_none_is_a_mistake_of_the_operators() -> None:
    with (
        pytest.raises(SetupError, match="no size; write it like 1024x1536"),
        a_studio("openai-images", "http://127.0.0.1:9", sizes=["wide"]),
    ):
        pass
