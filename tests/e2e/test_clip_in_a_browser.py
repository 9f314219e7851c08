"""A clip from a whole server, played by a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ringback import Ringback
from ringback.testing.emulator import Emulator
from tests.dashboard.chromium import a_page, chromium

pytestmark = pytest.mark.timeout(180)

INPUT = {
    "prompt": "the sea in a storm, the camera pans right",
    "aspect_ratio": "1:1",
    "resolution": "480p",
    "duration": 5,
    "generate_audio": True,
}

# Plays until the clip has gone on for a while, and returns what was seen then and at the start.
PLAY = """
async () => {
  const video = document.querySelector("video");
  video.muted = true;
  const shown = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [48, 48];
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 48, 48);
    return [...context.getImageData(0, 0, 48, 48).data];
  };
  const at = (seconds) => new Promise((resolve, reject) => {
    video.onseeked = resolve;
    video.onerror = () => reject(new Error(video.error.message));
    video.currentTime = seconds;
  });
  await at(0.2);
  const first = shown();
  await video.play();
  await new Promise((resolve) => {
    video.ontimeupdate = () => { if (video.currentTime > 0.6) resolve(); };
  });
  video.pause();
  const played = video.currentTime;
  await at(4.5);
  const last = shown();
  const apart = first.reduce((sum, value, at) => sum + Math.abs(value - last[at]), 0);
  return {
    width: video.videoWidth, height: video.videoHeight, duration: video.duration,
    played, apart: apart / first.length, ended: video.error === null,
  };
}
"""
EMBED = """
(url) => {
  const video = document.createElement("video");
  video.src = url;
  document.body.append(video);
}
"""
RANGE = """
async (url) => {
  const answer = await fetch(url, {headers: {range: "bytes=4-7"}});
  return [answer.status, answer.headers.get("content-type"), await answer.text()];
}
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[Page, Emulator]]:
    with (
        chromium() as browser,
        Emulator(tmp_path) as emulator,
        a_page(browser, emulator.url) as made,
    ):
        yield made, emulator


def test_a_clip_plays_in_a_browser(page: tuple[Page, Emulator]) -> None:
    shown, emulator = page
    with Ringback(api_key="dev", base_url=emulator.url) as client:
        job = client.video("alibaba/wan-2.5", INPUT).wait(timeout=150)
    (url,) = job.urls
    # In a page of the server's own, as the gallery has it.
    shown.goto("/ui/login")
    shown.evaluate(EMBED, url)
    seen: dict[str, Any] = shown.evaluate(PLAY)
    assert (seen["width"], seen["height"]) == (480, 480)
    assert seen["duration"] == pytest.approx(5.0, abs=0.1)
    assert seen["played"] > 0.5
    assert seen["apart"] > 2
    assert shown.evaluate(RANGE, url) == [206, "video/mp4", "ftyp"]
    # And by itself, for who follows the link.
    shown.goto(url)
    shown.wait_for_function("document.querySelector('video').readyState >= 2")
    assert shown.evaluate("document.querySelector('video').videoWidth") == 480
