"""The pages of assets, styles, node apps and usage, and the charts of usage."""

from __future__ import annotations

import html
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from PIL import Image

from ringback.dashboard.presenters.usage_chart import BOTTOM, HEIGHT, TOP, charts_of
from ringback.jobs.budget import Budget, Period
from tests.api.style_world import trained
from tests.dashboard.browser import Browser, PageWorld
from tests.world import FLUX

APP = {
    "name": "Foxes <b>",
    "inputs": {"size": {"type": "integer", "min": 512, "max": 1024, "required": True}},
    "steps": {
        "first": {"model": "image/bfl/flux-1-dev", "input": {"prompt": "a fox"}},
        "second": {
            "model": "image/bfl/flux-1-dev",
            "input": {"prompt": "at dusk", "image_url": {"from": "first.url"}},
        },
    },
    "outputs": {"fox": {"from": "second.url"}},
}


def a_png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 16), "teal").save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize("page", ["assets", "styles", "node-apps", "usage"])
@pytest.mark.parametrize("language", ["en", "id"])
async def test_an_empty_page_says_what_to_do_next(
    world: PageWorld, page: str, language: str
) -> None:
    browser = world.browser(**{"accept-language": language})
    text = await browser.see(f"/ui/{page}")
    await browser.http.aclose()
    (empty,) = re.findall(r'<div class="empty">(.*?)</main>', text, flags=re.S)
    assert re.search(r'<code>|href="/ui/', empty)


async def test_an_asset_is_shown_and_deleted_by_its_workspace_alone(
    world: PageWorld, browser: Browser
) -> None:
    files = {"file": ("<i>.png", a_png(), "image/png")}
    made = {}
    for workspace in ("dev", "rival"):
        await world.keys.open_workspace(workspace)
        async with world.client(workspace) as client:
            made[workspace] = (await client.post("/assets", files=files)).json()
    page = await browser.see("/ui/assets")
    path = made["dev"]["image_url"].partition("/artifacts/")[2]
    assert f'src="/artifacts/{path}"' in page
    assert "32 × 16" in page
    assert "<i>.png" not in page
    assert made["rival"]["id"] not in page
    assert (await browser.http.get(f"/artifacts/{path}")).status_code == 200

    assert (await browser.send(f"/ui/assets/{made['rival']['id']}/delete")).status_code == 404
    assert (await browser.send("/ui/assets/nonsense/delete")).status_code == 404
    answer = await browser.send(f"/ui/assets/{made['dev']['id']}/delete")

    assert answer.headers["location"] == "/ui/assets?done=file_deleted"
    assert made["dev"]["id"] not in await browser.see("/ui/assets?done=file_deleted")
    assert (await browser.http.get(f"/artifacts/{path}")).status_code == 404


async def test_assets_go_on_page_by_page(world: PageWorld, browser: Browser) -> None:
    async with world.client("dev") as client:
        for number in range(49):
            files = {"file": (f"{number:02}.png", a_png(), "image/png")}
            assert (await client.post("/assets", files=files)).status_code == 200
    first = await browser.see("/ui/assets")
    older = re.search(r'href="([^"]+)" data-older', first)
    assert older is not None
    second = await browser.see(html.unescape(older[1]))
    assert (first.count("tile-card"), second.count("tile-card")) == (48, 1)
    await browser.see("/ui/assets?cursor=nonsense", status=400)


async def test_a_style_is_shown_to_who_may_use_it_and_deleted_by_its_owner(
    world: PageWorld, browser: Browser
) -> None:
    made = {}
    for workspace in ("dev", "rival"):
        await world.keys.open_workspace(workspace)
        async with world.client(workspace) as client:
            made[workspace] = await trained(world, client, name=f"Ink of {workspace}")
            change: dict[str, Any] = {"public": True}
            if workspace == "rival":
                change |= {"cover_url": "https://elsewhere.example/x.png"}
            answer = await client.patch(f"/styles/{made[workspace]}", json=change)
            assert answer.status_code == 200
    own, strange = made["dev"], made["rival"]
    page = await browser.see("/ui/styles")
    assert "Ink of dev" in page
    assert "Ink of rival" in page
    assert "elsewhere.example" not in page
    assert f"/ui/styles/{strange}/delete" not in page
    assert (await browser.send(f"/ui/styles/{strange}/delete")).status_code == 404
    assert (await browser.send(f"/ui/styles/{own}/delete")).status_code == 303
    assert "Ink of dev" not in await browser.see("/ui/styles")


async def test_a_node_app_shows_its_inputs_steps_and_a_run_as_code(
    world: PageWorld, browser: Browser
) -> None:
    async with world.client("dev") as client:
        version = (await client.post("/node-apps", json=APP)).json()["version_id"]
    listed = await browser.see("/ui/node-apps")
    assert 'href="/ui/node-apps/foxes-b"' in listed
    for name in ("foxes-b", version):
        page = html.unescape(await browser.see(f"/ui/node-apps/{name}"))
        assert "integer, 512 – 1024" in page
        assert "after first" in page
        assert "/node-apps/foxes-b/execute" in page
        assert "Foxes <b>" in page
    assert "Foxes <b>" not in listed
    await browser.see("/ui/node-apps/none", status=404)


async def test_usage_shows_sums_budgets_and_plots(world: PageWorld, browser: Browser) -> None:
    budget = Budget(workspace_id="dev", compute_units=100, period=Period.MONTH)
    assert await world.store.put_budget(budget, now_ms=world.clock.now_ms())
    async with world.client("dev") as client:
        for _ in range(2):
            assert (await client.post(FLUX, json={"prompt": "a fox"})).status_code == 200
            await world.complete()
    page = await browser.see("/ui/usage")
    assert "2027-01-15" in page
    assert page.count('class="usage-bar"') == 1
    assert "Budget a month: 100" in page
    for group, shown in (("model", "image/bfl/flux-1-dev"), ("token", "By token")):
        assert shown in await browser.see(f"/ui/usage?group={group}")
    empty = await browser.see("/ui/usage?from=2026-01-01&to=2026-01-31")
    assert "No job was completed" in empty
    for wrong in ("from=soon", "group=wish", "from=2027-02-01&to=2027-01-01", "from=2020-01-01"):
        await browser.see(f"/ui/usage?{wrong}", status=400)


FIRST = date(2027, 1, 1)


@pytest.mark.parametrize("days", [1, 2, 31, 366])
@pytest.mark.parametrize("units", [0.0, 0.004, 1.0, 97.3, 123_456.0])
@pytest.mark.parametrize("budget", [None, 0.0, 50.0, 1e9])
def test_plots_stay_within_their_axes(days: int, units: float, budget: float | None) -> None:
    last = FIRST + timedelta(days=days - 1)
    used = {FIRST: units, last: units / 3}
    charts = charts_of(used, first=FIRST, last=last, monthly_budget=budget)
    low, high = HEIGHT - BOTTOM, TOP
    for bar in charts.by_day.bars:
        assert high - 0.1 <= bar.y
        assert bar.y + bar.height <= low + 0.1
    for point in charts.running.polyline.split():
        assert high - 0.1 <= float(point.partition(",")[2]) <= low + 0.1
    assert budget is None or high - 0.1 <= (charts.running.budget_y or 0) <= low + 0.1
    for plot in (charts.by_day, charts.running):
        assert len(plot.y_ticks) == 5
        assert 1 <= len(plot.x_ticks) <= 8
        assert len({tick.text for tick in plot.y_ticks}) == 5


def test_the_running_sum_begins_anew_with_a_month_and_counts_the_days_before() -> None:
    used = {date(2027, 1, 5): 40.0, date(2027, 1, 20): 40.0, date(2027, 2, 2): 8.0}
    charts = charts_of(used, first=date(2027, 1, 20), last=date(2027, 2, 2), monthly_budget=None)
    heights = [float(point.partition(",")[2]) for point in charts.running.polyline.split()]
    assert charts.running.highest == 80.0
    assert heights[0] == TOP
    assert heights[12] == HEIGHT - BOTTOM  # the first of February
