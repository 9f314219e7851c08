"""Values as pages write them, and pages of errors."""

from __future__ import annotations

import html
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.dashboard.pages.admin import _shown
from ringback.dashboard.presenters.timeline import WIDTH, timeline_of
from ringback.dashboard.rendering import duration, short
from ringback.jobs.model import JobStatus
from ringback.webhooks.model import Attempt
from tests.builders import a_job
from tests.dashboard.browser import Browser, PageWorld
from tests.dashboard.test_deliveries import NULL
from tests.dashboard.test_pages import post_to_inbox, submit
from tests.world import WEBHOOK_URL

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        *((0, "0 ms"), (0.0, "0 ms"), (0.4, "0.4 ms"), (1, "1 ms"), (9.996, "10 ms")),
        *((38, "38 ms"), (999, "999 ms"), (999.7, "1.0 s"), (4_200, "4.2 s"), (59_960, "1 min")),
        *((_MINUTE, "1 min"), (200 * _SECOND, "3 min 20 s"), (3_599_700, "1 h")),
        *((_HOUR, "1 h"), (125 * _MINUTE, "2 h 5 min"), (47 * _HOUR, "47 h"), (2 * _DAY, "2 d")),
        (51 * _HOUR, "2 d 3 h"),
    ],
)
def test_a_duration_is_written_without_empty_parts(ms: float | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a  red\n\tfox", "a red fox"),
        ("x" * 200, "x" * 119 + "…"),
        *((nothing, "") for nothing in ("", " \n", "\u200b\u200c", "\u2060 \ufeff", "\u202e")),
        ("\u200dx", "\u200dx"),
    ],
)
def test_a_text_of_which_nothing_can_be_seen_is_shown_as_empty(text: str, shown: str) -> None:
    assert short(text) == shown


@given(
    total_ms=st.integers(0, 40 * _DAY),
    waits=st.lists(st.integers(1, 3 * _DAY), max_size=12),
)
def test_labels_of_a_timeline_stay_inside_it_and_apart(total_ms: int, waits: list[int]) -> None:
    job = a_job(created_at_ms=0, completed_at_ms=total_ms, status=JobStatus.COMPLETED)
    at = total_ms
    attempts = []
    for number, wait in enumerate(waits, 1):
        at += wait
        attempts.append(("d", Attempt(number=number, started_at_ms=at, duration_ms=90)))
    drawn = timeline_of(job, attempts, now_ms=0)
    spans = []
    for tick in drawn.ticks:
        if tick.label:
            width = 7.0 * len(tick.label)  # the widest that a label of 12.5 pixels is
            left = tick.label_x - width if tick.anchor == "end" else tick.label_x
            spans.append((left, left + width))
    assert spans
    assert all(left >= 0 and right <= WIDTH for left, right in spans)
    assert all(right <= left for (_, right), (left, _) in pairwise(spans))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (7, "7"), ({"a": True, "b": 2}, "a = true, b = 2")],
)
def test_a_setting_is_shown_as_it_is_written(value: object, text: str) -> None:
    assert _shown("port", value) == text


async def test_an_input_is_shown_as_json(world: PageWorld, browser: Browser) -> None:
    async with world.client("dev") as client:
        answer = await client.post(
            "/generate/video/minimax/hailuo-02", json={"prompt": "a fox", "expand_prompt": True}
        )
    page = await browser.see(f"/ui/jobs/{answer.json()['job_id']}")
    values = re.findall(r"<dt>[a-z_]+</dt><dd>(.*?)</dd>", page)
    assert "<code>true</code>" in values
    assert not {"True", "False", "None"} & {re.sub(r"<[^>]*>", "", value) for value in values}


@pytest.mark.parametrize("path", ["/ui/nowhere", "/ui/jobs/no", "/ui/jobs?status=done"])
async def test_a_page_of_an_error_keeps_the_navigation(browser: Browser, path: str) -> None:
    await browser.see("/ui/jobs")
    answer = await browser.http.get(path)
    assert answer.status_code in (400, 404)
    assert '<a href="/ui/deliveries"' in answer.text
    assert 'action="/ui/logout"' in answer.text


async def test_a_strangers_page_of_an_error_has_none(server: PageWorld) -> None:
    answer = await server.browser().http.get("/ui/nowhere")
    assert answer.status_code == 404
    assert "/ui/deliveries" not in answer.text


async def test_a_webhook_in_the_inbox_has_an_empty_line_before_its_body(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a fox")
    await post_to_inbox(world, "/dev", {"x-last": "yes"}, b"the body")
    page = html.unescape(await browser.see("/ui/inbox"))
    assert re.search(r"x-last: yes\n(?:\S+: .*\n)*\nthe body</code>", page)


async def test_a_users_text_has_the_direction_of_its_own_letters(
    world: PageWorld, browser: Browser
) -> None:
    """And a mark in it that turns the direction round turns nothing beside it."""
    text = "ثعلب أحمر \u202e"
    job_id = await submit(world, text, NULL, **{"X-Webhook-URL": WEBHOOK_URL})
    await world.complete()
    async with world.client("dev") as client:
        endpoint = {"url": WEBHOOK_URL, "description": text[:9]}
        made = await client.post("/webhooks/endpoints", json=endpoint)
        assert made.is_success, made.text
    for path in ("/ui/jobs", f"/ui/jobs/{job_id}", "/ui/deliveries", "/ui/endpoints"):
        page = html.unescape(await browser.see(path))
        main = page[page.index("<main") : page.index("</main")]
        before = [tag for tag in re.findall(r"(<[^<>]*>)\s*ثعلب أحمر", main)]
        assert before, path
        assert [tag for tag in before if 'dir="auto"' not in tag] == [], path
