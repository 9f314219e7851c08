"""ComfyUI: workflows filled, queued once, listened to, brought home, stopped."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response
from upstream.providers.comfyui import (
    JPEG,
    WORKFLOW,
    Comfy,
    a_preview,
    a_preview_with_metadata,
)
from upstream.providers.house import JOB, House, a_house
from upstream.providers.serving import Cut, answer
from upstream.world import PNG, a_request

from ringback.engines.upstream.memo import read_memo
from ringback.errors import EngineError, SetupError
from ringback.testing import RecordingIO

OTHER = "01900000-0000-7000-8000-000000000002"
INPUTS = {"prompt": "6.text", "seed": "3.seed", "width": "5.width", "height": "5.height"}
SLOW = {"poll_s": 86_400, "poll_s_max": 86_400}


@pytest.fixture
async def comfy() -> AsyncIterator[Comfy]:
    """The server."""
    async with Comfy().serving() as standing:
        yield standing


def a_workflow(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the settings of a workflow that lies in a folder."""
    file = folder / "workflow.json"
    file.write_text(json.dumps(WORKFLOW), "utf-8")
    told = {"file": str(file), "inputs": INPUTS, "files": {"image_url": "10.image"}}
    return {**told, **changes}


def the_house(comfy: Comfy, folder: Path, *, workflow: Any = None, **table: Any) -> Any:
    """Return an engine in front of the stand-in."""
    workflows = {"bfl/flux-1-dev": workflow or a_workflow(folder)}
    return a_house(type="comfyui", base_url=comfy.url, workflows=workflows, **table)


@pytest.fixture
async def house(comfy: Comfy, tmp_path: Path) -> AsyncIterator[House]:
    """An engine in front of it."""
    async with the_house(comfy, tmp_path) as made:
        yield made


# From the job to its files.


async def test_a_workflow_is_filled_queued_and_brought_home(comfy: Comfy, house: House) -> None:
    made = await house.made(input={"prompt": "a fox", "seed": 7, "width": 768, "height": None})
    assert house.files(made) == [PNG]
    (body,) = comfy.submitted
    assert (body["client_id"], body["prompt_id"]) == (JOB, JOB)
    nodes = body["prompt"]
    assert nodes["6"]["inputs"] == {"text": "a fox", "clip": ["4", 1]}
    assert nodes["3"]["inputs"]["seed"] == 7
    assert nodes["5"]["inputs"] == {"width": 768, "height": 512}
    assert nodes["10"]["inputs"] == {"image": "example.png"}


async def test_a_job_without_a_seed_has_one_of_its_own(comfy: Comfy, house: House) -> None:
    await house.made(input={"prompt": "a fox"})
    await house.made(input={"prompt": "a fox"}, job_id=OTHER)
    seeds = [body["prompt"]["3"]["inputs"]["seed"] for body in comfy.submitted]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_input_files_are_uploaded_under_names_that_are_no_strangers(
    comfy: Comfy, house: House
) -> None:
    url = "https://cdn.example/%2e%2e/evil.png"
    house.io = RecordingIO({url: PNG})
    await house.made(input={"image_url": [url]})
    name = f"ringback/{hashlib.sha256(PNG).hexdigest()}.png"
    assert comfy.uploads == {name: PNG}
    (body,) = comfy.submitted
    assert body["prompt"]["10"]["inputs"]["image"] == name


@pytest.mark.parametrize("value", [["4", 0], {"a": 1}, [["4", 0]]])
async def test_a_parameter_rewires_no_nodes(comfy: Comfy, house: House, value: Any) -> None:
    with pytest.raises(EngineError, match="takes one value in this workflow"):
        await house.made(input={"prompt": value})
    assert comfy.submitted == []


@pytest.mark.parametrize("value", [["a", "b"], {"url": "x"}, 7])
async def test_a_file_parameter_takes_one_file(comfy: Comfy, house: House, value: Any) -> None:
    with pytest.raises(EngineError, match="takes one file in this workflow"):
        await house.made(input={"image_url": value})


async def test_a_model_without_a_workflow_is_not_made(comfy: Comfy, house: House) -> None:
    with pytest.raises(EngineError, match="has no workflow for this model"):
        await house.made(model="acme/other")
    assert comfy.asked == []


async def test_only_the_outputs_that_the_operator_named_count(comfy: Comfy, tmp_path: Path) -> None:
    image = {"subfolder": "", "type": "output"}
    comfy.outputs = {
        "10": {"images": [{"filename": "no.txt", **image}]},
        "9": {"images": [{"filename": f"{n}.png", **image} for n in range(2)], "animated": [False]},
    }
    async with the_house(comfy, tmp_path, workflow=a_workflow(tmp_path, outputs=["9"])) as house:
        assert house.files(await house.made()) == [PNG, PNG]


async def test_previews_of_the_workflow_count_where_nothing_was_saved(
    comfy: Comfy, house: House
) -> None:
    comfy.outputs = {
        "9": {"images": [{"filename": "a.png", "subfolder": "", "type": "temp"}]},
        "10": {"images": [{"filename": "in.png", "subfolder": "", "type": "input"}]},
    }
    assert house.files(await house.made()) == [PNG]


@pytest.mark.parametrize(
    "outputs",
    [{}, {"9": {"text": ["a caption"]}}, {"9": None}, {"9": {"images": [7, {"filename": 8}]}}],
)
async def test_a_workflow_that_saves_nothing_fails(
    comfy: Comfy, house: House, outputs: dict[str, Any]
) -> None:
    comfy.outputs = outputs
    with pytest.raises(EngineError, match="the workflow saved no file"):
        await house.made()


# The socket.


async def test_progress_and_previews_come_over_the_socket(comfy: Comfy, tmp_path: Path) -> None:
    comfy.may_end.clear()
    async with the_house(comfy, tmp_path, **SLOW) as house:
        run = house.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        await comfy.say("execution_cached", nodes=["4", "5", "6"], prompt_id=JOB)
        await comfy.say("executing", node="3", prompt_id=JOB)
        await comfy.say("progress", node="3", value=10, max=20, prompt_id=JOB)
        await comfy.send(a_preview())
        await _until(house, lambda: 3.5 / 6 in house.io.fractions)
        await comfy.send(a_preview_with_metadata(PNG, b'{"image_type": "image/png"}'))
        await _until(house, lambda: len(house.io.previews) > 0)
        assert set(house.io.saved.values()) <= {JPEG, PNG}
        comfy.may_end.set()
        # Without a poll for a day: the socket told of the end.
        assert house.files(await run) == [PNG]


async def _until(house: House, holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await house.clock.sleep(0.5)


async def test_a_socket_that_never_says_the_end_does_not_hide_it(
    comfy: Comfy, house: House
) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy.is_silent = True
    comfy.may_end.set()
    async with asyncio.timeout(10):
        while not run.done():
            await comfy.send(json.dumps({"type": "progress", "data": {"value": 1, "max": 2}}))
            await house.clock.sleep(0.1)
    assert house.files(await run) == [PNG]


async def test_an_end_that_is_told_before_it_is_recorded_is_looked_for_again(
    comfy: Comfy, tmp_path: Path
) -> None:
    comfy.may_end.clear()
    comfy.may_record.clear()
    async with the_house(comfy, tmp_path, **SLOW) as house:
        run = house.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        asked = comfy.count("GET", "/queue")
        comfy.may_end.set()
        await comfy.until(lambda: comfy.count("GET", "/queue") > asked)
        comfy.may_record.set()
        async with asyncio.timeout(10):
            assert house.files(await run) == [PNG]


async def test_not_every_preview_is_kept(comfy: Comfy, tmp_path: Path) -> None:
    comfy.may_end.clear()
    async with the_house(comfy, tmp_path) as house:
        run = house.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        began_s = house.clock.monotonic()
        for number in range(100):
            await comfy.send(a_preview(JPEG + bytes([number])))
            await house.clock.sleep(0.1)
        took_s = house.clock.monotonic() - began_s
        comfy.may_end.set()
        await run
        assert 1 <= len(house.io.previews) <= took_s / 2 + 1


async def test_the_newer_events_tell_of_progress_too(comfy: Comfy, tmp_path: Path) -> None:
    comfy.may_end.clear()
    async with the_house(comfy, tmp_path, **SLOW) as house:
        run = house.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        states = {
            "4": {"state": "finished", "value": 1, "max": 1},
            "3": {"state": "running", "value": 1, "max": 2},
        }
        await comfy.say("progress_state", prompt_id=JOB, nodes=states)
        await _until(house, lambda: 1.5 / 6 in house.io.fractions)
        comfy.may_end.set()
        await run


async def test_a_socket_that_breaks_is_opened_again_and_the_history_decides(
    comfy: Comfy, house: House
) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: comfy.opened == 1)
    await comfy.drop()
    await comfy.until(lambda: comfy.opened == 2)
    await comfy.drop()
    comfy.may_end.set()
    assert house.files(await run) == [PNG]


async def test_without_a_socket_polling_brings_the_result(comfy: Comfy, house: House) -> None:
    comfy.sockets_open = False
    assert house.files(await house.made()) == [PNG]
    assert comfy.opened == 0


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        a_preview(b"<html>"),
        a_preview_with_metadata(b"", b""),
        (4).to_bytes(4) + (2**32 - 1).to_bytes(4),
        (99).to_bytes(4) + bytes(9),
        "",
        "no json",
        "[" * 100_000,
        "[]",
        '{"type": "progress"}',
        '{"type": 7, "data": {}}',
        '{"type": "progress", "data": {"value": "x", "max": null, "node": 7}}',
        '{"type": "progress", "data": {"value": 1e308, "max": 1e-308}}',
        '{"type": "progress_state", "data": {"nodes": {"3": 7, "4": {"state": "running"}}}}',
        '{"type": "execution_cached", "data": {"nodes": [7, null, {}]}}',
        '{"type": "execution_success", "data": {"prompt_id": "somebody else\'s"}}',
        '{"type": "execution_error", "data": {}}',
        b"\0\0\0\1" + bytes(9 << 20),
    ],
)
async def test_whatever_the_socket_says_the_history_decides(
    comfy: Comfy, house: House, message: str | bytes
) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    await comfy.send(message)
    await comfy.say("progress", node="3", value=1, max=2, prompt_id=JOB)
    comfy.may_end.set()
    assert house.files(await run) == [PNG]


async def test_the_key_opens_the_socket_and_the_files_too(comfy: Comfy, tmp_path: Path) -> None:
    async with the_house(comfy, tmp_path, api_key="a-key-of-the-proxy") as house:
        await house.made()
    assert {headers.get("authorization") for headers in comfy.headers} == {
        "Bearer a-key-of-the-proxy"
    }


# Once, and through deaths.


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_restart_goes_on_with_the_prompt_and_queues_nothing(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_house(comfy, tmp_path) as house:
            first = house.begin()
            await comfy.until(lambda: JOB in comfy.sockets)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        comfy.may_end.set()
        async with the_house(comfy, tmp_path) as later:
            made = await later.made(a_request(job_id=JOB, memo=house.io.memos[-1]))
            assert later.files(made) == [PNG]
        assert len(comfy.submitted) == 1


@pytest.mark.parametrize("takes_ids", [True, False])
@pytest.mark.parametrize("has_ended", [True, False])
async def test_a_submission_whose_note_was_lost_is_found_again(
    tmp_path: Path, takes_ids: bool, has_ended: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_house(comfy, tmp_path) as house:
            first = house.begin()
            await comfy.until(lambda: len(comfy.submitted) == 1)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        if has_ended:
            comfy.may_end.set()
            await comfy.until(lambda: len(comfy.past) == 1)
        async with the_house(comfy, tmp_path) as later:
            run = later.begin()
            await comfy.until(lambda: comfy.count("GET", "/queue") >= 2)
            comfy.may_end.set()
            assert later.files(await run) == [PNG]
        assert len(comfy.submitted) == 1


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_submission_whose_answer_was_lost_is_looked_for(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.script("POST", "/prompt", Cut(), Cut())
        async with the_house(comfy, tmp_path) as house:
            assert house.files(await house.made()) == [PNG]
        assert len(comfy.submitted) == 1


async def test_a_server_that_was_started_anew_has_forgotten_the_job(
    comfy: Comfy, house: House
) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy.forget()
    with pytest.raises(EngineError, match="does not know of it any more; it was started anew"):
        await run


async def test_looks_go_on_through_broken_answers(comfy: Comfy, house: House) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy.script("GET", "/history/", Cut(), Response("<html>", 502), Response("<html>"))
    comfy.may_end.set()
    assert house.files(await run) == [PNG]


# Refusals and ends.


async def test_a_refused_workflow_says_which_input_of_which_node(
    comfy: Comfy, house: House
) -> None:
    with pytest.raises(EngineError) as failed:
        await house.made(input={"width": 511})
    assert str(failed.value) == (
        "The provider of studio refused the workflow: "
        "EmptyLatentImage 5: Value not a multiple of 8, width."
    )
    assert comfy.submitted == []


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (
            answer(
                {"error": {"message": "Prompt has no outputs", "details": ""}, "node_errors": []},
                400,
            ),
            "refused the workflow: Prompt has no outputs.",
        ),
        (answer({"error": "no prompt", "node_errors": []}, 400), "refused the workflow: no prompt"),
        (answer({"node_errors": {"3": {"errors": [7]}, "4": 8}}, 400), "(status 400)"),
        (Response("Unauthorized", 401), "is not let in"),
        (answer({"prompt_id": "../x"}), "may have been bought"),
        (answer([]), "may have been bought"),
    ],
)
async def test_every_shape_of_a_refusal_is_one_sentence(
    comfy: Comfy, house: House, refused: Response, sentence: str
) -> None:
    comfy.script("POST", "/prompt", refused)
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (
            {
                "node_id": "3",
                "node_type": "KSampler",
                "exception_type": "torch.OutOfMemoryError",
                "exception_message": "Allocation on device\n",
                "traceback": ["/opt/ComfyUI/execution.py"],
            },
            "The job failed at the provider of studio: KSampler 3: Allocation on device.",
        ),
        ({}, "The job failed at the provider of studio: a node failed."),
        ({"node_id": 7, "exception_message": ["x"]}, "a node failed"),
    ],
)
async def test_a_node_that_breaks_is_named_with_its_reason(
    comfy: Comfy, house: House, broken: dict[str, Any], sentence: str
) -> None:
    comfy.breaks_with = broken
    with pytest.raises(EngineError) as failed:
        await house.made()
    assert sentence in str(failed.value)
    assert "somebody" not in str(failed.value)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "blocked_target"),
        (Response(b"<html>"), "of a type that is not known here"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "too_large"),
        (Response(status_code=404), "status 404"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    comfy: Comfy, tmp_path: Path, result: Response, reason: str
) -> None:
    comfy.script("GET", "/view", result)
    async with the_house(comfy, tmp_path, result_bytes_max=65_536) as house:
        with pytest.raises(EngineError, match=reason):
            await house.made()


# Stopping.


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_job_that_runs_is_interrupted(tmp_path: Path, takes_ids: bool) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_house(comfy, tmp_path) as house:
            await _cancelled(comfy, house, house.begin(), JOB)
        await comfy.until(lambda: len(comfy.past) == 1)
        (entry,) = comfy.past.values()
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_job_that_waits_leaves_the_queue_and_another_goes_on(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_house(comfy, tmp_path) as house:
            running = house.begin()
            await comfy.until(lambda: comfy.running is not None)
            await _cancelled(comfy, house, house.begin(job_id=OTHER), OTHER)
            assert comfy.pending == []
            assert comfy.count("POST", "/interrupt") == 0
            comfy.may_end.set()
            assert house.files(await running) == [PNG]


async def _cancelled(comfy: Comfy, house: House, run: asyncio.Task[Any], job_id: str) -> None:
    await comfy.until(lambda: job_id in comfy.sockets)
    house.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await asyncio.gather(*house.engine._errands)
    house.io.over = False


async def test_a_prompt_that_was_interrupted_there_is_cancelled_here(
    comfy: Comfy, house: House
) -> None:
    comfy.may_end.clear()
    run = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy._interrupted.set()
    with pytest.raises(EngineError, match="was cancelled at the provider of studio"):
        await run


async def test_a_socket_that_nobody_looks_at_is_closed(comfy: Comfy, house: House) -> None:
    comfy.may_end.clear()
    given_back = house.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    given_back.cancel()
    house.clock.leap(200)
    other = house.begin(job_id=OTHER)
    await comfy.until(lambda: JOB not in comfy.sockets and OTHER in comfy.sockets)
    comfy.may_end.set()
    await other


async def test_comfyui_sends_no_webhooks(comfy: Comfy, tmp_path: Path) -> None:
    async with the_house(comfy, tmp_path, api_key="a-key-of-the-proxy") as house:
        assert not await house.hooked({}, b"{}")


# Setting it up.


@pytest.mark.parametrize(
    ("content", "changes", "sentence"),
    [
        (None, {"file": "missing.json"}, "cannot be read"),
        ("no json", {}, "is not JSON"),
        ('{"nodes": [], "links": []}', {}, "is in the editor's format"),
        ("{}", {}, "is not in API format"),
        ('{"3": {"inputs": {}}}', {}, "is not in API format"),
        ("[" * 10_000, {}, "is not JSON"),
        (None, {"inputs": {"prompt": "99.text"}}, "goes to node 99, which"),
        (None, {"inputs": {"prompt": "6.clip"}}, "which another node feeds"),
        (None, {"inputs": {"prompt": "text"}}, "write it as NODE.INPUT"),
        (None, {"outputs": ["77"]}, "The output node 77 is not in"),
        (None, {"inputs": {"image_url": "10.image"}}, "is in inputs and in files"),
    ],
)
async def test_a_workflow_that_cannot_be_used_stops_the_start(
    comfy: Comfy, tmp_path: Path, content: str | None, changes: dict[str, Any], sentence: str
) -> None:
    workflow = a_workflow(tmp_path, **changes)
    if content is not None:
        (tmp_path / "workflow.json").write_text(content, "utf-8")
    with pytest.raises(SetupError) as failed:
        async with the_house(comfy, tmp_path, workflow=workflow):
            pass
    assert sentence in str(failed.value)


async def test_a_parameter_may_go_to_several_places(comfy: Comfy, tmp_path: Path) -> None:
    workflow = a_workflow(tmp_path, inputs={"size": ["5.width", "5.height"]})
    async with the_house(comfy, tmp_path, workflow=workflow) as house:
        await house.made(input={"size": 640})
    assert comfy.submitted[0]["prompt"]["5"]["inputs"] == {"width": 640, "height": 640}


async def test_the_ticket_is_written_down_before_the_first_look(
    comfy: Comfy, tmp_path: Path
) -> None:
    async with the_house(comfy, tmp_path, **SLOW) as house:
        comfy.may_end.clear()
        run = house.begin()
        await _until(house, lambda: len(house.io.memos) == 2)
        assert JOB in (read_memo(house.io.memos[1]).ticket or "")
        assert comfy.count("GET", f"/history/{JOB}") == 1  # before it was queued
        run.cancel()
