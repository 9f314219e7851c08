"""The client against servers that are unavailable, slow, hostile, or lack Ringback's additions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from ringback import (
    ConnectionFailed,
    NotFoundError,
    Ringback,
    SaveFailed,
    ServerError,
)
from ringback.client.models import TERMINAL_STATUSES
from ringback.testing import FakeReceiver, ReceivedRequest, Script, close_after, reset, respond
from ringback.testing.threads import LoopThread
from tests.answer_shapes import BASE64, PNG

JSON = [("content-type", "application/json")]


class Still:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.at_s = 1_790_000_000.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at_s += seconds


def answer_of(document: Any, status: int = 200, **headers: str) -> bytes:
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return respond(status, headers=[*JSON, *more], body=json.dumps(document).encode())


def a_job(status: str = "queued", **more: Any) -> dict[str, Any]:
    completed_at = "2026-09-21T14:13:21.000Z" if status in TERMINAL_STATUSES else None
    return {
        "job_id": "9f1c",
        "status": status,
        "created_at": "2026-09-21T14:13:20.000Z",
        "completed_at": completed_at,
        "result": None,
        **more,
    }


class World:
    """A server that answers by a script, a client of it, and its clock."""

    def __init__(self, server: FakeReceiver, client: Ringback, clock: Still) -> None:
        self.server = server
        self.client = client
        self.clock = clock

    @property
    def requests(self) -> list[ReceivedRequest]:
        return self.server.requests


@contextmanager
def a_world(*answers: Script, then: Script = 500, retries: int = 4) -> Iterator[World]:
    thread = LoopThread("server")
    server = FakeReceiver(answers, then=then)
    thread.call(server.__aenter__())
    clock = Still()
    client = Ringback(
        "secret-key", server.url_at(""), max_retries=retries, clock=clock, rng=Random(1)
    )
    try:
        yield World(server, client, clock)
    finally:
        client.close()
        thread.call(server.__aexit__())
        thread.close()


def test_a_submission_is_sent_again_under_the_same_key() -> None:
    with a_world(
        503, reset(), answer_of({"error": "x"}, 429, retry_after="9"), answer_of(a_job())
    ) as world:
        job = world.client.image("x/y", prompt="a fox", webhook_url="https://shop.example/hook")
    assert job.job_id == "9f1c"
    assert len({request.header("idempotency-key") for request in world.requests}) == 1
    assert {request.body for request in world.requests} == {b'{"prompt":"a fox"}'}
    first = world.requests[0]
    assert first.path == "/generate/image/x/y"
    assert first.header("authorization") == "Bearer secret-key"
    assert first.header("x-webhook-url") == "https://shop.example/hook"
    assert len(world.clock.slept) == 3
    assert world.clock.slept[2] >= 9


def test_it_gives_up_in_the_end() -> None:
    with a_world(then=503, retries=2) as world, pytest.raises(ServerError):
        world.client.jobs.get("x")
    assert len(world.requests) == 3
    with a_world(then=reset(), retries=2) as world, pytest.raises(ConnectionFailed):
        world.client.jobs.get("x")
    assert len(world.requests) == 3


def test_a_request_that_is_unsafe_to_repeat_is_sent_once() -> None:
    with a_world(then=503) as world, pytest.raises(ServerError):
        world.client.deliveries.redeliver("x")
    assert len(world.requests) == 1
    with a_world(then=reset()) as world, pytest.raises(ConnectionFailed):
        world.client.deliveries.redeliver("x")
    assert len(world.requests) == 1


def test_redirects_are_not_followed_with_the_key() -> None:
    elsewhere = respond(307, headers=[("location", "http://127.0.0.1:9/")])
    with a_world(then=elsewhere) as world, pytest.raises(ServerError):
        world.client.jobs.get("x")
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        respond(200, body=b"<html>"),
        answer_of([]),
        answer_of({"status": "queued"}),
        answer_of({"job_id": 7, "status": "x"}),
        respond(200, body=b"\xff"),
    ],
)
def test_an_answer_that_does_not_follow_the_api_is_a_server_error(answer: bytes) -> None:
    with a_world(then=answer) as world, pytest.raises(ServerError):
        world.client.jobs.get("x")


def test_members_that_nobody_knows_and_missing_ones_do_no_harm() -> None:
    with a_world(then=answer_of({"job_id": "7", "status": "dreaming", "mood": 1})) as world:
        job = world.client.jobs.get("7")
    assert not job.is_terminal
    assert (job.urls, job.error, job.created_at) == ((), None, None)


def test_a_server_without_streams_is_polled_less_and_less_often() -> None:
    pending = [answer_of(a_job("processing"))] * 12
    with a_world(*pending, answer_of(a_job("completed"))) as world:
        seen = [job.status for job in world.client.jobs.events("9f1c")]
    assert seen == ["processing", "completed"]
    assert world.clock.slept[0] == 2.0
    assert world.clock.slept == sorted(world.clock.slept)
    assert world.clock.slept[-1] == 5.0


def test_a_stream_that_breaks_is_opened_again() -> None:
    def frames(*jobs: dict[str, Any]) -> bytes:
        text = "".join(f"event: job\ndata: {json.dumps(job)}\n\n" for job in jobs)
        return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + text.encode()

    first = close_after(frames(a_job("queued"), a_job("processing", progress=0.5)))
    second = close_after(frames(a_job("processing", progress=0.5), a_job("completed")))
    with a_world(first, reset(), second) as world:
        seen = [job.status for job in world.client.jobs.events("9f1c")]
    assert seen == ["queued", "processing", "completed"]
    accept = world.requests[0].header("accept")
    assert accept is not None
    assert "text/event-stream" in accept


def test_results_are_fetched_without_the_key_and_named_by_the_job(tmp_path: Path) -> None:
    thread = LoopThread("elsewhere")
    picture = respond(200, headers=[("content-type", "image/png")], body=b"\x89PNG")
    elsewhere = FakeReceiver([500, picture], then=picture)
    thread.call(elsewhere.__aenter__())
    urls = [elsewhere.url_at("/..%2f..%2fetc/passwd"), elsewhere.url_at("/b.sh")]
    try:
        with a_world(answer_of(a_job("completed", result={"urls": urls}))) as world:
            paths = world.client.jobs.get("9f1c").save(tmp_path)
    finally:
        thread.call(elsewhere.__aexit__())
        thread.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["9f1c-1.png", "9f1c-2.png"]
    assert [path.name for path in paths] == ["9f1c-1.png", "9f1c-2.png"]
    assert {request.header("authorization") for request in elsewhere.requests} == {None}


@pytest.mark.parametrize(
    "answer",
    [
        close_after(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
        respond(404),
        respond(503),
    ],
)
def test_half_a_result_leaves_nothing(answer: Script, tmp_path: Path) -> None:
    job = a_job("completed")
    with a_world(then=answer) as world:
        job["result"] = {"urls": [world.server.url_at("/a.png")]}
        world.server._answers = iter([answer_of(job)])
        ended = world.client.jobs.get("9f1c")
        with pytest.raises(SaveFailed):
            ended.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_result_raises_save_failed(tmp_path: Path) -> None:
    job = a_job("completed", result={"urls": ["file:///etc/passwd"]})
    with a_world(answer_of(job)) as world, pytest.raises(SaveFailed):
        world.client.jobs.get("9f1c").save(tmp_path)


def test_files_within_the_answer_and_relative_urls_are_saved(tmp_path: Path) -> None:
    urls = [{"b64_json": BASE64, "mime_type": "image/png"}, "/files/b.png", "data:image/png,?"]
    job = a_job("completed", result={"urls": urls})
    picture = respond(200, headers=[("content-type", "image/png")], body=b"b")
    with a_world(answer_of(job), picture) as world:
        paths = world.client.jobs.get("9f1c").save(tmp_path)
    assert [path.name for path in paths] == ["9f1c-1.png", "9f1c-2.png", "9f1c-3.png"]
    assert [path.read_bytes() for path in paths] == [PNG, b"b", b"?"]
    assert world.requests[-1].path == "/files/b.png"


def test_models_are_read_from_the_description_where_they_are_not_listed() -> None:
    about = "Fast.\n\n| Compute Units | Average Completion Time |\n|---|---|\n| 3 | 7 seconds |"
    described = {
        "paths": {
            "/jobs": {"get": {}},
            "/generate/image/bfl/flux-1-dev": {"post": {"summary": "Flux", "description": about}},
            "/generate/video/x/y": {"post": {}},
        }
    }
    with a_world(answer_of({"error": "x"}, 404), answer_of(described)) as world:
        flux, other = world.client.models.list()
    assert (flux.id, flux.kind, flux.title) == ("bfl/flux-1-dev", "image", "Flux")
    assert (flux.compute_units, flux.average_completion_s) == (3.0, 7.0)
    assert (other.id, other.kind) == ("x/y", "video")


ASSET = {
    "id": "a1",
    "image_url": "https://x.example/a.png",
    "uploaded_at": "2026-09-21T14:13:20.000Z",
    "width": 10,
    "height": None,
    "size_bytes": 4,
    "mime_type": "image/png",
}


def test_assets_are_uploaded_read_and_deleted(tmp_path: Path) -> None:
    file = tmp_path / 'fox "1".png'
    file.write_bytes(b"\x89PNG")
    page = {"items": [ASSET], "next_cursor": None}
    gone = {"success": True, "message": "Deleted."}
    answers = [
        answer_of(ASSET),
        answer_of(ASSET),
        answer_of(page),
        answer_of(gone),
        answer_of({"error": "x"}, 404),
    ]
    with a_world(*answers) as world:
        asset = world.client.assets.upload(file, description="a fox")
        assert (asset.id, asset.width, asset.height) == ("a1", 10, None)
        assert world.client.assets.get("a1") == asset
        assert world.client.assets.list(limit=5).items == (asset,)
        world.client.assets.delete("a1")
        with pytest.raises(NotFoundError):
            world.client.assets.get("a/1")
    upload = world.requests[0]
    assert b'name="file"; filename="fox %221%22.png"' in upload.body
    assert b"Content-Type: image/png\r\n\r\n\x89PNG\r\n" in upload.body
    assert b'name="description"\r\n\r\na fox' in upload.body
    assert world.requests[2].path == "/assets?limit=5"
    assert world.requests[4].path == "/assets/a%2F1"


STYLE: dict[str, Any] = {
    "id": "s1",
    "title": None,
    "urls": [],
    "public": False,
    "prompt": "p",
    "owner": None,
    "like_count": 0,
    "created_at": "2026-09-21T14:13:20.000Z",
}


@pytest.mark.parametrize(
    ("size", "wait_s"), [(10, 30), (5_000_000, 130), (75_000_000, 1_530)], ids=str
)
def test_a_large_body_leaves_its_answer_the_time_of_a_slow_line(size: int, wait_s: float) -> None:
    waited: list[dict[str, float]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        waited.append(request.extensions["timeout"])
        return httpx2.Response(200, json=ASSET)

    with Ringback("key", http_transport=httpx2.MockTransport(answer)) as client:
        client.assets.upload(bytes(size))
    assert waited[0]["connect"] == waited[0]["write"] == 30
    assert waited[0]["read"] == pytest.approx(wait_s, abs=1)


def test_styles_are_trained_and_shared() -> None:
    link = {"share_link": "https://x.example/s", "is_new": True}
    answers = [
        answer_of(a_job()),
        answer_of(STYLE),
        answer_of({"items": [STYLE], "next_cursor": "c"}),
        answer_of({**STYLE, "public": True}),
        answer_of(link, 201),
        answer_of({"success": True}),
        answer_of({"success": True}),
    ]
    with a_world(*answers) as world:
        styles = world.client.styles
        assert styles.train(name="fox", urls=["https://x.example/1"]).job_id == "9f1c"
        assert styles.get("s1").id == "s1"
        assert styles.list(liked=True, ids=["a", "b"]).next_cursor == "c"
        assert styles.update("s1", public=True).public
        assert styles.share_link("s1").is_new
        styles.share_with_workspace("s1")
        styles.unshare_with_workspace("s1")
    assert world.requests[0].header("idempotency-key")
    assert world.requests[2].path == "/styles?liked=true&ids=a%2Cb"
    assert [request.method for request in world.requests[-2:]] == ["POST", "DELETE"]


def test_node_apps_answer_with_all_their_jobs() -> None:
    app = {"id": "v1", "name": "Frames", "input_openapi_schema": {"type": "object"}}
    with a_world(answer_of(app), answer_of([a_job(), a_job("processing")])) as world:
        assert world.client.node_apps.get("v1").name == "Frames"
        jobs = world.client.node_apps.execute("v1", {"image": "https://x.example/1"}, strength=2)
    assert [job.status for job in jobs] == ["queued", "processing"]
    assert json.loads(world.requests[1].body) == {"image": "https://x.example/1", "strength": 2}
