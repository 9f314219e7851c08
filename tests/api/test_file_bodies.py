"""Bodies with files in them: stored beside the job, bounded in memory, gone when refused."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.api.shared import SharedParts
from ringback.errors import ArtifactsUnavailable, BodyTooLarge, IdempotencyConflict
from ringback.files.artifacts.local import LocalArtifacts
from ringback.http.file_bodies import check_document
from ringback.http.uploads import UPLOADS_MAX
from ringback.service.intake import Options
from ringback.service.key_age import IDEMPOTENCY_KEPT_MS
from ringback.service.media_inputs import INLINE_LENGTH_MAX
from ringback.service.tokens import Principal
from tests.media_files import picture
from tests.world import BASE_URL, CATALOGUE, FLUX, World, a_world

PHOTOGRAPH = picture("PNG") + bytes(2_000_000)


def uri_of(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def stored_in(world: World) -> list[Path]:
    return [path for path in (world.settings.data / "artifacts").rglob("*") if path.is_file()]


def waiting_in(world: World) -> list[Path]:
    return list((world.settings.data / "uploads").iterdir())


async def submit(world: World, body: dict[str, Any], **headers: str) -> httpx2.Response:
    async with world.client() as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post(FLUX, json={"prompt": "a fox", **body}, headers=named)


async def test_a_photograph_lies_beside_its_job_and_not_in_it(world: World) -> None:
    """A page of a hundred jobs must not read a hundred photographs."""
    answer = await submit(world, {"image_url": uri_of(PHOTOGRAPH)})
    assert answer.status_code == 200, answer.text
    job = await world.store.get_job(answer.json()["job_id"])
    assert job is not None
    url = job.input["image_url"]
    assert url.startswith("http://127.0.0.1:7464/artifacts/inputs--")
    async with world.client() as client:
        file = await client.get(url)
    assert (file.content, file.headers["content-type"]) == (PHOTOGRAPH, "image/png")
    assert waiting_in(world) == []


async def test_a_small_one_stays_in_the_spelling_that_every_provider_takes(world: World) -> None:
    text = uri_of(picture("PNG", size=(8, 8)))
    assert len(text) <= INLINE_LENGTH_MAX
    answer = await submit(world, {"image_url": f" {text[:90]}\r\n{text[90:].rstrip('=')}"})
    job = await world.store.get_job(answer.json()["job_id"])
    assert job is not None
    assert job.input["image_url"] == text


async def test_a_repeated_submission_is_the_same_and_stores_nothing_twice(world: World) -> None:
    body = {"image_url": uri_of(PHOTOGRAPH)}
    first, again = [await submit(world, body, idempotency_key="k") for _ in range(2)]
    assert again.json()["job_id"] == first.json()["job_id"]
    other = await submit(world, body | {"seed": 7}, idempotency_key="k")
    assert other.status_code == 409
    (path,) = stored_in(world)
    assert path.read_bytes() == PHOTOGRAPH  # the first job's, which the conflict left alone


@pytest.mark.parametrize("other", [{}, {"seed": 7}], ids=["replayed", "refused"])
@pytest.mark.parametrize("turns", [1, -1])
async def test_of_two_requests_with_one_key_the_accepted_one_keeps_its_file(
    world: World, turns: int, other: dict[str, Any]
) -> None:
    """Both have stored their files before one of them is a job."""
    assert (await submit(world, {})).status_code == 200  # opens the workspace
    parts = SharedParts.of(world.deps)
    model = CATALOGUE.find("image", "bfl/flux-1-dev")
    body = {"prompt": "a fox", "image_url": uri_of(PHOTOGRAPH)}
    requests = [
        await parts.intake.request(
            model,
            parts.intake.validate(model, one),
            Options(idempotency_key="k"),
            principal=Principal("studio", None),
            base_url=BASE_URL,
        )
        for one in (body, body | other)
    ][::turns]
    job = (await world.service.submit(requests[0])).job
    if not other:
        assert (await world.service.submit(requests[1])).replayed
    else:
        with pytest.raises(IdempotencyConflict):
            await world.service.submit(requests[1])
    (path,) = stored_in(world)
    assert (path.name,) == job.input_files
    assert job.input["image_url"] == f"{BASE_URL}/artifacts/{path.name}"


async def test_a_repeated_run_is_the_same_and_stores_nothing_twice(world: World) -> None:
    step = {"prompt": "a fox", "image_url": {"from": "input.photo"}}
    app = {
        "name": "Portrait",
        "inputs": {"photo": {"type": "media", "required": True}},
        "steps": {"only": {"model": "image/bfl/flux-1-dev", "input": step}},
        "outputs": {"only": {"from": "only.url"}},
    }
    async with world.client() as client:
        pushed = await client.post("/node-apps", json=app)
        assert pushed.status_code == 200, pushed.text
        answers = [
            await client.post(
                f"/node-apps/{pushed.json()['version_id']}/execute",
                json={"photo": uri_of(photograph)},
                headers={"idempotency-key": "k"},
            )
            for photograph in (PHOTOGRAPH, PHOTOGRAPH, PHOTOGRAPH + b"x")
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    (first,), (again,) = answers[0].json(), answers[1].json()
    assert first["job_id"] == again["job_id"]
    run = await world.store.get_job(first["job_id"])
    assert run is not None
    assert tuple(path.name for path in stored_in(world)) == run.input_files


async def test_a_key_that_is_used_anew_gets_a_file_of_its_own(world: World) -> None:
    """The first job is pruned before the second one."""
    body = {"image_url": uri_of(PHOTOGRAPH)}
    jobs = []
    for _ in range(2):
        answer = await submit(world, body, idempotency_key="k")
        job = await world.store.get_job(answer.json()["job_id"])
        assert job is not None
        jobs.append(job)
        world.clock.advance(IDEMPOTENCY_KEPT_MS / 1_000 + 1)
    assert jobs[0].job_id != jobs[1].job_id
    assert sorted(name for job in jobs for name in job.input_files) == sorted(
        path.name for path in stored_in(world)
    )
    assert len(stored_in(world)) == 2


async def test_of_files_that_cannot_all_be_stored_none_stays(world: World) -> None:
    class Broken(LocalArtifacts):
        async def put(self, name: str, content: bytes | Path) -> None:
            if stored_in(world):
                raise ArtifactsUnavailable("The artifacts' directory is gone.")
            await super().put(name, content)

    world.serve_with(artifacts=Broken(world.settings.data / "artifacts"))
    pictures = [{"url": uri_of(PHOTOGRAPH + bytes([number])), "strength": 1} for number in range(2)]
    refused = await submit(world, {"style_images": pictures})
    assert refused.status_code == 503, refused.text
    assert stored_in(world) == []


async def test_a_refused_submission_leaves_no_file(tmp_path: Path) -> None:
    async with a_world(tmp_path, active_max=1, backlog_max=0) as world:
        assert (await submit(world, {})).status_code == 200
        refused = await submit(world, {"image_url": uri_of(PHOTOGRAPH)})
        assert refused.status_code == 429
        assert (stored_in(world), waiting_in(world)) == ([], [])


async def test_many_large_bodies_at_once_are_bounded(world: World) -> None:
    """As with uploads: a few of a workspace, and the rest is told to come again."""
    may_end = asyncio.Event()
    are_waiting = asyncio.Event()
    body = json.dumps({"prompt": "a fox", "image_url": uri_of(PHOTOGRAPH)}).encode()
    begun = 0

    async def slow() -> Any:
        nonlocal begun
        yield body[:1_500_000]
        begun += 1
        if begun == UPLOADS_MAX:
            are_waiting.set()
        await may_end.wait()
        yield body[1_500_000:]

    async with world.client() as client, world.client("rival") as rival:
        headers = {"content-type": "application/json"}
        sending = [
            asyncio.ensure_future(client.post(FLUX, content=slow(), headers=headers))
            for _ in range(UPLOADS_MAX)
        ]
        await are_waiting.wait()
        refused = await client.post(FLUX, content=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_uploads")
        assert int(refused.headers["retry-after"]) > 0
        taken = await rival.post(FLUX, content=body, headers=headers)
        assert taken.status_code == 200  # another workspace has its own
        may_end.set()
        answers = await asyncio.gather(*sending)
    assert {answer.status_code for answer in answers} == {200}
    assert waiting_in(world) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 40_000 + b"1]",
        b"{" + b'"a":"",' * 20_000 + b'"b":1}',
        b'{"a":"' + b'\\"' * 110_000 + b'"}',
        b'["' + b"\\" * 1_000 + b'",' + b"1," * 60_000 + b"1]",
        b" " * 110_000,
        b'{"a": "unended' + b',"' * 60_000,
    ],
)
def test_a_document_of_many_small_values_is_refused_before_it_is_decoded(body: bytes) -> None:
    with pytest.raises(BodyTooLarge):
        check_document(body, 100_000)


@given(
    st.lists(st.text(max_size=9), max_size=9),
    st.lists(st.text(alphabet='ab"\\/', min_size=9_000, max_size=10_000), max_size=2),
)
def test_long_strings_do_not_count(small: list[str], long: list[str]) -> None:
    quotes = sum(text.count('"') for text in long)
    check_document(json.dumps([*small, *long]).encode(), 2_000 + quotes)


@pytest.mark.parametrize("backslashes", [9_998, 9_999])
def test_a_long_string_of_backslashes_ends_where_json_says(backslashes: int) -> None:
    body = b'{"a": "' + b"\\" * backslashes + b'"' + b"," * 3_000
    if backslashes % 2:
        check_document(body, 2_000)  # the quote is escaped, and the string goes on
    else:
        with pytest.raises(BodyTooLarge):
            check_document(body, 2_000)
