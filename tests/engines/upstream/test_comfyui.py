"""The ComfyUI adapter: workflows, queueing, WebSocket updates, results, cancellation."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.responses import RedirectResponse, Response

from ringback.engines.upstream.resume import read_resume_state
from ringback.errors import EngineError, SetupError
from ringback.files.media.inspector import Inspector
from ringback.testing import RecordingIO
from tests.engines.upstream.providers.comfyui import (
    JPEG,
    WORKFLOW,
    Comfy,
    a_preview,
    a_preview_with_metadata,
)
from tests.engines.upstream.providers.process import JOB, Harness, a_harness
from tests.engines.upstream.providers.serving import Cut, answer
from tests.engines.upstream.world import PNG, a_request

OTHER = "01900000-0000-7000-8000-000000000002"
INPUTS = {"prompt": "6.text", "seed": "3.seed", "width": "5.width", "height": "5.height"}
SLOW = {"poll_s": 86_400, "poll_s_max": 86_400}


@pytest.fixture
async def comfy() -> AsyncIterator[Comfy]:
    """The fake server."""
    async with Comfy().serving() as standing:
        yield standing


def a_workflow(folder: Path, **changes: Any) -> dict[str, Any]:
    """Write a workflow file to a folder and return its settings."""
    file = folder / "workflow.json"
    file.write_text(json.dumps(WORKFLOW), "utf-8")
    config = {"file": str(file), "inputs": INPUTS, "files": {"image_url": "10.image"}}
    return {**config, **changes}


def the_harness(comfy: Comfy, folder: Path, *, workflow: Any = None, **table: Any) -> Any:
    """Return an engine in front of the fake server."""
    workflows = {"bfl/flux-1-dev": workflow or a_workflow(folder)}
    return a_harness(type="comfyui", base_url=comfy.url, workflows=workflows, **table)


@pytest.fixture
async def harness(comfy: Comfy, tmp_path: Path) -> AsyncIterator[Harness]:
    """An engine in front of the fake server."""
    async with the_harness(comfy, tmp_path) as made:
        yield made


# From the job to its files.


async def test_a_workflow_is_filled_and_queued_and_its_files_downloaded(
    comfy: Comfy, harness: Harness
) -> None:
    made = await harness.made(input={"prompt": "a fox", "seed": 7, "width": 768, "height": None})
    assert harness.files(made) == [PNG]
    (body,) = comfy.submitted
    assert (body["client_id"], body["prompt_id"]) == (JOB, JOB)
    nodes = body["prompt"]
    assert nodes["6"]["inputs"] == {"text": "a fox", "clip": ["4", 1]}
    assert nodes["3"]["inputs"]["seed"] == 7
    assert nodes["5"]["inputs"] == {"width": 768, "height": 512}
    assert nodes["10"]["inputs"] == {"image": "example.png"}


async def test_a_job_without_a_seed_has_one_of_its_own(comfy: Comfy, harness: Harness) -> None:
    await harness.made(input={"prompt": "a fox"})
    await harness.made(input={"prompt": "a fox"}, job_id=OTHER)
    seeds = [body["prompt"]["3"]["inputs"]["seed"] for body in comfy.submitted]
    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**32 for seed in seeds)


async def test_input_files_are_uploaded_under_names_derived_from_their_content(
    comfy: Comfy, harness: Harness
) -> None:
    url = "https://cdn.example/%2e%2e/evil.png"
    harness.io = RecordingIO({url: PNG})
    await harness.made(input={"image_url": [url]})
    name = f"ringback/{hashlib.sha256(PNG).hexdigest()}.png"
    assert comfy.uploads == {name: PNG}
    (body,) = comfy.submitted
    assert body["prompt"]["10"]["inputs"]["image"] == name


@pytest.mark.parametrize("value", [["4", 0], {"a": 1}, [["4", 0]]])
async def test_a_parameter_cannot_link_to_another_node(
    comfy: Comfy, harness: Harness, value: Any
) -> None:
    with pytest.raises(EngineError, match="takes one value in this workflow"):
        await harness.made(input={"prompt": value})
    assert comfy.submitted == []


@pytest.mark.parametrize("value", [["a", "b"], {"url": "x"}, 7])
async def test_a_file_parameter_takes_one_file(comfy: Comfy, harness: Harness, value: Any) -> None:
    with pytest.raises(EngineError, match="takes one file in this workflow"):
        await harness.made(input={"image_url": value})


async def test_a_job_of_a_model_without_a_workflow_fails(comfy: Comfy, harness: Harness) -> None:
    with pytest.raises(EngineError, match="has no workflow for this model"):
        await harness.made(model="acme/other")
    assert comfy.received == []


async def test_only_the_outputs_that_the_operator_named_count(comfy: Comfy, tmp_path: Path) -> None:
    image = {"subfolder": "", "type": "output"}
    comfy.outputs = {
        "10": {"images": [{"filename": "no.txt", **image}]},
        "9": {"images": [{"filename": f"{n}.png", **image} for n in range(2)], "animated": [False]},
    }
    async with the_harness(
        comfy, tmp_path, workflow=a_workflow(tmp_path, outputs=["9"])
    ) as harness:
        assert harness.files(await harness.made()) == [PNG, PNG]


async def test_temporary_previews_are_the_result_where_nothing_was_saved(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.outputs = {
        "9": {"images": [{"filename": "a.png", "subfolder": "", "type": "temp"}]},
        "10": {"images": [{"filename": "in.png", "subfolder": "", "type": "input"}]},
    }
    assert harness.files(await harness.made()) == [PNG]


@pytest.mark.parametrize(
    "outputs",
    [{}, {"9": {"text": ["a caption"]}}, {"9": None}, {"9": {"images": [7, {"filename": 8}]}}],
)
async def test_a_workflow_that_saves_nothing_fails(
    comfy: Comfy, harness: Harness, outputs: dict[str, Any]
) -> None:
    comfy.outputs = outputs
    with pytest.raises(EngineError, match="the workflow saved no file"):
        await harness.made()


# The socket.


async def test_progress_and_previews_come_over_the_socket(comfy: Comfy, tmp_path: Path) -> None:
    comfy.may_end.clear()
    async with the_harness(comfy, tmp_path, **SLOW) as harness:
        run = harness.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        await comfy.say("execution_cached", nodes=["4", "5", "6"], prompt_id=JOB)
        await comfy.say("executing", node="3", prompt_id=JOB)
        await comfy.say("progress", node="3", value=10, max=20, prompt_id=JOB)
        await comfy.send(a_preview())
        await _until(harness, lambda: 3.5 / 6 in harness.io.fractions)
        await comfy.send(a_preview_with_metadata(PNG, b'{"image_type": "image/png"}'))
        await _until(harness, lambda: len(harness.io.previews) > 0)
        assert set(harness.io.saved.values()) <= {JPEG, PNG}
        comfy.may_end.set()
        # The poll delay is a day, so the socket announced the end.
        assert harness.files(await run) == [PNG]


async def _until(harness: Harness, holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await harness.clock.sleep(0.5)


async def test_an_end_that_the_socket_never_announces_is_found_by_polling(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy.is_silent = True
    comfy.may_end.set()
    async with asyncio.timeout(10):
        while not run.done():
            await comfy.send(json.dumps({"type": "progress", "data": {"value": 1, "max": 2}}))
            await harness.clock.sleep(0.1)
    assert harness.files(await run) == [PNG]


async def test_an_end_announced_before_it_is_in_the_history_is_polled_again(
    comfy: Comfy, tmp_path: Path
) -> None:
    comfy.may_end.clear()
    comfy.may_record.clear()
    async with the_harness(comfy, tmp_path, **SLOW) as harness:
        run = harness.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        polls_count = comfy.count("GET", "/queue")
        comfy.may_end.set()
        await comfy.until(lambda: comfy.count("GET", "/queue") > polls_count)
        comfy.may_record.set()
        async with asyncio.timeout(10):
            assert harness.files(await run) == [PNG]


async def test_previews_in_quick_succession_are_not_all_stored(
    comfy: Comfy, tmp_path: Path
) -> None:
    comfy.may_end.clear()
    async with the_harness(comfy, tmp_path) as harness:
        run = harness.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        began_s = harness.clock.monotonic()
        for number in range(100):
            await comfy.send(a_preview(JPEG + bytes([number])))
            await harness.clock.sleep(0.1)
        took_s = harness.clock.monotonic() - began_s
        comfy.may_end.set()
        await run
        assert 1 <= len(harness.io.previews) <= took_s / 2 + 1


async def test_newer_progress_events_are_read_too(comfy: Comfy, tmp_path: Path) -> None:
    comfy.may_end.clear()
    async with the_harness(comfy, tmp_path, **SLOW) as harness:
        run = harness.begin()
        await comfy.until(lambda: JOB in comfy.sockets)
        states = {
            "4": {"state": "finished", "value": 1, "max": 1},
            "3": {"state": "running", "value": 1, "max": 2},
        }
        await comfy.say("progress_state", prompt_id=JOB, nodes=states)
        await _until(harness, lambda: 1.5 / 6 in harness.io.fractions)
        comfy.may_end.set()
        await run


async def test_a_socket_that_breaks_is_opened_again_and_the_history_decides(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: comfy.opened == 1)
    await comfy.drop()
    await comfy.until(lambda: comfy.opened == 2)
    await comfy.drop()
    comfy.may_end.set()
    assert harness.files(await run) == [PNG]


async def test_without_a_socket_polling_brings_the_result(comfy: Comfy, harness: Harness) -> None:
    comfy.sockets_open = False
    assert harness.files(await harness.made()) == [PNG]
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
async def test_the_history_decides_how_a_job_ended_not_the_socket(
    comfy: Comfy, harness: Harness, message: str | bytes
) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    await comfy.send(message)
    await comfy.say("progress", node="3", value=1, max=2, prompt_id=JOB)
    comfy.may_end.set()
    assert harness.files(await run) == [PNG]


async def test_the_key_opens_the_socket_and_the_files_too(comfy: Comfy, tmp_path: Path) -> None:
    async with the_harness(comfy, tmp_path, api_key="a-key-of-the-proxy") as harness:
        await harness.made()
    assert {headers.get("authorization") for headers in comfy.headers} == {
        "Bearer a-key-of-the-proxy"
    }


# Submission once, also across restarts.


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_restart_continues_the_prompt_and_queues_nothing(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_harness(comfy, tmp_path) as harness:
            first = harness.begin()
            await comfy.until(lambda: JOB in comfy.sockets)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        comfy.may_end.set()
        async with the_harness(comfy, tmp_path) as later:
            made = await later.made(
                a_request(job_id=JOB, resume_state=harness.io.resume_states[-1])
            )
            assert later.files(made) == [PNG]
        assert len(comfy.submitted) == 1


@pytest.mark.parametrize("takes_ids", [True, False])
@pytest.mark.parametrize("has_ended", [True, False])
async def test_a_submission_whose_ticket_was_lost_is_found_again(
    tmp_path: Path, takes_ids: bool, has_ended: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_harness(comfy, tmp_path) as harness:
            first = harness.begin()
            await comfy.until(lambda: len(comfy.submitted) == 1)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        if has_ended:
            comfy.may_end.set()
            await comfy.until(lambda: len(comfy.past) == 1)
        async with the_harness(comfy, tmp_path) as later:
            run = later.begin()
            await comfy.until(lambda: comfy.count("GET", "/queue") >= 2)
            comfy.may_end.set()
            assert later.files(await run) == [PNG]
        assert len(comfy.submitted) == 1


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_submission_whose_response_was_lost_is_searched_for(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.script("POST", "/prompt", Cut(), Cut())
        async with the_harness(comfy, tmp_path) as harness:
            assert harness.files(await harness.made()) == [PNG]
        assert len(comfy.submitted) == 1


async def polled(comfy: Comfy, job_id: str = JOB) -> None:
    """Wait until the server has been asked for the job's history and its queue anew."""
    path = f"/history/{job_id}"
    count = comfy.count("GET", path)
    await comfy.until(lambda: comfy.count("GET", path) >= count + 4)


async def test_a_job_fails_when_a_restarted_server_has_lost_it(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: comfy.running is not None)
    await polled(comfy)
    comfy.forget()
    with pytest.raises(EngineError, match="the prompt, which it had begun; it was restarted"):
        await run


async def test_a_job_that_only_waited_is_queued_again_by_a_restarted_server(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    first = harness.begin(job_id=OTHER)
    await comfy.until(lambda: comfy.running is not None)
    await polled(comfy, OTHER)
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    await polled(comfy)
    comfy.sockets_open = False
    await comfy.drop()
    comfy.forget()
    comfy.sockets_open = True
    comfy.may_end.set()
    assert harness.files(await run) == [PNG]
    with pytest.raises(EngineError, match="it was restarted"):
        await first
    assert [body["prompt_id"] for body in comfy.submitted] == [OTHER, JOB, JOB]


async def test_a_job_that_a_person_removed_from_the_queue_fails_and_says_so(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    first = harness.begin(job_id=OTHER)
    await comfy.until(lambda: comfy.running is not None)
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    await polled(comfy)
    comfy.pending.clear()
    with pytest.raises(EngineError, match="it was removed from ComfyUI's queue"):
        await run
    comfy.may_end.set()
    assert harness.files(await first)[-1:] == [PNG]
    assert len(comfy.submitted) == 2


async def test_a_job_that_is_lost_again_and_again_fails(comfy: Comfy, harness: Harness) -> None:
    taken = answer({"prompt_id": JOB, "number": 1, "node_errors": {}})
    comfy.script("POST", "/prompt", *[taken] * 4)  # and nothing is queued
    with pytest.raises(EngineError, match="lost the job again and again"):
        await harness.made()
    assert comfy.count("POST", "/prompt") == 4


async def test_polling_continues_after_broken_responses(comfy: Comfy, harness: Harness) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy.script("GET", "/history/", Cut(), Response("<html>", 502), Response("<html>"))
    comfy.may_end.set()
    assert harness.files(await run) == [PNG]


# Refusals and failures.


async def test_the_error_of_a_refused_workflow_names_the_input_and_the_node(
    comfy: Comfy, harness: Harness
) -> None:
    with pytest.raises(EngineError) as failed:
        await harness.made(input={"width": 511})
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
        (
            answer(
                {
                    "error": {
                        "message": "Cannot execute because node NoSuchNode does not exist.",
                        "details": "Node ID '#1'",
                    },
                    "node_errors": {},
                },
                400,
            ),
            "refused the workflow: Cannot execute because node NoSuchNode does not exist: "
            "Node ID '#1'.",
        ),
        (answer({"node_errors": {"3": {"errors": [7]}, "4": 8}}, 400), "(status 400)"),
        (Response("Unauthorized", 401), "is not let in"),
        (answer({"prompt_id": "../x"}), "may have been bought"),
        (answer([]), "may have been bought"),
    ],
)
async def test_every_shape_of_a_refusal_is_one_sentence(
    comfy: Comfy, harness: Harness, refused: Response, sentence: str
) -> None:
    comfy.script("POST", "/prompt", refused)
    with pytest.raises(EngineError) as failed:
        await harness.made()
    assert sentence in str(failed.value)


A_MISSING_INPUT = {
    "8": {
        "class_type": "SaveImage",
        "dependent_outputs": ["8"],
        "errors": [{"message": "Required input is missing", "details": "filename_prefix"}],
    }
}


@pytest.mark.parametrize("errors", [A_MISSING_INPUT, {"5": {"dependent_outputs": ["8", "9"]}}])
async def test_an_accepted_workflow_that_will_not_run_an_output_of_the_result_fails(
    comfy: Comfy, tmp_path: Path, errors: dict[str, Any]
) -> None:
    nodes = {**WORKFLOW, "8": WORKFLOW["9"]}
    workflow = a_workflow(tmp_path, outputs=["8"])
    (tmp_path / "workflow.json").write_text(json.dumps(nodes), "utf-8")
    comfy.script("POST", "/prompt", answer({"prompt_id": JOB, "number": 1, "node_errors": errors}))
    async with the_harness(comfy, tmp_path, workflow=workflow) as harness:
        with pytest.raises(EngineError, match=r"^The provider of studio refused the workflow"):
            await harness.made()
    assert comfy.count("POST", "/queue") == 1  # it is taken out again


async def test_an_accepted_workflow_that_will_not_run_another_output_goes_on(
    comfy: Comfy, tmp_path: Path
) -> None:
    left_out = {"prompt_id": JOB, "number": 1, "node_errors": A_MISSING_INPUT}
    comfy.past[JOB] = {"outputs": comfy.outputs, "status": {"status_str": "success"}}
    comfy.script("GET", "/history", answer({}), answer({}))  # not yet, when it is submitted
    comfy.script("POST", "/prompt", answer(left_out))
    workflow = a_workflow(tmp_path, outputs=["9"])
    async with the_harness(comfy, tmp_path, workflow=workflow) as harness:
        assert harness.files(await harness.made()) == [PNG]
    assert comfy.count("POST", "/prompt") == 1
    assert comfy.count("POST", "/queue") == 0


async def test_every_file_of_a_large_batch_is_a_result(comfy: Comfy, harness: Harness) -> None:
    names = [f"x_{number:05}_.png" for number in range(80)]
    files = [{"filename": name, "subfolder": "", "type": "output"} for name in names]
    comfy.outputs = {"9": {"images": files}}
    assert harness.files(await harness.made()) == [PNG] * 80


async def test_a_file_of_an_unknown_type_is_refused_before_it_is_uploaded(
    comfy: Comfy, harness: Harness
) -> None:
    harness.io.inputs["data:text/plain;base64,aGVsbG8="] = b"hello"
    with pytest.raises(EngineError, match="The file of image_url is of a type that is not known"):
        await harness.made(input={"image_url": "data:text/plain;base64,aGVsbG8="})
    assert comfy.uploads == {}


@pytest.mark.parametrize(
    ("form", "suffix"),
    [("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff"), ("PNG", "png"), ("WEBP", "webp")],
)
async def test_a_picture_of_any_type_that_comfyui_reads_is_uploaded_under_its_own_suffix(
    comfy: Comfy, harness: Harness, form: str, suffix: str
) -> None:
    drawn = BytesIO()
    Image.new("RGB", (8, 8), "red").save(drawn, form)
    harness.io.inputs["data:x"] = drawn.getvalue()
    await harness.made(input={"image_url": "data:x"})
    ((name, content),) = comfy.uploads.items()
    assert name.endswith(f".{suffix}")
    assert content == drawn.getvalue()


async def test_extra_data_goes_along_and_its_secrets_are_masked(
    comfy: Comfy, tmp_path: Path
) -> None:
    more = {
        "extra_data": {"extra_pnginfo": {"author": "us"}},
        "extra_data_env": {"api_key_comfy_org": "COMFY_ORG_KEY"},
    }
    environment = {"COMFY_ORG_KEY": "comfyui-0123456789"}
    comfy.breaks_with = {"exception_message": "The key comfyui-0123456789 is spent"}
    async with the_harness(comfy, tmp_path, environment=environment, **more) as harness:
        with pytest.raises(EngineError, match="The key ••• is spent"):
            await harness.made()
    assert comfy.submitted[0]["extra_data"] == {
        "extra_pnginfo": {"author": "us"},
        "api_key_comfy_org": "comfyui-0123456789",
    }
    with pytest.raises(SetupError, match="COMFY_ORG_KEY, which is not set"):
        async with the_harness(comfy, tmp_path, **more):
            pass


async def test_the_operators_workflow_does_not_stay_in_a_result(
    comfy: Comfy, tmp_path: Path
) -> None:
    drawn = BytesIO()
    info = PngInfo()
    info.add_text("prompt", json.dumps(WORKFLOW))
    info.add_text("workflow", "{}")
    Image.new("RGB", (8, 8), "red").save(drawn, "PNG", pnginfo=info)
    broken = PNG + b"prompt"
    comfy.script("GET", "/view", Response(drawn.getvalue()), Response(broken))
    two = [{"filename": name, "type": "output"} for name in ("a.png", "b.png")]
    comfy.outputs = {"9": {"images": two}}
    async with the_harness(comfy, tmp_path, strip=Inspector().strip) as harness:
        first, second = harness.files(await harness.made())
    image = Image.open(BytesIO(first))
    assert (image.getpixel((0, 0)), image.info) == ((255, 0, 0), {})
    assert second == broken  # one that cannot be read stays as it is


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (
            {
                "node_id": "10",
                "node_type": "LoadImage",
                "exception_message": "cannot identify image file '/opt/Comfy UI/input/a b.png'",
            },
            "LoadImage 10: cannot identify image file 'a b.png'.",
        ),
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
async def test_the_error_of_a_failed_node_names_the_node_and_the_reason(
    comfy: Comfy, harness: Harness, broken: dict[str, Any], sentence: str
) -> None:
    comfy.breaks_with = broken
    with pytest.raises(EngineError) as failed:
        await harness.made()
    assert sentence in str(failed.value)
    assert "somebody" not in str(failed.value)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RedirectResponse("http://127.0.0.1:9/a.png"), "which this server may not call"),
        (Response(b"<html>"), "a web page came in its stead"),
        (Response(b"\x89PNG\r\n\x1a\n" + bytes(70_000)), "larger than the 65536 bytes"),
        (Response(status_code=404), "answered 404"),
    ],
)
async def test_a_hostile_result_fails_the_job_and_nothing_else(
    comfy: Comfy, tmp_path: Path, result: Response, reason: str
) -> None:
    comfy.script("GET", "/view", *[result] * 8)
    async with the_harness(comfy, tmp_path, result_bytes_max=65_536) as harness:
        with pytest.raises(EngineError, match=reason):
            await harness.made()


# Cancellation.


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_job_that_runs_is_interrupted(tmp_path: Path, takes_ids: bool) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_harness(comfy, tmp_path) as harness:
            await _cancelled(comfy, harness, harness.begin(), JOB)
        await comfy.until(lambda: len(comfy.past) == 1)
        (entry,) = comfy.past.values()
        assert entry["status"]["messages"][-1][0] == "execution_interrupted"


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_cancelling_a_queued_job_leaves_the_running_one_alone(
    tmp_path: Path, takes_ids: bool
) -> None:
    async with Comfy(takes_ids=takes_ids).serving() as comfy:
        comfy.may_end.clear()
        async with the_harness(comfy, tmp_path) as harness:
            running = harness.begin()
            await comfy.until(lambda: comfy.running is not None)
            await _cancelled(comfy, harness, harness.begin(job_id=OTHER), OTHER)
            assert comfy.pending == []
            assert comfy.count("POST", "/interrupt") == 0
            comfy.may_end.set()
            assert harness.files(await running) == [PNG]


async def _cancelled(comfy: Comfy, harness: Harness, run: asyncio.Task[Any], job_id: str) -> None:
    await comfy.until(lambda: job_id in comfy.sockets)
    harness.io.over = True
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    await asyncio.gather(*harness.engine._cancellations)
    harness.io.over = False


async def test_a_prompt_that_was_interrupted_there_is_cancelled_here(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    run = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    comfy._interrupted.set()
    with pytest.raises(EngineError, match="was cancelled at the provider of studio"):
        await run


async def test_the_socket_of_a_job_that_is_no_longer_polled_is_closed(
    comfy: Comfy, harness: Harness
) -> None:
    comfy.may_end.clear()
    given_back = harness.begin()
    await comfy.until(lambda: JOB in comfy.sockets)
    given_back.cancel()
    harness.clock.leap(200)
    other = harness.begin(job_id=OTHER)
    await comfy.until(lambda: JOB not in comfy.sockets and OTHER in comfy.sockets)
    comfy.may_end.set()
    await other


async def test_comfyui_sends_no_webhooks(comfy: Comfy, tmp_path: Path) -> None:
    async with the_harness(comfy, tmp_path, api_key="a-key-of-the-proxy") as harness:
        assert not await harness.accepts_webhook({}, b"{}")


# Configuration.


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
        (None, {"inputs": {"prompt": "6.nope"}}, "does not have there; it has clip and text."),
        (None, {"files": {"image_url": "10.mask"}}, "does not have there; it has image."),
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
        async with the_harness(comfy, tmp_path, workflow=workflow):
            pass
    assert sentence in str(failed.value)


async def test_a_parameter_may_set_several_node_inputs(comfy: Comfy, tmp_path: Path) -> None:
    workflow = a_workflow(tmp_path, inputs={"size": ["5.width", "5.height"]})
    async with the_harness(comfy, tmp_path, workflow=workflow) as harness:
        await harness.made(input={"size": 640})
    assert comfy.submitted[0]["prompt"]["5"]["inputs"] == {"width": 640, "height": 640}


async def test_the_ticket_is_saved_before_the_first_poll(comfy: Comfy, tmp_path: Path) -> None:
    async with the_harness(comfy, tmp_path, **SLOW) as harness:
        comfy.may_end.clear()
        run = harness.begin()
        await _until(harness, lambda: len(harness.io.resume_states) == 2)
        assert JOB in (read_resume_state(harness.io.resume_states[1]).ticket or "")
        assert comfy.count("GET", f"/history/{JOB}") == 1  # before it was queued
        run.cancel()
