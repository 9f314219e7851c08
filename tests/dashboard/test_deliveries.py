"""The log of deliveries, the overview and the health of destinations, without scripts."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from ringback.dashboard.pages.destinations import Health
from ringback.dashboard.presenters.charts import charts_of, percent_of, round_up
from ringback.storage.sqlite import SqliteStore
from ringback.webhooks.breaker import BreakerSettings
from ringback.webhooks.endpoints import FailingSettings
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus
from ringback.webhooks.outbox import AttemptRecord
from tests.dashboard.browser import Browser, PageWorld
from tests.dashboard.test_pages import _session, submit
from tests.storage.contract.test_store import claim_due
from tests.world import WEBHOOK_URL

NULL = "/generate/image/ringback/null"
HOUR_S = 3_600


async def owed(world: PageWorld, prompt: str = "a red fox") -> Delivery:
    """Return the delivery of a job that has ended."""
    await submit(world, prompt, NULL, **{"X-Webhook-URL": WEBHOOK_URL})
    (delivery,) = await world.store.deliveries_of((await world.complete()).job_id)
    return delivery


async def attempted(
    world: PageWorld, delivery: Delivery, *, code: int | None, reason: str | None
) -> None:
    """Record an attempt with this answer; one that failed is repeated in a day."""
    now_ms = world.clock.now_ms()
    (claimed,) = await claim_due(world.store, at=now_ms)
    number = claimed.attempts_count + 1
    after = structs.replace(
        claimed,
        status=DeliveryStatus.WAITING if reason else DeliveryStatus.DELIVERED,
        reason=reason,
        attempts_count=number,
        round_attempts_count=number,
        next_attempt_at_ms=now_ms + 86_400_000 if reason else None,
        ended_at_ms=None if reason else now_ms,
    )
    attempt = Attempt(
        number=number, started_at_ms=now_ms, duration_ms=5, status_code=code, reason=reason
    )
    record = AttemptRecord(
        delivery=after,
        attempt=attempt,
        healthy=reason is None,
        now_ms=now_ms,
        breaker=BreakerSettings(),
        failing=FailingSettings(),
    )
    assert (await world.store.record_attempt(record)).written
    assert after.delivery_id == delivery.delivery_id


@pytest.mark.parametrize(
    ("code", "reason", "shown", "grade", "status"),
    [
        (204, None, "204", "good", "delivered"),
        (400, "status", "400", "bad", "retrying"),
        (503, "status", "503", "bad", "retrying"),
        (302, "redirect", "302", "bad", "retrying"),
        (None, "connect", "No connection", "bad", "retrying"),
        (None, "timeout", "Timed out", "bad", "retrying"),
    ],
)
async def test_a_row_shows_the_last_answer_and_looks_as_it_went(
    world: PageWorld,
    browser: Browser,
    code: int | None,
    reason: str | None,
    shown: str,
    grade: str,
    status: str,
) -> None:
    await attempted(world, await owed(world), code=code, reason=reason)
    page = await browser.see("/ui/deliveries")
    assert re.findall(r'class="answer-code" data-grade="(\w+)">([^<]+)<', page) == [(grade, shown)]
    assert f'data-look="{status}"' in page
    assert "a red fox" in page
    assert "Refused by status" not in page


async def test_a_delivery_is_found_by_any_id_that_leads_to_it(
    world: PageWorld, browser: Browser
) -> None:
    delivery = await owed(world)
    await owed(world, "another")
    for text in (delivery.delivery_id, f" webhook-id: {delivery.delivery_id.upper()}\t"):
        answer = await browser.http.get("/ui/deliveries", params={"id": text})
        assert answer.headers["location"] == f"/ui/deliveries/{delivery.delivery_id}"
    url = f"http://localhost/jobs/{delivery.job_id}"
    answer = await browser.http.get("/ui/deliveries", params={"id": url})
    page = await browser.see(answer.headers["location"])
    assert page.count('id="delivery-') == 1
    assert f'id="delivery-{delivery.delivery_id}"' in page
    wrong = await browser.see("/ui/deliveries?id=job_17", status=400)
    assert "ids look like" in wrong
    nobody = "0190a3b2-5c77-7d3e-9f10-1a2b3c4d5e6f"
    answer = await browser.http.get("/ui/deliveries", params={"id": nobody})
    assert "No delivery matches" in await browser.see(answer.headers["location"])


async def test_another_workspaces_delivery_is_not_found(server: PageWorld) -> None:
    rival, studio = await _session(server, "rival"), await _session(server, "studio")
    async with server.client("rb_studio") as client:
        await client.post(NULL, json={"prompt": "x"}, headers={"X-Webhook-URL": WEBHOOK_URL})
    (delivery,) = await server.store.deliveries_of((await server.complete()).job_id)
    for cookie, path in ((studio, "/ui/deliveries/"), (rival, "/ui/deliveries?job_id=")):
        answer = await server.browser().http.get(
            "/ui/deliveries", params={"id": delivery.delivery_id}, headers={"cookie": cookie}
        )
        assert answer.headers["location"] == f"{path}{delivery.delivery_id}"


async def test_chosen_deliveries_are_cancelled_and_sent_again(
    world: PageWorld, browser: Browser
) -> None:
    first, second = await owed(world), await owed(world)
    chosen = [first.delivery_id, second.delivery_id]

    async def act(action: str, ids: list[str]) -> str:
        fields = {"action": action, "chosen": ids, "status": "waiting"}
        answer = await browser.send("/ui/deliveries/chosen", fields)
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert "status=waiting" in urlsplit(location).query
        return html.unescape(await browser.see(location))

    assert "2 deliveries were cancelled." in await act("cancel", chosen)
    unknown = "0190a3b2-5c77-7d3e-9f10-1a2b3c4d5e6f"
    page = await act("redeliver", [*chosen, unknown])
    assert "2 deliveries are sent again." in page
    assert "1 was left as it was" in page
    for one in chosen:
        now = await world.deliveries.get(one, workspace_id="dev")
        assert now.status is DeliveryStatus.WAITING


@pytest.mark.parametrize("ids", [[], ["nonsense"], ["a" * 36], [f"{n:036}" for n in range(201)]])
async def test_a_choice_of_nothing_or_nonsense_is_refused(browser: Browser, ids: list[str]) -> None:
    answer = await browser.send("/ui/deliveries/chosen", {"chosen": ids, "action": "cancel"})
    assert answer.status_code == 400
    assert "Choose between 1 and 200" in answer.text


@pytest.mark.parametrize("query", ["chosen=redeliver&count=%3Cb%3E&refused=0", "chosen=x&count=1"])
async def test_a_made_up_count_is_not_shown(browser: Browser, query: str) -> None:
    assert '<p class="notice"' not in await browser.see(f"/ui/deliveries?{query}")


async def test_an_overview_sums_up_the_last_day(world: PageWorld, browser: Browser) -> None:
    assert "Nothing happened in the last 24 hours." in await browser.see("/ui/overview")
    old = await owed(world)
    await attempted(world, old, code=204, reason=None)
    world.clock.advance(25 * HOUR_S)
    await attempted(world, await owed(world), code=204, reason=None)
    world.clock.advance(HOUR_S)
    late = await owed(world)
    await attempted(world, late, code=503, reason="status")
    world.clock.advance(5 * 60)
    await submit(world, "in the queue")
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await browser.see("/ui/overview")))
    assert "Jobs, last 24 hours 3" in page
    assert "Success rate of webhooks 50 %" in page
    assert "1 delivered, 1 failed" in page
    assert "Oldest waiting webhook 5 min" in page
    assert "Queued: 1" in page
    assert f"{late.destination} 1 failed 1 delivered" in page


async def test_the_pages_of_deliveries_read_each_table_a_bounded_number_of_times(
    world: PageWorld, browser: Browser
) -> None:
    for _ in range(4):
        await owed(world)
    await browser.see("/ui/jobs")
    statements: list[str] = []

    def trace(_cursor: object, statement: str, _bindings: object) -> bool:
        statements.append(statement)
        return True

    assert isinstance(world.store, SqliteStore)
    for connection in (world.store._reader, world.store._scanner):
        connection.exec_trace = trace
    for path, most in (("/ui/deliveries", 8), ("/ui/overview", 6)):
        statements.clear()
        await browser.see(path)
        reads = [one for one in statements if one.lstrip().startswith(("select", "--"))]
        assert 0 < len(reads) <= most, reads


@pytest.mark.parametrize(
    ("good", "count", "text"),
    [
        *((0, 0, "–"), (0, 9, "0 %"), (9, 9, "100 %"), (1, 1_000, "1 %"), (999, 1_000, "99 %")),
        (1, 2, "50 %"),
    ],
)
def test_a_share_is_whole_or_nothing_only_if_it_is(good: int, count: int, text: str) -> None:
    assert percent_of(good, count) == text


@pytest.mark.parametrize(
    ("count", "top"), [(0, 2), (1, 2), (3, 4), (7, 10), (11, 20), (4_999, 6_000)]
)
def test_an_axis_ends_at_a_round_number(count: int, top: int) -> None:
    assert round_up(count) == top


@pytest.mark.parametrize(
    ("went", "state"),
    [
        *(("", "untried"), ("x", "failing"), ("xxxx", "failing"), (".", "closed")),
        *(("x" + "." * 19, "closed"), ("xx..", "unsteady"), ("xxxx...", "recovering")),
        *((".x.x", "unsteady"), ("...x", "unsteady"), ("." * 18 + "x.x", "unsteady")),
    ],
)
async def test_the_health_of_a_destination_is_what_happened_lately(
    world: PageWorld, went: str, state: str
) -> None:
    destination = await world.store.get_destination("dev", (await owed(world)).destination)
    assert destination is not None
    attempts = [
        Attempt(number=n, started_at_ms=n, duration_ms=1, reason="status" if how == "x" else None)
        for n, how in enumerate(went, 1)
    ]
    health = Health(destination=destination, waiting=0, charts=charts_of(attempts))
    assert health.state == state
    paused = structs.replace(destination, paused_at_ms=1)
    assert structs.replace(health, destination=paused).state == "paused"
