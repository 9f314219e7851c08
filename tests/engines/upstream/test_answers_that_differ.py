"""A provider's answer that differs from the documented one loses nothing that was bought."""

from __future__ import annotations

from typing import Any

import pytest

from ringback.errors import EngineError
from ringback.testing import RecordingIO, redirect, respond
from tests.answer_shapes import BASE64, DATA_URL, PNG, REASONS, SPELLINGS
from tests.engines.upstream.gateway import KINDS, a_gateway, made

FILE = "{url}/files/a.png"
SHAPES: list[Any] = [
    {"urls": [FILE]},
    {"urls": {"image": FILE}},
    {"urls": {"image": [{"type": "image", "url": FILE}]}},
    {"url": FILE},
    {"image": {"url": FILE}},
    {"images": [FILE]},
    {"images": [{"uri": FILE}], "prompt": "a fox"},
    {"data": [{"url": FILE}]},
    {"data": [FILE]},
    {"data": [{"url": FILE, "b64_json": ""}]},
    {"data": [{"url": "", "b64_json": BASE64}]},
    {"data": [{"url": DATA_URL}], "usage": []},
    {"data": [{"url": FILE}], "usage": {"cost": {"usd": "0.04"}}},
    {"data": [{"url": FILE}], "usage": "n/a"},
    {"images": [BASE64], "parameters": {"prompt": "a fox"}},
    {"data": [{"url": "/files/a.png"}]},
    {"data": [{"url": "files/a.png"}]},
    {"data": [{"url": "//{host}/files/a.png"}]},
    {"data": [{"url": f"{FILE}#top"}]},
    {"data": [{"url": f" {FILE} "}]},
    {"data": [{"url": "{url}/files/a b.png"}]},
    {"data": [{"url": "{url}/files/100%.png"}]},
    {"data": [{"url": "{url}/files/ä.png"}]},
    {"data": [{"url": FILE}, {}]},
    {"data": [{"url": FILE}, {"url": "ftp://x/y.png"}, {"b64_json": "?"}]},
    {"data": [{"url": FILE}, {"url": "{url}/files/gone.png"}]},
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_picture_is_found_in_every_shape(kind: str) -> None:
    for shape in SHAPES:
        io = RecordingIO()
        async with a_gateway(kind, shape) as gateway:
            gateway.files["/files/gone.png"] = respond(404)
            result = await made(gateway, io)
        assert [io.saved[name] for name in result.artifacts] == [PNG], shape


@pytest.mark.parametrize("kind", KINDS)
async def test_base64_is_read_in_every_spelling(kind: str) -> None:
    for spelling, text in SPELLINGS.items():
        io = RecordingIO()
        async with a_gateway(kind, {"data": [{"b64_json": text}]}) as gateway:
            result = await made(gateway, io)
        assert [io.saved[name] for name in result.artifacts] == [PNG], spelling


@pytest.mark.parametrize("kind", KINDS)
async def test_one_lost_file_leaves_the_others_and_a_note(kind: str) -> None:
    files = [
        {"url": "{url}/files/gone.png"},
        {"url": FILE},
        {"b64_json": "?"},
        {"url": "{url}/files/page"},
        {"url": "{url}/files/log.txt"},
    ]
    io = RecordingIO()
    async with a_gateway(kind, {"data": files}) as gateway:
        gateway.files = {
            "/files/gone.png": respond(410),
            "/files/page": respond(200, body=b"<!doctype html>"),
            "/files/log.txt": respond(200, body=b"step 1"),
        }
        result = await made(gateway, io)
        host = gateway.url_at("").partition("//")[2]
    assert [io.saved[name] for name in result.artifacts] == [PNG, b"step 1"]
    assert result.artifacts[1].endswith(".octet-stream")
    assert result.notes == (
        "A file in the answer is not base64, or larger than 64 MiB.",
        f"File 1 is missing: {host} answered 410 (Gone).",
        "File 3 is missing: a web page came in its stead.",
        "File 4 is of a type that is not known here; it is kept as it came.",
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"data": []}, r"it made no file\.$"),
        ({"images": None}, r"it made no file\.$"),
        ({"data": [], "has_nsfw_concepts": [False, True]}, "it made no file: has_nsfw_concepts"),
        ({"data": [], "error": "no GPU is free"}, "it made no file: no GPU is free"),
        ({"data": [{"finish_reason": "CONTENT_FILTERED"}]}, "finish_reason: CONTENT_FILTERED"),
        ({"images": [], "content_filter_result": {"hate": {"filtered": True}}}, "filtered"),
        ({"data": [{"b64_json": "?"}]}, "it made no file: A file in the answer is not base64"),
    ],
)
async def test_a_completed_job_without_a_file_fails_with_the_providers_reason(
    kind: str, result: Any, reason: str
) -> None:
    async with a_gateway(kind, result) as gateway:
        with pytest.raises(EngineError, match=reason) as failed:
            await made(gateway)
    assert str(failed.value).startswith("The job failed at the provider of studio: it made no file")


@pytest.mark.parametrize("coding", ["aws-chunked", "UTF-8", "none", "binary", "identity, identity"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_coding_that_compresses_nothing_is_ignored(kind: str, coding: str) -> None:
    headers = (("content-encoding", coding),)
    async with a_gateway(kind, {"data": [{"url": FILE}]}, headers=headers) as gateway:
        assert len((await made(gateway)).artifacts) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_url_of_eight_kilobytes_is_fetched(kind: str) -> None:
    url = f"{FILE}?token={'x' * 8_000}"
    async with a_gateway(kind, {"data": [{"url": url}]}) as gateway:
        assert len((await made(gateway)).artifacts) == 1
        assert gateway.requests[-1].path.endswith("x" * 8_000)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_result_on_another_port_is_named_with_the_way_out(kind: str) -> None:
    elsewhere = "http://localhost:9/files/a.png"
    async with a_gateway(kind, {"data": [{"url": elsewhere}]}) as gateway:
        with pytest.raises(EngineError) as failed:
            await made(gateway)
    assert "it is at http://localhost:9, which this server may not call" in str(failed.value)
    assert "result_origins in the table [engines.studio]" in str(failed.value)


POLLED = [kind for kind in KINDS if kind != "openai-images"]
WORDS = ["FAILED", "ERROR", "error", "CANCELLED", "Canceled", "moderated", "expired", "42"]


@pytest.mark.parametrize("kind", POLLED)
@pytest.mark.parametrize("word", [word for word in WORDS if word != "failed"])
async def test_a_status_that_is_not_known_ends_the_job_after_some_looks(
    kind: str, word: str
) -> None:
    for reason, sentence in REASONS[:8]:
        job = {"status": word, "error": reason}
        async with a_gateway(kind, job=job) as gateway:
            with pytest.raises(EngineError) as failed:
                await made(gateway)
            assert gateway.polls == 5
        assert f'its status is "{word}": {sentence}.' in str(failed.value)


@pytest.mark.parametrize("kind", POLLED)
@pytest.mark.parametrize("word", ["completed", "COMPLETED", "Succeeded", "done", "finished"])
async def test_a_completed_job_is_read_whatever_the_case_of_its_status(
    kind: str, word: str
) -> None:
    async with a_gateway(kind, {"urls": [FILE]}, job={"status": word}) as gateway:
        assert len((await made(gateway)).artifacts) == 1
        assert gateway.polls == 1


@pytest.mark.parametrize("kind", POLLED)
@pytest.mark.parametrize(
    "word", ["Queued", "in queue", "IN-PROGRESS", "running", "Booting", "submitted", "NOT_STARTED"]
)
async def test_a_job_that_goes_on_is_waited_for(kind: str, word: str) -> None:
    async with a_gateway(kind, {"urls": [FILE]}, job={"status": word}) as gateway:
        gateway.ends_after = 12
        assert len((await made(gateway)).artifacts) == 1


async def test_a_redirect_to_another_origin_gets_no_key() -> None:
    async with a_gateway("krea") as elsewhere, a_gateway("krea", {"urls": [FILE]}) as gateway:
        gateway.files["/files/a.png"] = redirect(elsewhere.url_at("/files/a.png"))
        with pytest.raises(EngineError, match="may not call"):
            await made(gateway)
        assert elsewhere.requests == []
