"""A server whose public URL has a path: every address that it gives leads back through it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from ringback.api.openapi.document import describe
from ringback.errors import SetupError
from ringback.http.public_path import FIRST_PARTS
from ringback.server.settings_checks import check_addresses
from ringback.settings import Settings
from tests.dashboard.browser import SAME_ORIGIN, Browser, PageWorld, a_page_world
from tests.dashboard.test_login import TOKEN, make_token
from tests.world import BASE_URL, CATALOGUE, FLUX, WEBHOOK_URL

ROOT = "/rb"
_ADDRESS = re.compile(r'\s(href|src|action|formaction|poster|data-live|data-playground)="([^"]*)"')


def sent(public: str, *, cuts: bool) -> str:
    """Return the path that a proxy sends for a public one: it cuts the root off, or does not."""
    assert public.startswith(f"{ROOT}/"), public
    return public.removeprefix(ROOT) if cuts else public


async def crawled(browser: Browser, *, cuts: bool) -> set[str]:
    """Return all public paths that are reached from the page's home; fails for a broken one."""
    waiting, seen = [f"{ROOT}/ui/"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await browser.http.get(sent(path, cuts=cuts))
        if answer.has_redirect_location:
            waiting.append(answer.headers["location"])
            continue
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        for attribute, value in _ADDRESS.findall(answer.text):
            address = html.unescape(value)
            if address.startswith("/"):
                assert address.startswith(f"{ROOT}/"), f"{attribute}={address} on {path}"
            if attribute in ("href", "src") and address.startswith("/"):
                waiting.append(address.partition("#")[0])
    return seen


@pytest.mark.parametrize("cuts", [True, False], ids=["the proxy cuts it off", "it leaves it there"])
async def test_every_page_links_within_the_path(tmp_path: Path, cuts: bool) -> None:
    async with a_page_world(tmp_path, public_url=f"{BASE_URL}{ROOT}/") as world:
        browser = world.browser()
        body = {"prompt": "a fox"}
        root = "" if cuts else ROOT
        async with world.client("dev") as client:
            answer = await client.post(
                f"{root}{FLUX}", json=body, headers={"x-webhook-url": WEBHOOK_URL}
            )
            assert answer.headers["location"] == f"{ROOT}/jobs/{answer.json()['job_id']}"
            made = await client.post(f"{root}/webhooks/endpoints", json={"url": WEBHOOK_URL})
            assert made.headers["location"].startswith(f"{ROOT}/webhooks/endpoints/")
            described = (await client.get(f"{root}/openapi.json")).json()
            assert described["servers"][0]["url"] == f"{BASE_URL}{ROOT}"
        await world.complete()
        seen = await crawled(browser, cuts=cuts)
        await browser.http.aclose()
    for page in ("jobs", "playground", "deliveries", "endpoints", "models", "settings"):
        assert f"{ROOT}/ui/{page}" in seen
    assert any(path.startswith(f"{ROOT}/ui/static/") for path in seen)
    assert any(path.startswith(f"{ROOT}/ui/jobs/") for path in seen)


@pytest.mark.parametrize(
    ("public_url", "name", "attributes"),
    [
        (f"https://gen.example{ROOT}", "__Secure-ringback", f"Path={ROOT}; HttpOnly"),
        ("https://gen.example", "__Host-ringback", "Path=/; HttpOnly"),
    ],
)
async def test_logging_in_leads_through_the_path_and_its_cookie_is_for_it_alone(
    tmp_path: Path, public_url: str, name: str, attributes: str
) -> None:
    root = ROOT if public_url.endswith(ROOT) else ""
    async with a_page_world(tmp_path, profile="serve", public_url=public_url) as world:
        await make_token(world)
        browser = world.browser("https://gen.example")
        led = await browser.http.get("/ui/jobs?x=1")
        assert led.headers["location"] == f"{root}/ui/login?next=%2Fui%2Fjobs%3Fx%3D1"
        answer = await browser.http.post(
            "/ui/login",
            data={"token": TOKEN, "next": "/ui/jobs?x=1"},
            headers={**SAME_ORIGIN, "origin": "https://gen.example"},
        )
        assert answer.headers["location"] == f"{root}/ui/jobs?x=1"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{name}=")
        assert attributes in cookie
        page = await browser.http.get(f"{root}/ui/jobs")
        assert page.status_code == 200
        await browser.http.aclose()


async def test_without_a_path_no_address_has_one(world: PageWorld, browser: Browser) -> None:
    assert world.app is not None
    page = await browser.see("/ui/jobs")
    assert 'href="/ui/jobs"' in page
    assert 'data-root=""' in page


@pytest.mark.parametrize("path", ["/ui", "/jobs/x", "/.well-known", "/a/../b", "/a//b"])
def test_a_path_that_cannot_be_told_from_our_own_is_refused(path: str) -> None:
    with pytest.raises(SetupError, match="public_url is wrong"):
        check_addresses(Settings(public_url=f"https://gen.example{path}"))


def test_the_first_parts_are_those_of_every_route() -> None:
    paths = describe(CATALOGUE, None)["paths"]
    assert {path.split("/")[1] for path in paths if path != "/"} <= FIRST_PARTS
