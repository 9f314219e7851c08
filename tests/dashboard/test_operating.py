"""The pages of an operator in a real browser: deliveries, overview, navigation, focus."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from ringback import Ringback
from ringback.testing.emulator import Emulator
from tests.dashboard.chromium import a_page, axe, chromium
from tests.dashboard.test_in_a_browser import _AXE, answer_with, enter, inbox_url, run

pytestmark = pytest.mark.timeout(90)

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
PAGES = ("/ui/overview", "/ui/deliveries", "/ui/destinations", "/ui/settings", "/ui/jobs")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def emulator(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator whose workspace ``ops`` has deliveries that came, failed and ended."""
    with (
        Emulator(tmp_path_factory.mktemp("page")) as made,
        a_page(browser, made.url) as page,
        Ringback(api_key="ops", base_url=made.url) as client,
    ):
        enter(page, "ops")
        url = inbox_url(page)
        for status, prompt in (("204", "came"), ("410", "ended"), ("503", "failed")):
            answer_with(page, status)
            run(client, f"a letter that {prompt}", webhook_url=url)
            page.goto("/ui/deliveries")
            expect(page.locator("tbody tr").first).to_contain_text(status)
        yield made


@pytest.fixture
def page(browser: Browser, emulator: Emulator) -> Iterator[Page]:
    with a_page(browser, emulator.url) as made:
        enter(made, "ops")
        yield made


@pytest.mark.parametrize(
    ("prompt", "code", "grade", "status"),
    [
        ("failed", "503", "bad", "retrying"),
        ("ended", "410", "bad", "discarded"),
        ("came", "204", "good", "delivered"),
    ],
)
def test_a_row_shows_its_answer_and_its_picture(
    page: Page, prompt: str, code: str, grade: str, status: str
) -> None:
    page.goto("/ui/deliveries")
    row = page.locator("tbody tr", has_text=f"a letter that {prompt}")
    expect(row.locator(".answer-code")).to_have_text(code)
    expect(row.locator(".answer-code")).to_have_attribute("data-grade", grade)
    expect(row).to_have_attribute("data-look", status)
    picture = row.locator(".thumb img")
    assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    expect(page.locator(".day .spark rect[data-part=bad]")).not_to_have_count(0)


def test_rows_are_chosen_by_keyboard_and_stay_chosen_when_the_page_renews_itself(
    browser: Browser, emulator: Emulator
) -> None:
    with (
        a_page(browser, emulator.url) as page,
        Ringback(api_key="keys", base_url=emulator.url) as client,
    ):
        enter(page, "keys")
        run(client, "letter 0", webhook_url="http://127.0.0.1:9/hook")
        page.goto("/ui/deliveries")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.locator("[data-choose-all]").focus()
        run(client, "letter 1", webhook_url="http://127.0.0.1:9/hook")
        expect(page.locator("tbody tr")).to_have_count(2)
        expect(page.locator("[data-choose-all]")).to_be_focused()
        page.keyboard.press("Space")
        expect(page.locator("tbody [name=chosen]:checked")).to_have_count(2)
        run(client, "one more", webhook_url="http://127.0.0.1:9/hook")
        expect(page.locator("tbody tr")).to_have_count(3)
        expect(page.locator("tbody [name=chosen]:checked")).to_have_count(2)
        page.get_by_role("button", name="Cancel the chosen").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".notice")).to_have_text("2 deliveries were cancelled.")
        expect(page.locator("tbody tr[data-look=cancelled]")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_phone(browser: Browser, emulator: Emulator, scheme: str) -> None:
    script = axe()
    options = {**PHONE, "color_scheme": scheme, "bypass_csp": True}
    found = {}
    with a_page(browser, emulator.url, **options) as page:
        enter(page, "ops")
        for path in PAGES:
            page.goto(path)
            page.evaluate(script)
            if violations := page.evaluate(_AXE):
                found[path] = violations
    assert found == {}


@pytest.mark.parametrize("language", ["en-US", "id-ID"])
def test_everything_is_inside_a_phone(browser: Browser, emulator: Emulator, language: str) -> None:
    context = browser.new_context(base_url=emulator.url, locale=language, **PHONE)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        page.goto("/ui/login")
        page.locator("#token").fill("ops")
        page.locator("main button").click()
        page.wait_for_url(re.compile("/ui/(?!login)"))
        outside = {}
        for path in PAGES:
            page.goto(path)
            if names := page.evaluate(_OUTSIDE):
                outside[path] = names
            assert page.evaluate(_PRESENT), path
            assert page.evaluate(_OVER_ANOTHER) == [], path
    finally:
        context.close()
    assert outside == {}


# What the reader looks for: no cell, time, field or button may be cut off or beside the screen.
_OUTSIDE = """() => [...document.querySelectorAll(
    "main :is(td, th, th a, time, input:not([type=checkbox]), select, .status, .answer-code)")]
  .filter(one => one.getClientRects().length && !one.closest("thead"))
  .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
  .map(one => one.outerHTML.slice(0, 120))"""
_OVER_ANOTHER = """() => [...document.querySelectorAll(".deliveries tbody .what")]
  .filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"""
_PRESENT = """() => {
  const entry = document.querySelector(".rail nav a[aria-current]").getBoundingClientRect();
  return entry.left >= 0 && entry.right <= innerWidth;
}"""


def test_the_fields_of_a_filter_stand_in_one_line(page: Page) -> None:
    for path in ("/ui/jobs", "/ui/deliveries"):
        page.goto(path)
        boxes = page.locator(".filters[role=search] > div:not(.end)").evaluate_all(
            """all => all.map(one => [one, ...one.children].map(part => {
              const box = part.getBoundingClientRect();
              return [box.top, box.bottom];
            }))"""
        )
        rows: dict[float, set[str]] = {}
        for field in boxes:
            rows.setdefault(field[0][0], set()).add(str(field))
        assert all(len(alike) == 1 for alike in rows.values()), (path, rows)


def test_a_focused_card_has_an_outline_that_nothing_cuts(page: Page) -> None:
    page.goto("/ui/jobs")
    page.keyboard.press("Tab")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.job-card > a')"):
            break
    room, needed = page.evaluate(
        """() => {
          const card = document.activeElement.parentElement.getBoundingClientRect();
          const frame = document.activeElement.querySelector(".frame");
          const style = getComputedStyle(frame);
          const outline = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
          const box = frame.getBoundingClientRect();
          return [Math.min(box.left - card.left, card.right - box.right, box.top - card.top),
                  style.outlineStyle === "solid" ? outline : Infinity];
        }"""
    )
    assert room >= needed


def test_the_inbox_tells_the_times_of_the_labs_clock(browser: Browser, emulator: Emulator) -> None:
    with (
        a_page(browser, emulator.url) as page,
        Ringback(api_key="late", base_url=emulator.url) as client,
    ):
        enter(page, "late")
        url = inbox_url(page)
        page.goto("/ui/lab")
        page.get_by_label("Advance by").fill("3h")
        page.get_by_role("button", name="Advance").click()
        expect(page.locator(".notice")).to_be_visible()
        answer_with(page, "204")
        run(client, "a late letter", webhook_url=url)
        expect(page.locator("#inbox time")).to_have_text(re.compile("now|sec"))
