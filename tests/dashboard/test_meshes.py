"""Meshes on the page: they turn in a real browser, and have a still without scripts."""

from __future__ import annotations

import io
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from ringback import Ringback
from ringback.client.sync.job import Job
from ringback.testing.emulator import Emulator
from tests.dashboard.chromium import a_page, axe, chromium

pytestmark = pytest.mark.timeout(60)

BODY = {"prompt": "a red fox", "target_polycount": 600, "input_mode": "text"}
WITH_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*WITH_WEBGL) as made:
        yield made


@pytest.fixture(scope="module")
def emulator(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("meshes")) as made:
        yield made


@pytest.fixture(scope="module")
def job(emulator: Emulator) -> Job:
    with Ringback(api_key="meshes", base_url=emulator.url) as client:
        return client.mesh("meshy/meshy-7", BODY).wait()


def enter(page: Page, path: str) -> None:
    page.goto("/ui/login")
    page.get_by_label("Token").fill("meshes")
    page.get_by_role("button", name="Open").click()
    page.goto(path)


def is_red(content: bytes) -> bool:
    """Say whether a good part of a picture is red."""
    pixels = Image.open(io.BytesIO(content)).convert("RGB").resize((64, 64)).get_flattened_data()
    count = sum(1 for one in pixels if isinstance(one, tuple) and one[0] > one[2] + 50)
    return count > 64 * 64 * 0.02


def test_the_mesh_turns_and_keys_turn_it(browser: Browser, emulator: Emulator, job: Job) -> None:
    with a_page(browser, emulator.url) as page:
        enter(page, f"/ui/jobs/{job.job_id}")
        canvas = page.get_by_role("img", name="Mesh that turns: a red fox")
        expect(canvas).to_be_visible()
        expect(canvas).to_have_attribute("data-turn", re.compile(r"\d"))
        before = canvas.get_attribute("data-turn")
        expect(canvas).not_to_have_attribute("data-turn", str(before))
        # The first screenshots may come before the browser has put the picture together.
        assert any(is_red(canvas.screenshot()) for _ in range(20))
        canvas.focus()
        page.keyboard.press("ArrowRight")
        stopped = canvas.get_attribute("data-turn")
        page.keyboard.press("ArrowRight")
        expect(canvas).not_to_have_attribute("data-turn", str(stopped))


def test_the_mesh_comes_when_its_job_ends_and_goes_on_turning_when_the_page_changes(
    browser: Browser, emulator: Emulator
) -> None:
    with (
        Ringback(api_key="meshes", base_url=emulator.url) as client,
        a_page(browser, emulator.url) as page,
    ):
        nobody = "http://127.0.0.1:1/"
        job = client.mesh("meshy/meshy-7", {**BODY, "prompt": "an owl"}, webhook_url=nobody)
        enter(page, f"/ui/jobs/{job.job_id}")
        canvas = page.locator(".mesh canvas")
        expect(canvas).to_be_visible()
        canvas.evaluate("(one) => { one.dataset.mark = 'same'; }")
        page.locator("#job-body h1").evaluate("(one) => { one.dataset.mark = 'before'; }")
        (delivery,) = client.deliveries.list(job_id=job.job_id).items
        client.deliveries.cancel(delivery.delivery_id)
        expect(page.locator("#job-body h1[data-mark]")).to_have_count(0)
        expect(canvas).to_have_attribute("data-mark", "same")


def test_the_mesh_keeps_still_for_those_who_want_less_motion(
    browser: Browser, emulator: Emulator, job: Job
) -> None:
    with a_page(browser, emulator.url, reduced_motion="reduce") as page:
        enter(page, f"/ui/jobs/{job.job_id}")
        expect(page.locator(".mesh canvas")).to_have_attribute("data-turn", "-0.560")


def test_without_scripts_there_are_a_still_and_a_link(
    browser: Browser, emulator: Emulator, job: Job
) -> None:
    with a_page(browser, emulator.url, java_script_enabled=False) as page:
        enter(page, f"/ui/jobs/{job.job_id}")
        still = page.get_by_role("img", name="Still of the mesh: a red fox")
        expect(still).to_be_visible()
        assert is_red(still.screenshot())
        link = page.get_by_role("link", name="Download").first
        assert str(link.get_attribute("href")).endswith(".glb")


def test_a_card_shows_the_still(browser: Browser, emulator: Emulator, job: Job) -> None:
    with a_page(browser, emulator.url) as page:
        enter(page, "/ui/jobs")
        card = page.locator(".job-card", has_text="a red fox")
        expect(card.locator(".length", has_text="Mesh")).to_be_visible()
        still = card.locator("img")
        still.scroll_into_view_if_needed()
        expect(still).to_have_js_property("complete", value=True)  # cards load lazily
        assert is_red(still.screenshot())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page_of_a_mesh(
    browser: Browser, emulator: Emulator, job: Job, scheme: str
) -> None:
    script = axe()
    with a_page(browser, emulator.url, color_scheme=scheme, bypass_csp=True) as page:
        enter(page, f"/ui/jobs/{job.job_id}")
        expect(page.locator(".mesh canvas")).to_be_visible()
        page.evaluate(script)
        assert page.evaluate("async () => (await axe.run()).violations.map(one => one.id)") == []


def test_the_page_is_no_wider_than_a_phone(browser: Browser, emulator: Emulator, job: Job) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with a_page(browser, emulator.url, **phone) as page:
        enter(page, f"/ui/jobs/{job.job_id}")
        expect(page.locator(".mesh canvas")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_still_of_what_is_no_mesh_is_not_found(emulator: Emulator, job: Job) -> None:
    (url,) = job.urls
    name = url.rpartition("/")[2]
    with httpx2.Client(base_url=emulator.url) as client:
        assert client.get(f"/ui/stills/{name}").headers["content-type"] == "image/jpeg"
        for other in (name.replace(".glb", ".png"), "x" * 32 + ".glb", "..%2Fx.glb"):
            assert client.get(f"/ui/stills/{other}").status_code == 404


_THREE = """async (content) => {
  const { GLTFLoader } = await import("/addons/loaders/GLTFLoader.js");
  const { Vector3 } = await import("three");
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const { scene } = await new GLTFLoader().parseAsync(bytes.buffer, "");
  const found = [];
  scene.traverse((one) => one.isMesh && found.push(one));
  const { geometry, material } = found[0];
  const { normal, position, uv } = geometry.attributes;
  const one = new Vector3();
  let off = 0;
  for (let at = 0; at < normal.count; at += 1)
    off = Math.max(off, Math.abs(one.fromBufferAttribute(normal, at).length() - 1));
  return {
    meshes: found.length, faces: geometry.index.count / 3, off, kind: material.type,
    texture: [material.map.image.width, material.map.image.height],
    uv: uv.count === position.count,
  };
}"""


def test_three_js_opens_the_mesh(browser: Browser, job: Job) -> None:
    folder = os.environ.get("RINGBACK_TEST_THREE")
    if not folder or not Path(folder, "build/three.module.js").is_file():
        pytest.skip("RINGBACK_TEST_THREE names no folder of three: npm install three")
    content = httpx2.get(job.urls[0]).content
    context = browser.new_context()
    page = context.new_page()
    try:
        page.route("http://three.test/**", lambda route: _serve(route, Path(folder)))
        page.goto("http://three.test/")
        found = page.evaluate(_THREE, b64encode(content).decode())
    finally:
        context.close()
    assert found.pop("off") < 1e-4
    assert found.pop("faces") == pytest.approx(600, rel=0.1)
    assert found == {
        "meshes": 1,
        "kind": "MeshStandardMaterial",
        "texture": [1024, 1024],
        "uv": True,
    }


_PAGE = """<!doctype html><script type="importmap">{"imports": {
  "three": "/build/three.module.js"}}</script>"""


def _serve(route: Any, folder: Path) -> None:
    """Answer with three's own files, or with a page that says where they are."""
    path = route.request.url.removeprefix("http://three.test/")
    if not path:
        route.fulfill(content_type="text/html", body=_PAGE)
        return
    file = folder / path.replace("addons/", "examples/jsm/")
    if file.is_file():
        route.fulfill(content_type="text/javascript", body=file.read_text("utf-8"))
    else:
        route.fulfill(status=404)
