"""Sounds on the page: their shape, their length and their texts."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.dashboard.presenters.job_cards import card_of
from ringback.dashboard.presenters.sound_metadata import outline_of, read_sound
from ringback.files.artifacts.contract import StoredArtifact
from ringback.files.artifacts.names import artifact_url
from ringback.files.media.id3 import SHAPE
from ringback.jobs.model import JobResult, JobStatus
from tests.builders import a_job
from tests.dashboard.browser import Browser, PageWorld
from tests.files.media.test_id3 import frame, tag
from tests.world import BASE_URL

HEAD = tag(
    frame(b"TLEN", b"\x0361500"),
    frame(b"TXXX", b"\x03seed\x0077"),
    frame(b"TXXX", b"\x03about\x00<script>alert(1)</script>"),
    frame(b"TXXX", b"\x03" + SHAPE.encode() + b"\x00" + b"00ff80" * 80),
)
ARTIFACT = StoredArtifact(name="a.mp3", media_type="audio/mpeg", size_bytes=900, saved_at_s=1)


def test_a_head_has_the_length_the_shape_and_the_texts() -> None:
    found = read_sound(HEAD, ARTIFACT)
    assert (found.format, found.length_s, found.bytes_count) == ("MP3", 61.5, 900)
    assert found.outline is not None
    assert [name for name, _ in found.texts] == ["seed", "about"]


@pytest.mark.parametrize("length", ["", "-1", "0", "x", "²", "9" * 400, "999999999"])
def test_a_length_that_is_none_is_left_out(length: str) -> None:
    head = tag(frame(b"TLEN", b"\x03" + length.encode()))
    assert read_sound(head, ARTIFACT).length_s is None


def test_an_outline_mirrors_the_levels() -> None:
    assert outline_of("00ff") == "M0 23.6 1 0.0 1 48.0 0 24.4z"


@pytest.mark.parametrize("shape", ["", "00", "zz", "0", '"/><script>', "00" * 9_999])
def test_a_text_that_is_no_shape_has_no_outline(shape: str) -> None:
    assert outline_of(shape) is None


@given(st.binary(max_size=300))
def test_no_head_breaks_the_reader(head: bytes) -> None:
    assert read_sound(tag(head), ARTIFACT).format == "MP3"


async def test_a_job_page_shows_a_player_and_the_shape_without_scripts(
    world: PageWorld, browser: Browser
) -> None:
    async with world.client("dev") as client:
        await client.post("/generate/image/ringback/null", json={"prompt": "x"})
    name = await world.artifacts.save(HEAD + b"\0" * 200, media_type="audio/mpeg")
    url = artifact_url(name, base_url=BASE_URL)
    result = JobResult(urls=(url,), notes=("The voice is <a> robot.",))
    job = await world.service.finish(await world.claim(), result=result)
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    path = url.removeprefix(BASE_URL)
    assert f'<audio src="{path}" controls preload="metadata"' in page
    assert "The voice is &lt;a&gt; robot." in page
    assert "1:02 · MP3 · " in page
    assert "<code>77</code>" in page
    assert "<script>alert" not in page
    begin = page.index('<svg class="sound-shape"')
    shape = ET.fromstring(page[begin : page.index("</svg>", begin) + 6])
    assert shape.get("aria-label") == "Loudness along the sound"
    assert shape[0].get("d", "").startswith("M0 ")
    gallery = await browser.see("/ui/jobs")
    assert f'<audio src="{path}" preload="metadata">' in gallery


@pytest.mark.parametrize(
    ("inputs", "length_s"),
    [
        ({"music_length_ms": 3_500}, 3.5),
        ({"music_length_ms": "x"}, None),
        ({"music_length_ms": -1}, None),
        ({"duration": 4}, 4),
        ({}, None),
    ],
)
def test_a_card_knows_the_requested_length(
    inputs: dict[str, object], length_s: float | None
) -> None:
    job = a_job(
        base_url=BASE_URL,
        status=JobStatus.COMPLETED,
        input=inputs,
        result=JobResult(urls=(artifact_url("a" * 32 + ".mp3", base_url=BASE_URL),)),
    )
    assert card_of(job).length_s == length_s
