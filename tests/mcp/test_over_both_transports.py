"""The tools in the official client, with a real emulator, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from ringback import AsyncRingback
from ringback.lab.script import Rule, Script
from ringback.mcp.pictures import SHOWN_BYTES_MAX
from ringback.testing.emulator import Emulator
from tests.mcp.host import host, links_of, pictures_of, text_of

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.parametrize("transport", ["stdio", "http"]),
]

TOOLS = [
    "list_models",
    "get_model_schema",
    "generate_image",
    "generate_video",
    "generate_3d",
    "enhance_image",
    "get_job",
    "cancel_job",
    "upload_asset",
]
NULL = {"model": "ringback/null"}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("mcp")) as made:
        yield made


@pytest.fixture
def faults(emulator: Emulator) -> Iterator[Any]:
    """Returns a function that gives further jobs these faults."""
    yield lambda text: emulator.use_script(Script(rule=(Rule(faults=text),)))
    emulator.use_script(Script())


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_is_offered_in_old_and_new_versions_of_the_protocol(
    emulator: Emulator, transport: str, workspace: str, mode: str
) -> None:
    async with host(transport, emulator.url, workspace, mode=mode) as client:
        offered = (await client.list_tools()).tools
    assert [tool.name for tool in offered] == TOOLS
    assert {tool.input_schema["type"] for tool in offered} == {"object"}
    upload = offered[-1].input_schema["properties"]
    assert ("path" in upload) == (transport == "stdio")


async def test_a_picture_is_made_and_shown_with_reports_of_progress(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    reports: list[tuple[float, str]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        assert total == 1.0
        reports.append((progress, message or ""))

    arguments = {"prompt": "a lighthouse at dusk", "input": {"width": 1024, "height": 1024}}
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_image", arguments, progress_callback=report)
    assert not result.is_error
    (picture,) = pictures_of(result)
    content = base64.b64decode(picture.data)
    assert len(content) <= SHOWN_BYTES_MAX
    with Image.open(BytesIO(content)) as image:
        assert image.size == (1024, 1024)
    assert result.structured_content["status"] == "completed"
    assert [progress for progress, _ in reports] == sorted({progress for progress, _ in reports})
    assert reports[-1][0] == 1.0
    assert result.structured_content["job_id"] in reports[0][1]


async def test_a_small_picture_is_shown_unchanged(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_image", {"prompt": "nothing", **NULL})
    (picture,) = pictures_of(result)
    assert picture.mime_type == "image/png"
    assert links_of(result) == []


async def test_a_film_is_made_and_linked(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    arguments = {
        "prompt": "a boat at sunset",
        "model": "xai/grok-video",
        "input": {"duration": 1, "resolution": "480p"},
        "wait_s": 100,
    }
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_video", arguments)
    assert not result.is_error
    assert pictures_of(result) == []
    (link,) = links_of(result)
    assert link.mime_type == "video/mp4"
    assert [link.uri] == result.structured_content["result"]["urls"]


async def test_a_mesh_is_made_and_linked(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    arguments = {
        "prompt": "a small house",
        "model": "meshy/meshy-7",
        "input": {"target_polycount": 100},
        "wait_s": 100,
    }
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_3d", arguments)
    assert not result.is_error, text_of(result)
    (link,) = links_of(result)
    assert link.mime_type == "model/gltf-binary"
    async with AsyncRingback(workspace, emulator.url) as ringback:
        (job,) = (await ringback.jobs.list()).items
    assert (job.model, job.status) == ("meshy/meshy-7", "completed")


async def test_a_picture_is_enhanced_to_the_requested_size(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    async with host(transport, emulator.url, workspace) as client:
        made = await client.call_tool("generate_image", {"prompt": "x", **NULL})
        (url,) = made.structured_content["result"]["urls"]
        arguments = {"image_url": url, "input": {"width": 512, "height": 512}, "wait_s": 100}
        result = await client.call_tool("enhance_image", arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content["status"] == "completed"


async def test_the_default_model_requires_no_further_input(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_video", {"prompt": "x", "wait_s": 0})
        job_id = result.structured_content["job_id"]
    assert not result.is_error
    async with AsyncRingback(workspace, emulator.url) as ringback:
        await ringback.jobs.cancel(job_id)


async def test_a_call_that_stops_waiting_returns_the_jobs_id_for_get_job(
    emulator: Emulator, transport: str, workspace: str, faults: Any
) -> None:
    faults("slow=1s")
    async with host(transport, emulator.url, workspace) as client:
        begun = await client.call_tool("generate_image", {"prompt": "x", **NULL, "wait_s": 0})
        assert not begun.is_error
        job_id = begun.structured_content["job_id"]
        assert f"Call get_job with job_id {job_id}" in text_of(begun)
        assert pictures_of(begun) == []
        ended = await client.call_tool("get_job", {"job_id": job_id, "wait_s": 30})
    assert ended.structured_content["status"] == "completed"
    assert len(pictures_of(ended)) == 1


async def test_a_job_is_cancelled_and_stays_so(
    emulator: Emulator, transport: str, workspace: str, faults: Any
) -> None:
    faults("stuck=processing")
    async with host(transport, emulator.url, workspace) as client:
        begun = await client.call_tool("generate_image", {"prompt": "x", **NULL, "wait_s": 0})
        job_id = begun.structured_content["job_id"]
        for _ in range(2):
            ended = await client.call_tool("cancel_job", {"jobId": job_id})
            assert not ended.is_error
            assert text_of(ended) == f"Job {job_id} is cancelled."
            assert ended.structured_content["status"] == "cancelled"


async def test_a_job_that_fails_is_an_error_with_its_reason(
    emulator: Emulator, transport: str, workspace: str, faults: Any
) -> None:
    faults("job=fail")
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("generate_image", {"prompt": "x", **NULL})
    assert result.is_error
    assert re.fullmatch(r"Job \S+ failed: .+", text_of(result))


async def test_a_cancelled_call_leaves_its_job_running(
    emulator: Emulator, transport: str, workspace: str, faults: Any
) -> None:
    faults("slow=2s")
    begun = asyncio.Event()

    async def report(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with host(transport, emulator.url, workspace) as client:

        async def call() -> None:
            arguments = {"prompt": "x", **NULL, "wait_s": 30}
            with suppress(anyio.get_cancelled_exc_class()):
                await client.call_tool("generate_image", arguments, progress_callback=report)

        calling = asyncio.create_task(call())
        await begun.wait()
        calling.cancel()
        await calling
    async with AsyncRingback(workspace, emulator.url) as ringback:
        (job,) = (await ringback.jobs.list()).items
        assert (await ringback.jobs.wait(job.job_id, timeout=30)).status == "completed"


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("generate_image", {}, "it needs prompt"),
        ("generate_image", {"prompt": 7}, "prompt must be a text"),
        ("generate_image", {"prompt": "x", "size": 1}, "size is not a field of this model"),
        ("generate_image", {"prompt": "x", "input": {"prompt": "y"}}, "leave it out of input"),
        ("generate_image", {"prompt": "x", "input": {"width": 9}}, "width must be at least 512"),
        ("generate_image", {"prompt": "x", "model": "no/such"}, "list_models has them"),
        ("generate_video", {"prompt": "x", "model": "bfl/flux-1-dev"}, "of the kind image"),
        ("get_job", {"job_id": "0198c0de-0000-7000-8000-000000000000"}, "has no job with that id"),
        (
            "enhance_image",
            {"image_url": "https://x/y.png", "model": "topaz/bloom-enhance"},
            "needs height and width in input",
        ),
        ("generate_3d", {"image_url": "ftp://x/y.png"}, "image_urls/0"),
        ("get_job", {"job_id": "../keys"}, "job_id must be a text that matches"),
        ("get_model_schema", {"model": "?"}, "list_models has them"),
        ("upload_asset", {}, "Give exactly one of"),
        ("upload_asset", {"data": "AAA", "url": "x"}, "Give exactly one of"),
        ("upload_asset", {"data": "no base64!"}, "is not base64"),
        ("upload_asset", {"data": "bm8gcGljdHVyZQ=="}, "type is not supported"),
        ("upload_asset", {"url": "http://169.254.7.7/x.png"}, "may not be called"),
        ("no_such_tool", {}, "There is no tool 'no_such_tool'"),
    ],
)
async def test_an_error_is_explained_in_a_sentence(
    emulator: Emulator, transport: str, workspace: str, tool: str, arguments: Any, sentence: str
) -> None:
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    text = text_of(result)
    assert sentence in text
    assert "\n" not in text
    assert len(text) < 400


async def test_an_uploaded_picture_is_the_input_of_the_next(
    emulator: Emulator, transport: str, workspace: str, tmp_path: Path
) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (64, 64), "teal").save(path)
    data = base64.b64encode(path.read_bytes()).decode()
    arguments = {"path": str(path)} if transport == "stdio" else {"data": data}
    async with host(transport, emulator.url, workspace) as client:
        asset = await client.call_tool("upload_asset", {**arguments, "description": "a dot"})
        assert not asset.is_error
        url = asset.structured_content["image_url"]
        made = await client.call_tool(
            "generate_image", {"prompt": "x", "input": {"image_url": url}}
        )
    assert not made.is_error
    assert made.structured_content["status"] == "completed"


async def test_models_are_listed_by_kind_and_described(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    async with host(transport, emulator.url, workspace) as client:
        models = (await client.call_tool("list_models", {"kind": "image"})).structured_content
        described = await client.call_tool("get_model_schema", {"model": "bfl/flux-1-dev"})
    assert {model["kind"] for model in models["models"]} == {"image"}
    assert "bfl/flux-1-dev" in {model["id"] for model in models["models"]}
    assert described.structured_content["input"]["properties"]["prompt"]["type"] == "string"


async def test_another_workspaces_job_is_not_found(
    emulator: Emulator, transport: str, workspace: str
) -> None:
    async with AsyncRingback("the-rival", emulator.url) as rival:
        job = await rival.image("ringback/null", prompt="theirs")
    async with host(transport, emulator.url, workspace) as client:
        result = await client.call_tool("get_job", {"job_id": job.job_id})
    assert result.is_error
    assert "has no job with that id" in text_of(result)
