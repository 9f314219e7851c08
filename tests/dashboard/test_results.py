"""Results of a job, as pages show them."""

from __future__ import annotations

from typing import Any

import pytest

from ringback.dashboard.presenters.job_cards import card_of
from ringback.dashboard.presenters.results import facts_of, results_of
from ringback.files.artifacts.names import new_name
from ringback.jobs.model import Job, JobResult, JobStatus
from tests.builders import a_job
from tests.dashboard.browser import Browser, PageWorld
from tests.world import BASE_URL


def ours(media_type: str) -> str:
    return f"{BASE_URL}/artifacts/{new_name(media_type)}"


def completed(**result: Any) -> Job:
    return a_job(
        base_url=BASE_URL, status=JobStatus.COMPLETED, result=JobResult(**result), progress=1.0
    )


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "picture"),
        ("image/webp", "picture"),
        ("image/heic", "file"),
        ("video/mp4", "film"),
        ("video/webm", "film"),
        ("audio/mpeg", "sound"),
        ("model/gltf-binary", "file"),
    ],
)
def test_a_result_is_shown_by_its_media_type(media_type: str, kind: str) -> None:
    (found,) = results_of(completed(urls=(ours(media_type),)))
    assert found.kind == kind


def test_a_url_of_another_server_is_not_shown_as_a_picture() -> None:
    (found,) = results_of(completed(urls=("https://elsewhere.example/a.mp4",)))
    assert (found.path, found.kind) == (None, "file")


def test_named_outputs_are_files_with_names_and_facts() -> None:
    cover, film = ours("image/png"), ours("video/mp4")
    outputs = {"cover": cover, "clips": [film], "title": "a day", "sizes": [1, 2], "none": None}
    job = completed(urls=(cover,), outputs=outputs)
    assert [(one.name, one.kind) for one in results_of(job)] == [
        ("cover", "picture"),
        ("clips", "film"),
    ]
    assert facts_of(job) == {"title": "a day", "sizes": [1, 2], "none": None}


def test_a_running_job_shows_its_latest_preview_alone() -> None:
    first, last = ours("image/png"), ours("image/png")
    job = a_job(
        base_url=BASE_URL, status=JobStatus.PROCESSING, result=JobResult(urls=(first, last))
    )
    assert [one.url for one in results_of(job)] == [last]


def test_a_card_shows_the_first_visible_result() -> None:
    film = ours("video/mp4")
    card = card_of(completed(urls=(ours("audio/wav"), film)))
    assert card.shown is not None
    assert card.shown.url == film
    assert card_of(completed(style_id="sty_1")).shown is None


async def test_a_film_that_not_every_browser_plays_has_a_still_and_a_link(
    world: PageWorld, browser: Browser
) -> None:
    async with world.client("dev") as client:
        await client.post("/generate/image/ringback/null", json={"prompt": "x"})
    film, still = ours("video/quicktime"), ours("image/jpeg")
    result = JobResult(urls=(film,), still=still)
    job = await world.service.finish(await world.claim(), result=result)
    path, poster = (one.removeprefix(BASE_URL) for one in (film, still))
    assert f'poster="{poster}"' in await browser.see("/ui/jobs")
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    assert f'poster="{poster}"' in page
    assert f'href="{path}" download' in page
    assert "Not every browser plays this file." in page
    assert f'<img src="{poster}"' not in page


async def test_a_film_plays_in_the_jobs_page_and_in_its_card(
    world: PageWorld, browser: Browser
) -> None:
    async with world.client("dev") as client:
        await client.post("/generate/image/ringback/null", json={"prompt": "x"})
    film, cover = ours("video/mp4"), ours("image/png")
    result = JobResult(
        urls=(film,), style_id="sty_<1>", outputs={"cover": cover, "<b>": "<script>alert(1)"}
    )
    job = await world.service.finish(await world.claim(), result=result)
    gallery = await browser.see("/ui/jobs")
    assert f'<video src="{film.removeprefix(BASE_URL)}" muted playsinline preload="metadata"' in (
        gallery
    )
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    poster = cover.removeprefix(BASE_URL)
    assert f'controls muted playsinline preload="metadata" poster="{poster}"' in page
    assert "sty_&lt;1&gt;" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
