"""The page in a real browser, on a whole emulator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard.chromium import a_page, axe, chromium
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from ringback import Ringback
from ringback.client.sync.job import Job
from ringback.testing.emulator import Emulator

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
    """Open a workspace, as the page's own form does."""
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


def test_a_picture_is_submitted_and_watched_while_it_develops(page: Page) -> None:
    # As large as the model draws: a small one is done before anybody sees its preview.
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
    asked = {"prompt": "a boat at sunset", "duration": 1, "resolution": "480p"}
    job = client.video("xai/grok-video", asked).wait(timeout=120)
    page.goto(f"/ui/jobs/{job.job_id}")
    film = page.locator(".picture video")
    expect(film).to_have_attribute("controls", "")
    assert film.evaluate(_PLAYED) == [True, 480, None]
    page.goto("/ui/jobs")
    tile = page.locator(".tile video")
    expect(tile).to_have_attribute("preload", "metadata")
    tile.evaluate(
        "one => one.readyState || new Promise(done => one.addEventListener('loadedmetadata', done))"
    )


_PLAYED = """one => new Promise((done) => {
  one.addEventListener("timeupdate", () => {
    if (one.currentTime > 0.2) done([one.muted, one.videoHeight, one.error]);
  });
  one.play();
})"""


def test_the_gallery_shows_what_happens_elsewhere(page: Page, client: Ringback) -> None:
    page.goto("/ui/jobs")
    expect(page.get_by_text("No job yet.")).to_be_visible()
    run(client, "a fox that came by itself")
    tile = page.locator(".tile", has_text="a fox that came by itself")
    expect(tile.locator(".status")).to_have_attribute("data-status", "completed")
    expect(page.get_by_text("No job yet.")).to_have_count(0)


def test_a_delivery_fails_is_sent_again_and_arrives(page: Page) -> None:
    answer_with(page, "503")
    submit(page, NULL, "a letter")
    page.get_by_role("link", name="Job completed").click()
    expect(page.locator("#delivery")).to_contain_text("503")
    expect(page.locator("h1 + .facts .status")).to_have_text("Waiting")
    delivery = page.url

    answer_with(page, "204")
    page.goto(delivery)
    page.get_by_role("button", name="Send again").click()

    expect(page.locator("h1 + .facts .status")).to_have_text("Delivered")
    signature = page.locator("details.signature").first
    expect(signature).to_contain_text("HMAC-SHA256 of that, with the key sk_")
    page.goto("/ui/inbox")
    expect(page.locator("details.attempt").first).to_contain_text("Genuine")
    expect(page.locator("details.attempt").first).to_contain_text("answered 204")


def test_many_deliveries_are_sent_again_with_progress(page: Page, client: Ringback) -> None:
    url = inbox_url(page)
    answer_with(page, "410")
    for number in range(12):
        run(client, f"letter {number}", webhook_url=url)
    page.goto("/ui/deliveries?status=discarded")
    expect(page.locator("tbody tr")).to_have_count(12)
    answer_with(page, "204")
    page.goto("/ui/deliveries?status=discarded")

    page.locator("summary", has_text="Send them all again").click()
    page.locator(".asked").get_by_role("button", name="Send them all again").click()

    expect(page.locator("[data-done]")).to_have_text("12")
    expect(page.locator("#chore")).to_contain_text("Done")
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
    """Press Tab until something like that has the focus, which must be seen."""
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
    expect(page.locator(".tile")).to_have_count(48)
    page.mouse.wheel(0, 100_000)
    expect(page.locator(".tile")).to_have_count(60)
    expect(page.locator(".tile .words").last).to_have_text("job 00")
    page.goto("/ui/jobs?text=JOB+07")
    expect(page.locator(".tile")).to_have_count(1)


def test_a_dropped_picture_becomes_an_asset_whose_address_is_asked_for(
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


def test_what_is_no_picture_is_said_to_be_none(browser: Browser, emulator: Emulator) -> None:
    context = browser.new_context(base_url=emulator.url, locale="en-US")
    try:
        page = context.new_page()  # whose console reports that the server refused it
        page.goto(FLUX)
        page.locator("#in-image_url-file").set_input_files(
            {"name": "no.png", "mimeType": "image/png", "buffer": b"not a picture"}
        )
        expect(page.locator(".drop label").first).to_contain_text("of no type that is taken")
        expect(page.locator("#in-image_url")).to_have_value("")
    finally:
        context.close()


def test_the_emulators_clock_is_moved_on_and_what_falls_due_is_sent(page: Page) -> None:
    answer_with(page, "503")
    submit(page, NULL, "a letter for later")
    page.get_by_role("link", name="Job completed").click()
    expect(page.locator("#delivery")).to_contain_text("503")
    delivery = page.url
    answer_with(page, "204")
    page.goto("/ui/lab")
    before = page.locator(".big-time").inner_text()
    page.get_by_label("Move it on by").fill("1h")
    page.get_by_role("button", name="Move on").click()
    expect(page.locator(".notice")).to_contain_text("fell due on the way")
    expect(page.locator("#h-clock ~ .muted").first).to_contain_text("ahead of this machine")
    assert page.locator(".big-time").inner_text() > before
    page.goto(delivery)
    expect(page.locator("h1 + .facts .status")).to_have_text("Delivered")


def test_a_wrong_duration_moves_no_clock(page: Page) -> None:
    page.goto("/ui/lab")
    before = page.locator(".big-time").inner_text()[:13]
    field = page.get_by_label("Move it on by")
    field.fill("soon!")
    page.get_by_role("button", name="Move on").click()
    assert not field.evaluate("one => one.validity.valid")
    page.goto("/ui/lab")
    assert page.locator(".big-time").inner_text()[:13] == before


@pytest.fixture(scope="module")
def full(browser: Browser, emulator: Emulator) -> list[str]:
    """Every page of a workspace in which there is something of everything."""
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
        for number in range(3):
            job = run(client, f"full {number}", webhook_url=url)
        page.goto(f"/ui/jobs/{job.job_id}")
        delivery = page.get_by_role("link", name="Job completed").first
        expect(page.locator("section", has=page.locator("#h-webhooks"))).to_contain_text(
            "Delivered"
        )
        return [
            *("/ui/jobs", f"/ui/jobs/{job.job_id}", FLUX, "/ui/deliveries"),
            *(str(delivery.get_attribute("href")), "/ui/destinations", endpoint),
            "/ui/destinations/one?at=" + re.sub(r"(//[^/]+)/.*", r"\1", url),
            *("/ui/endpoints", "/ui/inbox", "/ui/start", "/ui/models", "/ui/keys", "/ui/lab"),
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
        expect(page.locator(".tile", has_text="without scripts")).to_be_visible()


def test_the_browser_chooses_indonesian(browser: Browser, emulator: Emulator) -> None:
    context = browser.new_context(base_url=emulator.url, locale="id-ID")
    try:
        page = context.new_page()
        page.goto("/ui/deliveries")
        expect(page.get_by_role("heading", level=1)).to_have_text("Pengiriman")
        assert page.locator("html").get_attribute("lang") == "id"
    finally:
        context.close()
