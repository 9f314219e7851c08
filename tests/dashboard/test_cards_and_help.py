"""Job cards, first steps, help, and the pages around a session."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from ringback.dashboard.presenters.form_fields import title_of
from ringback.dashboard.presenters.image_metadata import seed_of
from ringback.dashboard.presenters.job_cards import card_of
from ringback.dashboard.presenters.receivers import receivers
from ringback.dashboard.presenters.results import host_of
from ringback.dashboard.rendering import played
from ringback.jobs.model import JobResult, JobStatus
from tests.builders import a_job, a_request
from tests.dashboard.browser import Browser, PageWorld
from tests.dashboard.test_login import TOKEN, log_in, make_token
from tests.world import BASE_URL, FLUX, WEBHOOK_URL

README = Path(__file__).parent.parent.parent / "README.md"
STEM = "a" * 32


def urls(*suffixes: str) -> JobResult:
    return JobResult(urls=tuple(f"{BASE_URL}/artifacts/{STEM}.{one}" for one in suffixes))


@pytest.mark.parametrize(
    ("status", "result", "tile"),
    [
        (JobStatus.COMPLETED, urls("png"), "picture"),
        (JobStatus.COMPLETED, urls("svg"), "picture"),
        (JobStatus.COMPLETED, urls("mp4", "png"), "film"),
        (JobStatus.COMPLETED, urls("flac"), "sound"),
        (JobStatus.COMPLETED, urls("bin"), "file"),
        (JobStatus.COMPLETED, urls("glb", "tiff"), "file"),
        (JobStatus.COMPLETED, urls("glb", "png"), "picture"),
        (JobStatus.COMPLETED, JobResult(urls=("https://elsewhere.example/x.png",)), "file"),
        (JobStatus.COMPLETED, JobResult(style_id="s"), "style"),
        (JobStatus.COMPLETED, JobResult(outputs={"n": 1}), "text"),
        (JobStatus.COMPLETED, JobResult(), "empty"),
        (JobStatus.COMPLETED, None, "empty"),
        (JobStatus.FAILED, JobResult(error="No."), "failed"),
        (JobStatus.FAILED, None, "failed"),
        (JobStatus.CANCELLED, urls("png"), "cancelled"),
        (JobStatus.QUEUED, None, "pending"),
        (JobStatus.SAMPLING, urls("png"), "picture"),
    ],
)
def test_a_card_tells_what_became_of_its_job(
    status: JobStatus, result: JobResult | None, tile: str
) -> None:
    assert card_of(a_job(status=status, result=result, base_url=BASE_URL)).tile == tile


@pytest.mark.parametrize(
    ("length", "shown"), [(5, 5.0), (2.5, 2.5), ("5", None), (True, None), (-1, None), (None, None)]
)
def test_a_clips_card_has_the_length_that_was_asked_for(
    length: object, shown: float | None
) -> None:
    inputs = {"prompt": "x", "duration": length}
    made = a_job(status=JobStatus.COMPLETED, input=inputs, base_url=BASE_URL, result=urls("mp4"))
    assert card_of(made).length_s == shown


def test_lengths_are_spelled_as_players_do() -> None:
    assert [played(one) for one in (0.4, 5, 59.6, 61, 3600)] == [
        *("0:00", "0:05", "1:00", "1:01", "60:00")
    ]


async def test_the_gallery_tells_ends_without_pictures_apart(
    world: PageWorld, browser: Browser
) -> None:
    ends = {
        "failed": JobResult(error="The <engine> is away."),
        "empty": JobResult(urls=()),
        "file": urls("bin"),
    }
    for end, result in ends.items():
        async with world.client("dev") as client:
            await client.post("/generate/image/ringback/null", json={"prompt": end})
        job = await world.claim()
        if result.error is None:
            await world.service.finish(job, result=result)
        else:
            await world.service.fail(job, error=result.error)
    page = await browser.see("/ui/jobs")
    assert re.findall(r'data-tile="(\w+)"', page) == ["file", "empty", "failed"]
    assert "The &lt;engine&gt; is away." in page
    assert "<strong>BIN</strong>" in page


async def test_a_job_page_offers_downloads_copies_and_says_to_whom(
    world: PageWorld, browser: Browser
) -> None:
    async with world.client("dev") as client:
        answer = await client.post(FLUX, json={"prompt": "a fox"})
    assert answer.status_code == 200
    name = await world.artifacts.save(b"?" * 1234, media_type="application/octet-stream")
    result = JobResult(urls=(f"{BASE_URL}/artifacts/{name}",))
    job = await world.service.finish(await world.claim(), result=result)
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    assert re.search(rf'href="/artifacts/{name}" download>.*1\.2 kB', page)
    assert f'id="url-1">{BASE_URL}/artifacts/{name}</code>' in page
    assert f'id="job-id">{job.job_id}</code>' in page


@pytest.mark.parametrize(
    ("value", "spelled"), [(True, "true"), (None, "null"), (1.5, "1.5"), ([False], "[\n  false\n]")]
)
async def test_an_input_is_spelled_as_json(
    world: PageWorld, browser: Browser, value: Any, spelled: str
) -> None:
    request = a_request(workspace_id="dev", input={"prompt": "x", "odd": value})
    accepted = await world.service.submit(request)
    page = html.unescape(await browser.see(f"/ui/jobs/{accepted.job.job_id}"))
    assert f"<dt>odd</dt><dd><code>{spelled}</code></dd>" in page


@pytest.mark.parametrize(
    ("inputs", "files", "seed"),
    [
        ({"seed": 7}, [("seed", "9")], "7"),
        ({"seed": 3317551338.0}, [], "3317551338"),
        ({}, [("seed", "9")], "9"),
        ({"seed": None}, [("prompt", "x")], None),
        ({"seed": True}, [], None),
    ],
)
def test_the_seed_is_that_of_the_input_or_of_the_file(
    inputs: dict[str, Any], files: list[tuple[str, str]], seed: str | None
) -> None:
    assert seed_of(inputs, files) == seed


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (WEBHOOK_URL, "shop.example"),
        ("http://127.0.0.1:8000/webhook", "127.0.0.1:8000"),
        ("https://user:pass@shop.example/x", "shop.example"),
        ("http://[::1", "http://[::1"),
        ("listener:laptop", "listener:laptop"),
    ],
)
def test_an_attempt_names_its_host(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("prompt", "Prompt"),
        ("image_url", "Image URL"),
        ("image_urls", "Image URLs"),
        ("aspectRatio", "Aspect Ratio"),
        ("cfg_scale", "CFG scale"),
        ("imageURL", "Image URL"),
        ("loras", "LoRAs"),
        ("_", "_"),
        ("x2", "X2"),
    ],
)
def test_a_parameters_name_reads_as_words(name: str, title: str) -> None:
    assert title_of(name) == title


def test_the_receivers_of_the_page_are_those_of_the_readme() -> None:
    readme = README.read_text("utf-8")
    for one in receivers():
        assert f"\n{one.code}\n```" in readme, one.name


async def test_first_steps_end_in_code_with_the_emulators_secret(
    world: PageWorld, browser: Browser, server: PageWorld
) -> None:
    page = html.unescape(await browser.see("/ui/start"))
    assert re.search(r"export RINGBACK_WEBHOOK_SECRET='?whsec_[A-Za-z0-9+/]{8}", page)
    assert "ringback listen --url http" in page
    await make_token(server)
    other = server.browser()
    _, _, cookie = await log_in(other, TOKEN)
    answer = await other.http.get("/ui/start", headers={"cookie": cookie.partition(";")[0]})
    assert "RINGBACK_WEBHOOK_SECRET=whsec_…" in answer.text
    assert TOKEN not in answer.text
    await other.http.aclose()


async def test_every_help_link_has_its_section(browser: Browser) -> None:
    page = await browser.see("/ui/help")
    sections = set(re.findall(r' id="([a-z]+)"', page))
    linked = set()
    for path in ("start", "keys", "endpoints"):
        linked |= set(re.findall(r'href="/ui/help#([a-z]+)"', await browser.see(f"/ui/{path}")))
    assert linked == {"receive", "listen"}
    assert linked <= sections


async def test_an_error_keeps_the_navigation_of_a_session_alone(
    browser: Browser, server: PageWorld
) -> None:
    await browser.see("/ui/jobs")
    for path in ("/ui/nowhere", "/ui/assets?cursor=x", "/ui/node-apps/none"):
        page = await browser.http.get(path)
        assert "<nav" in page.text, path
    stranger = server.browser()
    assert "<nav" not in await stranger.see("/ui/nowhere", status=404)
    login = await stranger.see("/ui/login")
    assert "calls your program&#39;s webhook" in login
    await stranger.http.aclose()
