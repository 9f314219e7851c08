"""The system's Chromium, for tests in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

expect.set_options(timeout=20_000)  # generous, so that a busy machine fails no test

ARGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WAIT_MS = 10_000


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Run the system's Chromium with more arguments, or skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*ARGS, *more])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def a_page(browser: Browser, base_url: str, **options: object) -> Iterator[Page]:
    """Open a page, and fail if its console shows an error or a warning."""
    context = browser.new_context(base_url=base_url, locale="en-US", **options)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: problems.append(message.text) if _is_problem(message) else None,
    )
    try:
        yield page
        assert problems == []
    finally:
        context.close()


def _is_problem(message: ConsoleMessage) -> bool:
    # A screenshot of a mesh is read back from the graphics driver, which warns of the delay.
    is_ours = "GL Driver Message" not in message.text
    return is_ours and message.type in ("error", "warning")


def axe() -> str:
    """Return axe-core's script, or skip the test where it was not installed."""
    path = os.environ.get("RINGBACK_TEST_AXE")
    if not path or not Path(path).is_file():
        pytest.skip("RINGBACK_TEST_AXE names no axe.min.js: npm install axe-core")
    return Path(path).read_text("utf-8")
