"""A provider's answer that differs from the documented one loses nothing that was bought."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ringback.engines.upstream.runner import STRANGE_LOOKS_MAX
from ringback.errors import EngineError
from ringback.testing import RecordingIO, redirect, respond
from tests.answer_shapes import BASE64, DATA_URL, PNG, REASONS, SPELLINGS
from tests.engines.upstream.gateway import KINDS, a_gateway, made
from tests.engines.upstream.studio import answer

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


ID = "r-1"
ACCEPTED = {"job_id": ID, "id": ID, "request_id": ID, "status": "queued"}
TEXT = json.dumps(ACCEPTED)
BROKEN = {
    "a byte-order mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "NaN": TEXT[:-1].encode() + b', "eta": NaN, "cost": -Infinity}',
    "Latin-1": TEXT[:-1].encode() + b', "message": "caf\xe9"}',
    "half a pair": TEXT[:-1].encode() + rb', "message": "\ud83e"}',
    "a large number": TEXT[:-1].encode() + b', "seed": 123456789012345678901234567890}',
}


@pytest.mark.parametrize("kind", POLLED)
@pytest.mark.parametrize("name", BROKEN)
async def test_json_that_breaks_its_rules_loses_no_job(kind: str, name: str) -> None:
    async with a_gateway(kind, {"urls": [FILE]}) as gateway:
        gateway.submitted = respond(201, body=BROKEN[name])
        assert len((await made(gateway)).artifacts) == 1


async def test_json_that_breaks_its_rules_loses_no_picture() -> None:
    async with a_gateway("openai-images") as gateway:
        picture = gateway.url_at("/files/a.png")
        gateway.submitted = respond(
            200, body=b'{"data":[{"url":"%b","score":NaN}]}' % picture.encode()
        )
        assert len((await made(gateway)).artifacts) == 1


ENVELOPES: list[Any] = [
    {"data": ACCEPTED},
    {"success": True, "result": ACCEPTED},
    {"code": 200, "data": {"job": ACCEPTED}},
    [ACCEPTED],
    {"jobId": ID, "requestId": ID},
    {"taskId": ID},
    {"data": {"task_id": ID}},
    {"uuid": ID, "state": "queued"},
]


@pytest.mark.parametrize("kind", POLLED)
async def test_the_id_of_a_job_is_found_in_envelopes_and_under_like_names(kind: str) -> None:
    for document in ENVELOPES:
        async with a_gateway(kind, {"urls": [FILE]}) as gateway:
            gateway.submitted = answer(document, 202)
            assert len((await made(gateway)).artifacts) == 1, document
            assert ID in gateway.requests[-2].path


@pytest.mark.parametrize("kind", POLLED)
async def test_an_id_may_be_a_number(kind: str) -> None:
    async with a_gateway(kind, {"urls": [FILE]}) as gateway:
        gateway.submitted = answer({"job_id": 7, "id": 7, "request_id": 7}, 200)
        assert len((await made(gateway)).artifacts) == 1
        assert "/7" in gateway.requests[1].path


@pytest.mark.parametrize("kind", POLLED)
async def test_a_status_is_found_in_an_envelope(kind: str) -> None:
    failed = {"data": {**ACCEPTED, "status": "ERROR", "error": "out of credit"}}
    async with a_gateway(kind) as gateway:
        gateway.once = [answer(failed)] * STRANGE_LOOKS_MAX
        with pytest.raises(EngineError, match="out of credit"):
            await made(gateway)


@pytest.mark.parametrize("kind", POLLED)
@pytest.mark.parametrize("status", [204, 302, 400, 404, 410, 418])
async def test_a_job_that_was_bought_is_polled_again_before_it_is_given_up(
    kind: str, status: int
) -> None:
    """A new job is often not known at once, and a gateway may answer for its provider."""
    async with a_gateway(kind, {"urls": [FILE]}) as gateway:
        gateway.once = [respond(status)] * (STRANGE_LOOKS_MAX - 1)
        assert len((await made(gateway)).artifacts) == 1


TAKEN = {
    "a proxy changed it": respond(203, body=PNG),
    "a range of all": respond(
        206, body=PNG, headers=[("content-range", f"bytes 0-{len(PNG) - 1}/{len(PNG)}")]
    ),
}
NOT_TAKEN = {
    "a part": (
        respond(206, body=PNG[:9], headers=[("content-range", f"bytes 0-8/{len(PNG)}")]),
        "206",
    ),
    "a part of nothing": (respond(206, body=PNG), "206"),
    "an error of S3": (
        respond(200, body=b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>"),
        "an error of the store came in its stead",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_file_is_taken_whatever_the_good_status(kind: str) -> None:
    for name, response in TAKEN.items():
        io = RecordingIO()
        async with a_gateway(kind, {"data": [{"url": FILE}]}) as gateway:
            gateway.files["/files/a.png"] = response
            result = await made(gateway, io)
        assert [io.saved[one] for one in result.artifacts] == [PNG], name
    for response, reason in NOT_TAKEN.values():
        async with a_gateway(kind, {"data": [{"url": FILE}]}) as gateway:
            gateway.files["/files/a.png"] = response
            with pytest.raises(EngineError, match=reason):
                await made(gateway)


@pytest.mark.parametrize("status", [202, 204, 403, 404])
async def test_a_file_that_its_store_does_not_have_yet_is_asked_for_again(status: int) -> None:
    async with a_gateway("openai-images", {"data": [{"url": FILE}]}) as gateway:
        gateway.once = [respond(status)]
        assert len((await made(gateway, retries=1)).artifacts) == 1
