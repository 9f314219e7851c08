"""The README's screenshots, made of a real emulator in a real browser: ``make screenshots``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ringback import Ringback
from ringback.testing.emulator import Emulator

IMAGES = Path(__file__).parent.parent / "docs" / "images"
ARGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PROMPTS = (
    "a desert road under the milky way",
    "a quiet harbour in the morning fog",
    "a city skyline at night in the rain",
    "a forest lake in autumn",
    "a red fox in snow under northern lights",
    "a lighthouse on a rocky coast at dusk",
    "a serene mountain landscape at sunset",
    "rolling hills with a lone tree in spring",
)
QUALITY = 88


def main() -> int:
    """Make every screenshot; return 1 where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no Chromium here: apt-get install chromium", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(Path(folder), active_max=1) as emulator,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGS))
        _live(browser, emulator)
        browser.close()
    return 0


def _live(browser: Browser, emulator: Emulator) -> None:
    page = _page(browser, emulator, "light", 1280, 800)
    page.goto("/ui/inbox")
    inbox = page.locator("p.lead code").inner_text()
    with Ringback(base_url=emulator.url) as client:
        for seed, prompt in enumerate(PROMPTS):
            inputs = {"prompt": prompt, "width": 768, "height": 576, "seed": seed}
            job = client.image("bfl/flux-1-dev", inputs, webhook_url=inbox).wait()
        page.goto(f"/ui/jobs/{job.job_id}")
        expect(page.locator("#h-webhooks + ul")).to_contain_text("Delivered")
        page.set_viewport_size(
            {"width": 1280, "height": 1085}
        )  # the whole picture and the timeline
        _shot(page, "job-page", full=False)
        page.set_viewport_size({"width": 1280, "height": 800})
        page.get_by_role("link", name="Job completed").click()
        _shot(page, "delivery-page", full=False)
        dark = _page(browser, emulator, "dark", 1280, 800)
        dark.goto("/ui/jobs")
        # A clip is still being made when the shot is taken.
        client.video(
            "google/veo-3",
            prompt="an island in a calm sea at dawn",
            duration=8,
            resolution="1080p",
            aspect_ratio="16:9",
        )
        developing = dark.locator(".job-card", has_text="an island")
        developing.locator("img").wait_for(timeout=20_000)
        expect(developing.locator("progress")).to_be_visible()
        _shot(dark, "jobs-page", full=False)


def _page(browser: Browser, emulator: Emulator, scheme: str, width: int, height: int) -> Page:
    context = browser.new_context(
        base_url=emulator.url,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        locale="en-US",
    )
    return context.new_page()


def _shot(page: Page, name: str, *, full: bool) -> None:
    """Keep what is seen as a small WebP: a palette would band the skies."""
    page.wait_for_load_state("load")
    page.evaluate("() => Promise.all([...document.images].map(one => one.decode().catch(() => 0)))")
    path = IMAGES / f"{name}.webp"
    with Image.open(BytesIO(page.screenshot(full_page=full))) as picture:
        small = picture.convert("RGB").resize((960, round(960 * picture.height / picture.width)))
        small.save(path, quality=QUALITY, method=6)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
