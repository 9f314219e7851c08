"""The dashboard in a real browser, with a whole emulator."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from ringback import Ringback
from ringback.client.sync.job import Job
from ringback.testing.emulator import Emulator
from tests.dashboard.chromium import a_page, axe, chromium

pytestmark = pytest.mark.timeout(60)

FLUX = "/ui/playground/image/bfl/flux-1-dev"
NULL = "/ui/playground/image/ringback/null"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def emulator(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator; each test has a workspace of its own."""
    with Emulator(tmp_path_factory.mktemp("page")) as made:
        yield made


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")


@pytest.fixture
def page(browser: Browser, emulator: Emulator, workspace: str) -> Iterator[Page]:
    with a_page(browser, emulator.url) as made:
        enter(made, workspace)
        yield made


@pytest.fixture
def client(emulator: Emulator, workspace: str) -> Iterator[Ringback]:
    with Ringback(api_key=workspace, base_url=emulator.url) as made:
        yield made


def enter(page: Page, workspace: str) -> None:
    """Open a workspace with the login form."""
    page.goto("/ui/login")
    page.get_by_label("Token").fill(workspace)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text(workspace, exact=True)).to_be_visible()


def submit(page: Page, path: str, prompt: str, **fields: str) -> None:
    page.goto(path)
    page.get_by_label("prompt").first.fill(prompt)
    for label, value in fields.items():
        page.locator(f"[id={label}]").fill(value)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(prompt)


def run(client: Ringback, prompt: str, **options: Any) -> Job:
    return client.image("ringback/null", {"prompt": prompt}, **options).wait()


def inbox_url(page: Page) -> str:
    page.goto("/ui/inbox")
    return page.locator("p.lead code").inner_text()


def answer_with(page: Page, status: str) -> None:
    page.goto("/ui/inbox")
    page.get_by_label("Answer with").select_option(status)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice")).to_be_visible()


def test_a_submitted_job_shows_its_previews_and_its_picture(page: Page) -> None:
    # As large as the model draws: a small one is done before its preview can be seen.
    fields = {"in-width": "2368", "in-height": "2368", "lab": "slow=1500ms"}
    submit(page, FLUX, "a lighthouse at dusk", **fields)
    expect(page.locator("progress.wide")).to_be_visible()
    shown = page.locator(".picture.develops img")
    expect(shown).to_be_visible(timeout=20_000)
    preview = shown.get_attribute("src")

    expect(page.locator("h1 + .facts .status")).to_have_text("Completed", timeout=20_000)

    picture = page.locator(".picture img")
    expect(picture).to_have_attribute("width", "2368")
    assert picture.get_attribute("src") != preview
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 2368
    assert page.locator(".timeline rect[data-part=processing]").count() >= 1
    page.get_by_role("link", name="Run again").click()
    expect(page.get_by_label("prompt").first).to_have_value("a lighthouse at dusk")


@pytest.mark.timeout(150)
def test_a_film_plays_in_its_page_and_shows_its_first_frame_in_the_gallery(
    page: Page, client: Ringback
) -> None:
    values = {"prompt": "a boat at sunset", "duration": 1, "resolution": "480p"}
    job = client.video("xai/grok-video", values).wait(timeout=120)
    page.goto(f"/ui/jobs/{job.job_id}")
    film = page.locator(".picture video")
    expect(film).to_have_attribute("controls", "")
    assert film.evaluate(_PLAYED) == [True, 480, None]
    page.goto("/ui/jobs")
    card = page.locator(".job-card video")
    expect(card).to_have_attribute("preload", "metadata")
    card.evaluate(
        "one => one.readyState || new Promise(done => one.addEventListener('loadedmetadata', done))"
    )


@pytest.mark.timeout(150)
def test_a_sound_plays_beside_its_shape_and_a_card_shows_its_length(
    page: Page, client: Ringback
) -> None:
    job = client.audio("elevenlabs/tts", prompt="Hello there, my friend.").wait(timeout=120)
    page.goto(f"/ui/jobs/{job.job_id}")
    sound = page.locator(".picture audio")
    expect(sound).to_have_attribute("controls", "")
    sound.evaluate(_SOUNDED)
    expect(page.get_by_role("img", name="Loudness along the sound")).to_be_visible()
    expect(page.get_by_role("paragraph").filter(has_text="The voice is ")).to_be_visible()
    length = page.locator(".picture figcaption span").inner_text().partition(" ")[0]
    assert re.fullmatch(r"0:0[1-9]", length)
    page.goto("/ui/jobs")
    expect(page.locator(".job-card [data-length]")).to_have_text(length)


_SOUNDED = """one => new Promise((done, fail) => {
  one.addEventListener("timeupdate", () => { if (one.currentTime > 0.2) done(); });
  one.addEventListener("error", () => fail(one.error.message));
  one.play();
})"""
_PLAYED = """one => new Promise((done) => {
  one.addEventListener("timeupdate", () => {
    if (one.currentTime > 0.2) done([one.muted, one.videoHeight, one.error]);
  });
  one.play();
})"""


def test_the_gallery_shows_jobs_of_other_programs_at_once(page: Page, client: Ringback) -> None:
    page.goto("/ui/jobs")
    expect(page.get_by_text("No job yet.")).to_be_visible()
    run(client, "a fox that came by itself")
    card = page.locator(".job-card", has_text="a fox that came by itself")
    expect(card.locator(".status")).to_have_attribute("data-status", "completed")
    expect(page.get_by_text("No job yet.")).to_have_count(0)


def test_a_failed_delivery_is_redelivered(page: Page) -> None:
    answer_with(page, "503")
    submit(page, NULL, "a letter")
    page.get_by_role("link", name="Job completed").click()
    expect(page.locator("#delivery")).to_contain_text("503")
    expect(page.locator("h1 + .facts .status")).to_have_text("Failed, will retry")
    delivery = page.url

    answer_with(page, "204")
    page.goto(delivery)
    page.get_by_role("button", name="Redeliver").click()

    expect(page.locator("h1 + .facts .status")).to_have_text("Delivered")
    signature = page.locator("details.signature").first
    expect(signature).to_contain_text("HMAC-SHA256 of that, with the key key_")
    page.goto("/ui/inbox")
    expect(page.locator("details.attempt").first).to_contain_text("Verified")
    expect(page.locator("details.attempt").first).to_contain_text("answered 204")


def test_many_deliveries_are_redelivered_with_progress(page: Page, client: Ringback) -> None:
    url = inbox_url(page)
    answer_with(page, "410")
    for number in range(12):
        run(client, f"letter {number}", webhook_url=url)
    page.goto("/ui/deliveries?status=discarded")
    expect(page.locator("tbody tr")).to_have_count(12)
    answer_with(page, "204")
    page.goto("/ui/deliveries?status=discarded")

    page.locator("summary", has_text="Redeliver all").click()
    page.locator(".question").get_by_role("button", name="Redeliver all").click()

    expect(page.locator("[data-done]")).to_have_text("12")
    expect(page.locator("#bulk_operation")).to_contain_text("Done")
    page.goto("/ui/deliveries?status=delivered")
    expect(page.locator("tbody tr")).to_have_count(12)


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    page.goto("/ui/jobs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="New job")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/playground/**")
    tab_to(page, "#in-prompt")
    page.keyboard.press("Control+A")
    page.keyboard.type("a boat by keyboard")
    tab_to(page, "input[type=range]")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#in-steps")).to_have_value("26")
    expect(page.locator("#code")).to_contain_text("a boat by keyboard")
    expect(page.locator("#code")).to_contain_text('"steps": 26')
    tab_to(page, "button.main")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("a boat by keyboard")
    tab_to(page, ".acts button", limit=40)
    page.keyboard.press("Enter")
    expect(page.locator("h1 + .facts .status")).to_have_text(re.compile("Cancelled|Completed"))


def tab_to(page: Page, selector: str, *, limit: int = 60) -> None:
    """Press Tab until a matching element has the focus, which must be visible."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """one => document.activeElement.matches(one)
              && getComputedStyle(document.activeElement).outlineStyle""",
            selector,
        )
        if outline:
            assert outline != "none"
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_scrolling_brings_older_jobs(page: Page, client: Ringback) -> None:
    for number in range(60):
        client.image("ringback/null", {"prompt": f"job {number:02}"})
    page.goto("/ui/jobs")
    expect(page.locator(".job-card")).to_have_count(48)
    page.mouse.wheel(0, 100_000)
    expect(page.locator(".job-card")).to_have_count(60)
    expect(page.locator(".job-card .job-prompt").last).to_have_text("job 00")
    page.goto("/ui/jobs?text=JOB+07")
    expect(page.locator(".job-card")).to_have_count(1)


def test_a_dropped_picture_becomes_an_asset_and_its_url_the_input(
    page: Page, emulator: Emulator, client: Ringback, tmp_path: Path
) -> None:
    page.goto(FLUX)
    picture = tmp_path / "dot.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    page.locator("#in-image_url-file").set_input_files(picture)
    expect(page.locator("#in-image_url")).to_have_value(
        re.compile(f"^{emulator.url}/artifacts/.+png$")
    )
    address = page.locator("#in-image_url").input_value()
    shown = page.locator(".drop img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("one => one.decode().then(() => one.naturalWidth)") == 64
    (asset,) = client.assets.list().items
    assert asset.image_url == address
    for language in ("curl", "Python", "Node"):
        expect(page.locator(f"[data-snippet={language}]")).to_contain_text(address)
    page.get_by_label("prompt").first.fill("from a dot")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("h1 + .facts .status")).to_have_text("Completed", timeout=20_000)
    source = page.locator("figure.source img")
    assert source.evaluate("one => one.decode().then(() => one.naturalWidth)") == 64


def test_a_file_that_is_no_picture_is_refused_with_a_sentence(
    browser: Browser, emulator: Emulator
) -> None:
    context = browser.new_context(base_url=emulator.url, locale="en-US")
    try:
        page = context.new_page()  # its console reports the refusal, so a_page would fail
        page.goto(FLUX)
        page.locator("#in-image_url-file").set_input_files(
            {"name": "no.png", "mimeType": "image/png", "buffer": b"not a picture"}
        )
        expect(page.locator(".drop label").first).to_contain_text("type is not supported")
        expect(page.locator("#in-image_url")).to_have_value("")
    finally:
        context.close()


def test_advancing_the_emulators_clock_sends_due_deliveries(page: Page) -> None:
    answer_with(page, "503")
    submit(page, NULL, "a letter for later")
    page.get_by_role("link", name="Job completed").click()
    expect(page.locator("#delivery")).to_contain_text("503")
    delivery = page.url
    answer_with(page, "204")
    page.goto("/ui/lab")
    before = page.locator(".big-time").inner_text()
    page.get_by_label("Advance by").fill("1h")
    page.get_by_role("button", name="Advance").click()
    expect(page.locator(".notice")).to_contain_text("became due")
    expect(page.locator("#h-clock ~ .muted").first).to_contain_text("ahead of this machine")
    assert page.locator(".big-time").inner_text() > before
    page.goto(delivery)
    expect(page.locator("h1 + .facts .status")).to_have_text("Delivered")


def test_a_malformed_duration_does_not_advance_the_clock(page: Page) -> None:
    page.goto("/ui/lab")
    before = page.locator(".big-time").inner_text()[:13]
    field = page.get_by_label("Advance by")
    field.fill("soon!")
    page.get_by_role("button", name="Advance").click()
    assert not field.evaluate("one => one.validity.valid")
    page.goto("/ui/lab")
    assert page.locator(".big-time").inner_text()[:13] == before


@pytest.fixture(scope="module")
def full(browser: Browser, emulator: Emulator) -> list[str]:
    """Return every page of a workspace that contains objects of all kinds."""
    with (
        a_page(browser, emulator.url) as page,
        Ringback(api_key="full", base_url=emulator.url) as client,
    ):
        enter(page, "full")
        url = inbox_url(page)
        page.goto("/ui/endpoints")
        page.get_by_label("Webhook URL").fill(url)
        page.get_by_role("button", name="Create").click()
        page.goto("/ui/endpoints")
        endpoint = str(page.locator(".card a").get_attribute("href"))
        client.node_apps.push(
            {
                "name": "Foxes",
                "steps": {"draw": {"model": "image/ringback/null", "input": {"prompt": "a fox"}}},
                "outputs": {"fox": {"from": "draw.url"}},
            }
        )
        dot = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(dot, "PNG")
        client.assets.upload(dot.getvalue(), description="a dot")
        client.image("bfl/flux-1-dev", {"prompt": "paid", "width": 512, "height": 512}).wait()
        for number in range(3):
            job = run(client, f"full {number}", webhook_url=url)
        page.goto(f"/ui/jobs/{job.job_id}")
        delivery = page.get_by_role("link", name="Job completed").first
        expect(page.locator("section", has=page.locator("#h-webhooks"))).to_contain_text(
            "Delivered"
        )
        return [
            *("/ui/overview", "/ui/jobs", f"/ui/jobs/{job.job_id}", FLUX, "/ui/deliveries"),
            *(str(delivery.get_attribute("href")), "/ui/destinations", endpoint),
            "/ui/destinations/one?at=" + re.sub(r"(//[^/]+)/.*", r"\1", url),
            *("/ui/endpoints", "/ui/inbox", "/ui/start", "/ui/models", "/ui/keys", "/ui/lab"),
            "/ui/help",
            *("/ui/assets", "/ui/styles", "/ui/node-apps", "/ui/node-apps/foxes", "/ui/usage"),
            *("/ui/settings", "/ui/login", "/ui/nowhere"),
        ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    browser: Browser, emulator: Emulator, full: list[str], scheme: str
) -> None:
    script = axe()
    context = browser.new_context(base_url=emulator.url, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page = context.new_page()
    try:
        enter(page, "full")
        found = {}
        for path in full:
            page.goto(path)
            page.evaluate(script)
            violations = page.evaluate(_AXE)
            if violations:
                found[path] = violations
    finally:
        context.close()
    assert found == {}


_AXE = """async () => (await axe.run({runOnly: [
  "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})).violations
  .map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200)).slice(0, 3)])"""


def test_no_page_is_wider_than_a_phone(
    browser: Browser, emulator: Emulator, full: list[str]
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with a_page(browser, emulator.url, **phone) as page:
        enter(page, "full")
        widths = {}
        for path in full[:-1]:  # the last is an error, which the console reports
            page.goto(path)
            widths[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > 360} == {}


def test_every_page_reads_without_scripts(
    browser: Browser, emulator: Emulator, full: list[str]
) -> None:
    with a_page(browser, emulator.url, java_script_enabled=False) as page:
        enter(page, "full")
        for path in full[:-1]:
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        submit(page, NULL, "without scripts")
        page.goto("/ui/jobs")
        expect(page.locator(".job-card", has_text="without scripts")).to_be_visible()


def test_submit_is_in_sight_and_ctrl_enter_submits(
    browser: Browser, emulator: Emulator, workspace: str
) -> None:
    with a_page(browser, emulator.url, viewport={"width": 1280, "height": 700}) as page:
        enter(page, workspace)
        page.goto(FLUX)
        expect(page.get_by_role("button", name="Submit")).to_be_in_viewport()
        expect(page.get_by_role("button", name="Use this model")).to_be_hidden()
        page.goto(NULL)
        page.locator("#in-prompt").fill("by keys")
        page.locator("#in-prompt").press("Control+Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("by keys")
        page.goto(NULL)
        expect(page.locator(".latest .job-card", has_text="by keys")).to_be_visible()


def test_a_model_is_opened_by_keys_when_enter_is_pressed(page: Page) -> None:
    page.goto(FLUX)
    select = page.locator("#model")
    before = select.input_value()
    select.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(select).not_to_have_value(before)
    chosen = select.input_value()
    assert page.url.endswith(FLUX)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ui/playground/{chosen}")


def test_an_asset_is_deleted_after_a_question(page: Page, client: Ringback) -> None:
    dot = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(dot, "PNG")
    client.assets.upload(dot.getvalue(), description="a dot")
    page.goto("/ui/assets")
    page.locator(".tile-card summary", has_text="Delete").click()
    page.locator(".question").get_by_role("button", name="Delete").click()
    expect(page.locator(".notice")).to_have_text("Deleted.")
    expect(page.get_by_text("No file was uploaded yet.")).to_be_visible()


def test_the_browser_chooses_indonesian(browser: Browser, emulator: Emulator) -> None:
    context = browser.new_context(base_url=emulator.url, locale="id-ID")
    try:
        page = context.new_page()
        page.goto("/ui/deliveries")
        expect(page.get_by_role("heading", level=1)).to_have_text("Pengiriman")
        assert page.locator("html").get_attribute("lang") == "id"
    finally:
        context.close()
