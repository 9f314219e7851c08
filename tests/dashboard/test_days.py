"""The page outlives the days of the public API: jobs of models that have gone are still shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.dashboard.browser import a_page_world


async def test_a_job_of_a_model_that_has_gone_is_still_shown(tmp_path: Path) -> None:
    async with a_page_world(tmp_path, krea_as_of=date(2026, 5, 27)) as world:
        job = await world.submit(token="dev", path="/generate/image/google/imagen-4")
    async with a_page_world(tmp_path) as world:
        browser = world.browser()
        assert "google/imagen-4" in await browser.see(f"/ui/jobs/{job['job_id']}")
        await browser.see("/ui/jobs?model=image/google/imagen-4", status=400)
        await browser.see("/ui/playground/image/google/imagen-4", status=410)
        await browser.http.aclose()
