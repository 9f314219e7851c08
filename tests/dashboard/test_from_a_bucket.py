"""Pictures that a browser fetches from the bucket, without the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ringback import Ringback
from ringback.dashboard.access.security_headers import policy
from ringback.testing.emulator import Emulator
from tests.dashboard.chromium import a_page, chromium
from tests.files.artifacts.artifact_stores import KEYS, REGION, S3Server, s3_server

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        server.bucket("pictures")
        yield server


def test_pictures_behind_presigned_links_are_shown(
    browser: Browser, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    bucket = {
        "artifacts_url": "s3://pictures",
        "artifacts_endpoint": s3.endpoint,
        "artifacts_region": REGION,
        "artifacts_path_style": True,
        "artifacts_links": "presigned",
    }
    with Emulator(tmp_path, **bucket) as emulator:
        with Ringback("dev", emulator.url) as client:
            job = client.image("ringback/null", prompt="from a bucket").wait()
        with a_page(browser, emulator.url) as page:
            requested: list[str] = []
            page.on("request", lambda request: requested.append(request.url))
            for path in (f"/ui/jobs/{job.job_id}", "/ui/jobs"):
                answer = page.goto(path)
                assert answer is not None
                assert (
                    f"img-src 'self' data: blob: {s3.endpoint};"
                    in answer.headers["content-security-policy"]
                )
                picture = page.locator("main figure img, main .job-card img").first
                expect(picture).to_be_visible()
                shown = "one => one.decode().then(() => one.naturalWidth)"
                assert picture.evaluate(shown) > 0
            assert any(url.startswith(f"{s3.endpoint}/pictures/") for url in requested)


@pytest.mark.parametrize(
    "origin",
    [None, "", "https://x.example; script-src *", "javascript:x", "https://a b", "*", "https://*"],
)
def test_a_malformed_origin_is_not_added_to_the_policy(origin: str | None) -> None:
    assert policy(origin) == policy()


def test_an_origin_is_allowed_for_pictures_and_films_only() -> None:
    opened = policy("https://pictures.example:9000").split("; ")
    there = [one.partition(" ")[0] for one in opened if "pictures.example" in one]
    assert there == ["img-src", "media-src"]
