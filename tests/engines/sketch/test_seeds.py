"""Drawings of a whole server: a job without a seed has its own, and one with it is repeatable."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from ringback.testing.emulator import Emulator
from tests.patience import SOON_S

PATH = "/generate/image/bfl/flux-1-dev"
BODY = {"prompt": "a fox", "width": 512, "height": 512}
DEFAULT_SEED = 1513805061  # the catalogue's


def test_jobs_without_a_seed_differ_and_their_pages_name_the_seed_that_repeats_them(
    tmp_path: Path,
) -> None:
    with Emulator(tmp_path / "data") as emulator:
        headers = {"authorization": f"Bearer {emulator.api_key}", "prefer": "wait=60"}
        with httpx2.Client(base_url=emulator.url, headers=headers, timeout=60 + SOON_S) as client:

            def made(body: dict[str, Any], **more: str) -> tuple[dict[str, Any], bytes]:
                job = client.post(PATH, json=body, headers=more).json()
                assert job["status"] == "completed", job
                return job, client.get(job["result"]["urls"][0]).content

            one, drawn = made(BODY, **{"idempotency-key": "k"})
            _, other = made(BODY)
            assert drawn != other
            page = client.get(f"/ui/jobs/{one['job_id']}").text
            seed = int(Image.open(BytesIO(drawn)).text["seed"])  # type: ignore[attr-defined]
            assert str(seed) in page
            _, again = made({**BODY, "seed": seed})
            assert again == drawn
            # An idempotency key goes by the request, not by the seed that was drawn for it.
            for body in (BODY, {**BODY, "seed": DEFAULT_SEED, "steps": 25}):
                repeated = client.post(PATH, json=body, headers={"idempotency-key": "k"})
                assert repeated.json()["job_id"] == one["job_id"]
                assert repeated.headers["idempotency-replayed"] == "true"
