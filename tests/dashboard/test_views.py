"""The pages, as a browser without scripts sees them."""

from __future__ import annotations

import html
import re

import httpx2
import pytest
from api.world import FLUX, HOOK
from builders import a_request
from dashboard.test_gate import log_in, make_token
from dashboard.world import Browser, PageWorld

from ringback.dashboard import search
from ringback.dashboard.search import Wanted, find
from ringback.jobs.model import Job
from ringback.jobs.queue import JobFilter
from ringback.settings import Settings, meanings, origins_of
from ringback.webhooks.model import DeliveryStatus
from ringback.webhooks.rotation import workspace_owner
from ringback.wire.signature import Signer, webhook_headers


async def submit(world: PageWorld, prompt: str, path: str = FLUX, **headers: str) -> str:
    async with world.client("dev") as client:
        answer = await client.post(path, json={"prompt": prompt}, headers=headers)
    return str(answer.json()["job_id"])


async def test_the_gallery_goes_on_page_by_page(world: PageWorld, browser: Browser) -> None:
    for number in range(50):
        await submit(world, f"number {number:02}")
    first = await browser.see("/ui/jobs")
    assert first.count('class="tile"') == 48
    assert "number 49" in first
    older = re.search(r'href="([^"]+)" data-older', first)
    assert older is not None
    second = await browser.see(html.unescape(older[1]))
    assert second.count('class="tile"') == 2
    assert "number 00" in second
    assert "data-older" not in second


async def test_a_first_paint_waits_for_the_page_and_one_style_sheet_kept_for_good(
    browser: Browser,
) -> None:
    page = await browser.see("/ui/jobs")
    head = page.partition("</head>")[0]
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', head)
    assert re.findall(r"<script\b[^>]*>", page) == re.findall(
        r'<script type="module" src="/ui/static/[^"]+">', page
    )
    for path in [style, *re.findall(r'src="(/ui/static/[^"]+)"', page)]:
        answer = await browser.http.get(path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_gallery_asks_for_one_page_of_jobs_once(
    world: PageWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        await submit(world, f"number {number}")
    asked: list[JobFilter] = []
    ask = world.service.list_jobs

    async def watched(wanted: JobFilter) -> list[Job]:
        asked.append(wanted)
        return await ask(wanted)

    monkeypatch.setattr(world.service, "list_jobs", watched)
    await browser.see("/ui/jobs")
    assert [wanted.limit for wanted in asked] == [49]


async def test_jobs_are_found_by_prompt_status_model_and_time(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a RED fox")
    await submit(world, "a blue boat", "/generate/image/ringback/null")
    await world.complete()
    world.clock.advance(2 * 86_400)
    await submit(world, "a red barn")

    async def found(query: str) -> set[str]:
        page = await browser.see(f"/ui/jobs?{query}")
        return {name for name in ("a RED fox", "a blue boat", "a red barn") if name in page}

    assert await found("text=red") == {"a RED fox", "a red barn"}
    assert await found("status=completed") == {"a blue boat"}
    assert await found("model=image/ringback/null") == {"a blue boat"}
    assert await found("since=24h") == {"a red barn"}
    day = "2027-01-15"  # the fake clock's first
    assert await found(f"day={day}") == {"a RED fox", "a blue boat"}


@pytest.mark.parametrize(
    "query",
    [
        *("status=done", "model=image/no/such", "since=1y", "day=2027-13-01", "day=x", "cursor=x"),
        f"text={'x' * 201}",
    ],
)
async def test_a_wrong_filter_is_named(browser: Browser, query: str) -> None:
    page = await browser.see(f"/ui/jobs?{query}", status=400)
    assert query.partition("=")[0] in page


async def test_a_search_looks_a_bounded_way_back_and_goes_on_from_there(
    world: PageWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LOOKED_AT_MAX", 10)
    monkeypatch.setattr(search, "_AT_ONCE", 5)
    await submit(world, "the needle")
    for _ in range(24):
        await submit(world, "hay")
    place: str | None = None
    looks = 0
    while True:
        found = await find(
            world.service,
            world.clock,
            Wanted(text="needle"),
            workspace_id="dev",
            before_id=place,
            limit=5,
        )
        looks += 1
        if found.jobs:
            break
        assert found.looked_back_to_ms is not None
        place = found.before_id
    assert [job.input["prompt"] for job in found.jobs] == ["the needle"]
    assert looks == 3


async def test_a_search_goes_on_in_the_index_to_the_very_first_job(
    world: PageWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("_ONE_BY_ONE", 5), ("_AT_ONCE", 5), ("_WINDOW", 3), ("LOOKED_AT_MAX", 6)):
        monkeypatch.setattr(search, name, size)
    for number in range(60):
        await submit(world, f"{'the needle' if number % 20 == 0 else 'hay'} {number:02}")
    while await world.store.index_prompts(before_ms=world.clock.now_ms() + 1, limit=50):
        pass
    page = await browser.see("/ui/jobs?text=NEEDLE")
    assert re.findall(r"the needle \d\d", page) == [
        "the needle 40",
        "the needle 20",
        "the needle 00",
    ]
    assert "data-older" not in page
    assert "the needle" not in await browser.see("/ui/jobs?text=needle+1")
    page = await browser.see("/ui/jobs?text=needle&status=completed")
    assert "the needle" not in page


async def test_a_form_with_a_fault_comes_back_filled_in_and_says_where(browser: Browser) -> None:
    answer = await browser.send(
        "/ui/playground/image/bfl/flux-1-dev",
        {"input.prompt": "a fox", "input.width": "9999", "webhook_url": "http://10.0.0.1/"},
    )
    assert answer.status_code == 400
    assert 'id="in-width-fault"' in answer.text
    assert 'value="9999"' in answer.text
    assert "a fox</textarea>" in answer.text


async def test_a_target_that_may_not_be_called_is_refused_here_too(browser: Browser) -> None:
    fields = {"input.prompt": "a fox", "webhook_url": "http://169.254.169.254/"}
    answer = await browser.send("/ui/playground/image/bfl/flux-1-dev", fields)
    assert answer.status_code == 400
    assert "may not be called" in answer.text


async def test_a_body_that_is_no_form_is_refused(browser: Browser) -> None:
    key = await browser.form_key()
    headers = {"sec-fetch-site": "same-origin", "content-type": "application/json"}
    path = "/ui/playground/image/ringback/null"
    answer = await browser.http.post(path, content=f'{{"form_key":"{key}"}}', headers=headers)
    assert answer.status_code == 415


async def test_a_delivery_shows_its_bytes_and_who_signed_them(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a fox", "/generate/image/ringback/null", **{"X-Webhook-URL": HOOK})
    job = await world.complete()
    (delivery,) = await world.store.deliveries_of(job.job_id)

    page = html.unescape(await browser.see(f"/ui/deliveries/{delivery.delivery_id}"))

    assert "It goes as soon as there is room." in page
    assert delivery.body.decode() in page
    answer = await browser.send(f"/ui/deliveries/{delivery.delivery_id}/cancel")
    assert answer.status_code == 303
    ended = await world.deliveries.get(delivery.delivery_id, workspace_id="dev")
    assert ended.status is DeliveryStatus.CANCELLED


async def test_a_destination_is_paused_resumed_and_drained(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a fox", "/generate/image/ringback/null", **{"X-Webhook-URL": HOOK})
    job = await world.complete()
    at = {"at": "https://shop.example:443"}
    await browser.send("/ui/destinations/pause", at)
    assert "Paused" in await browser.see("/ui/destinations/one?at=https://shop.example")
    await browser.send("/ui/destinations/resume", at)
    assert "1 delivery waits" in await browser.see("/ui/destinations")

    answer = await browser.send("/ui/destinations/drain", at)
    while await world.chores.run_once():
        pass

    assert "Done" in await browser.see(answer.headers["location"])
    (delivery,) = await world.store.deliveries_of(job.job_id)
    assert delivery.status is DeliveryStatus.DISCARDED
    await browser.see("/ui/destinations/one?at=https://nobody.example", status=404)
    await browser.see("/ui/destinations/one?at=nonsense", status=404)


async def test_an_endpoint_is_made_changed_and_forgotten(browser: Browser) -> None:
    wrong = await browser.send("/ui/endpoints", {"url": "http://10.0.0.1/", "events": "x"})
    assert wrong.status_code == 400
    made = await browser.send(
        "/ui/endpoints",
        {
            "url": HOOK,
            "events": ["job.completed"],
            "headers": "x-key: s3cr3t",
            "schedule_s": "0, 5",
        },
    )
    assert made.status_code == 200
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", html.unescape(made.text))
    assert secret is not None
    path = re.search(r'action="(/ui/endpoints/[0-9a-f-]{36})"', made.text)
    assert path is not None
    page = await browser.see(path[1])
    assert secret[0] not in page
    assert "s3cr3t" not in page
    for verb in ("test", "disable", "enable", "rotate", "add-key", "drop-keys", "recover"):
        assert (await browser.send(f"{path[1]}/{verb}")).status_code in (200, 303), verb
    assert (await browser.send(f"{path[1]}/delete")).status_code == 303
    await browser.see(path[1], status=404)
    assert (await browser.send(f"{path[1]}/test")).status_code == 404


async def test_settings_say_where_they_came_from_and_keep_secrets(world: PageWorld) -> None:
    browser = world.browser()
    page = await browser.see("/ui/settings")
    assert "Command line" in page
    assert "The port to listen on" in page
    assert set(meanings()) == set(Settings.__struct_fields__)


def test_a_settings_origin_is_who_had_the_last_word(tmp_path: object) -> None:
    origins = origins_of(
        {"port": 1, "host": None}, environment={"RINGBACK_PORT": "2", "RINGBACK_HOST": "::1"}
    )
    assert (origins["port"], origins["host"], origins["data"]) == ("flag", "environment", "default")


async def test_a_tenant_sees_no_settings_of_the_server(server: PageWorld) -> None:
    cookie = await _session(server, "rival")
    answer = await server.browser().http.get("/ui/settings", headers={"cookie": cookie})
    assert answer.status_code == 404
    jobs = await server.browser().http.get("/ui/jobs", headers={"cookie": cookie})
    assert "/ui/settings" not in jobs.text


async def _session(server: PageWorld, workspace_id: str) -> str:
    await make_token(server, f"rb_{workspace_id}", workspace_id)
    _, _, cookie = await log_in(server.browser(), f"rb_{workspace_id}")
    return cookie.partition(";")[0]


async def post_to_inbox(
    world: PageWorld, path: str, headers: dict[str, str], body: bytes
) -> httpx2.Response:
    assert world.inbox is not None
    transport = httpx2.ASGITransport(app=world.inbox)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        return await client.post(path, headers=headers, content=body)


async def test_the_inbox_believes_what_the_workspaces_secret_signed_and_nothing_else(
    world: PageWorld, browser: Browser
) -> None:
    (secret,) = await world.keys.secrets_of(workspace_owner("dev"))
    signed = webhook_headers(
        [Signer(secret)], webhook_id="w-1", timestamp_s=world.clock.now_ms() // 1000, body=b"{}"
    )
    headers = {name.decode(): value.decode() for name, value in signed}
    assert (await post_to_inbox(world, "/dev", headers, b"{}")).status_code == 204
    assert (await post_to_inbox(world, "/dev", headers, b"{ }")).status_code == 204
    assert (await post_to_inbox(world, "/dev", {}, b"\xff\x00")).status_code == 204

    page = await browser.see("/ui/inbox")

    assert page.count(">Genuine<") == 1
    assert page.count(">Not genuine<") == 2


@pytest.mark.parametrize("path", ["/", "/a/b", "/A", "/" + "a" * 41])
async def test_the_inbox_takes_nothing_for_what_is_no_workspace(
    world: PageWorld, path: str
) -> None:
    assert (await post_to_inbox(world, path, {}, b"{}")).status_code == 404


async def test_the_inbox_answers_as_it_is_told_and_keeps_the_latest(
    world: PageWorld, browser: Browser
) -> None:
    assert world.inbox is not None
    await browser.send("/ui/inbox", {"answer": "410"})
    for number in range(120):
        answer = await post_to_inbox(world, "/dev", {}, b"%d" % number)
        assert answer.status_code == 410
    kept = world.inbox.kept("dev")
    assert [one.body for one in (kept[0], kept[-1])] == [b"119", b"20"]
    assert (await browser.send("/ui/inbox", {"answer": "302"})).status_code == 404


async def test_a_server_has_no_inbox_and_no_lab(server: PageWorld) -> None:
    cookie = await _session(server, "studio")
    for path in ("/ui/inbox", "/ui/lab"):
        answer = await server.browser().http.get(path, headers={"cookie": cookie})
        assert answer.status_code == 404


async def test_a_run_leads_to_its_steps_and_a_step_to_its_run(
    world: PageWorld, browser: Browser
) -> None:
    app = {
        "name": "Foxes",
        "steps": {"first": {"model": "image/bfl/flux-1-dev", "input": {"prompt": "a fox"}}},
        "outputs": {"fox": {"from": "first.url"}},
    }
    async with world.client("dev") as client:
        version = (await client.post("/node-apps", json=app)).json()["version_id"]
        (run,) = (await client.post("/node-apps/foxes/execute", json={})).json()
    held = await world.claim()
    step = await world.service.submit_step(held, a_request(workspace_id="dev"), step="first")
    assert step is not None
    page = await browser.see(f"/ui/jobs/{run['job_id']}")
    assert f'<a href="/ui/jobs/{step.job_id}">' in page
    assert f"/node-apps/{version}/execute" in page
    assert f'<a href="/ui/jobs/{run["job_id"]}">first</a>' in await browser.see(
        f"/ui/jobs/{step.job_id}"
    )
