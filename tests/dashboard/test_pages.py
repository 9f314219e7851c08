"""The pages, in a browser without scripts."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx2
import pytest

from ringback.dashboard.presenters import search
from ringback.dashboard.presenters.search import JobSearch, find
from ringback.jobs.model import Job, JobResult
from ringback.jobs.store import JobFilter
from ringback.lab.job_faults import JobFaults
from ringback.lab.script import parse_script
from ringback.settings import Settings, meanings, origins_of
from ringback.signing.rotation import workspace_owner
from ringback.storage.sqlite import SqliteStore
from ringback.webhooks.model import DeliveryStatus
from ringback.wire.signature import Signer, webhook_headers
from tests.builders import a_request, an_endpoint, an_event
from tests.dashboard.browser import Browser, PageWorld
from tests.dashboard.test_login import log_in, make_token
from tests.lab.emulator import HourlyLab
from tests.world import FLUX, WEBHOOK_URL


async def submit(world: PageWorld, prompt: str, path: str = FLUX, **headers: str) -> str:
    async with world.client("dev") as client:
        answer = await client.post(path, json={"prompt": prompt}, headers=headers)
    return str(answer.json()["job_id"])


async def test_the_gallery_goes_on_page_by_page(world: PageWorld, browser: Browser) -> None:
    for number in range(50):
        await submit(world, f"number {number:02}")
    first = await browser.see("/ui/jobs")
    assert first.count('class="job-card"') == 48
    assert "number 49" in first
    older = re.search(r'href="([^"]+)" data-older', first)
    assert older is not None
    second = await browser.see(html.unescape(older[1]))
    assert second.count('class="job-card"') == 2
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


async def test_a_gallery_queries_one_page_of_jobs_once(
    world: PageWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        await submit(world, f"number {number}")
    filters: list[JobFilter] = []
    list_jobs = world.service.list_jobs

    async def recorded(job_filter: JobFilter) -> list[Job]:
        filters.append(job_filter)
        return await list_jobs(job_filter)

    monkeypatch.setattr(world.service, "list_jobs", recorded)
    await browser.see("/ui/jobs")
    assert [one.limit for one in filters] == [49]


async def test_a_job_page_reads_the_attempts_of_all_deliveries_in_one_statement(
    world: PageWorld, browser: Browser
) -> None:
    job = await world.service.get(await submit(world, "a red fox"), workspace_id="dev")
    for number in range(12):
        endpoint = an_endpoint(workspace_id="dev", url=f"{WEBHOOK_URL}/{number}")
        await world.store.add_endpoint_event(endpoint, an_event(job), delivery_id=f"d{number}")
    statements: list[str] = []

    def trace(_cursor: object, statement: str, _bindings: object) -> bool:
        statements.append(statement)
        return True

    assert isinstance(world.store, SqliteStore)
    for connection in (world.store._reader, world.store._scanner):
        connection.exec_trace = trace
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    assert all(f"d{number}" in page for number in range(12))
    assert sum("from attempts" in statement for statement in statements) == 1


async def test_a_job_shows_the_notes_on_its_files(world: PageWorld, browser: Browser) -> None:
    await submit(world, "a fox")
    result = JobResult(urls=(), notes=("File 2 is missing: <b>gone</b>.",))
    job = await world.service.finish(await world.claim(), result=result)
    page = await browser.see(f"/ui/jobs/{job.job_id}")
    assert '<li dir="auto">File 2 is missing: &lt;b&gt;gone&lt;/b&gt;.</li>' in page


async def test_the_page_begins_with_the_overview_once_there_are_jobs(
    world: PageWorld, browser: Browser
) -> None:
    assert (await browser.http.get("/ui/")).headers["location"] == "/ui/start"
    await submit(world, "a fox")
    assert (await browser.http.get("/ui/")).headers["location"] == "/ui/overview"


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


async def test_a_search_examines_a_bounded_number_of_jobs_and_continues_from_there(
    world: PageWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EXAMINED_MAX", 10)
    monkeypatch.setattr(search, "_BATCH", 5)
    await submit(world, "the needle")
    for _ in range(24):
        await submit(world, "hay")
    cursor: str | None = None
    pages = 0
    while True:
        found = await find(
            world.service,
            world.clock,
            JobSearch(text="needle"),
            workspace_id="dev",
            before_id=cursor,
            limit=5,
        )
        pages += 1
        if found.jobs:
            break
        assert found.searched_back_to_ms is not None
        cursor = found.before_id
    assert [job.input["prompt"] for job in found.jobs] == ["the needle"]
    assert pages == 3


async def test_a_search_continues_in_the_index_to_the_very_first_job(
    world: PageWorld, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("_EXAMINED_FIRST", 5), ("_BATCH", 5), ("_WINDOW", 3), ("EXAMINED_MAX", 6)):
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


async def test_a_form_with_an_error_comes_back_filled_in_and_marks_the_field(
    browser: Browser,
) -> None:
    answer = await browser.send(
        "/ui/playground/image/bfl/flux-1-dev",
        {"input.prompt": "a fox", "input.width": "9999", "webhook_url": "http://10.0.0.1/"},
    )
    assert answer.status_code == 400
    assert 'id="in-width-fault"' in answer.text
    assert 'value="9999"' in answer.text
    assert "a fox</textarea>" in answer.text


async def test_a_forbidden_webhook_url_is_refused_with_the_form(browser: Browser) -> None:
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


async def test_a_delivery_shows_its_bytes_and_its_signing_key(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a fox", "/generate/image/ringback/null", **{"X-Webhook-URL": WEBHOOK_URL})
    job = await world.complete()
    (delivery,) = await world.store.deliveries_of(job.job_id)

    page = html.unescape(await browser.see(f"/ui/deliveries/{delivery.delivery_id}"))

    assert "It is sent as soon as a slot is free." in page
    assert delivery.body.decode() in page
    answer = await browser.send(f"/ui/deliveries/{delivery.delivery_id}/cancel")
    assert answer.status_code == 303
    ended = await world.deliveries.get(delivery.delivery_id, workspace_id="dev")
    assert ended.status is DeliveryStatus.CANCELLED


async def test_a_destination_is_paused_resumed_and_drained(
    world: PageWorld, browser: Browser
) -> None:
    await submit(world, "a fox", "/generate/image/ringback/null", **{"X-Webhook-URL": WEBHOOK_URL})
    job = await world.complete()
    at = {"at": "https://shop.example:443"}
    await browser.send("/ui/destinations/pause", at)
    assert "Paused" in await browser.see("/ui/destinations/one?at=https://shop.example")
    await browser.send("/ui/destinations/resume", at)
    assert "1 delivery waiting" in await browser.see("/ui/destinations")

    answer = await browser.send("/ui/destinations/drain", at)
    while await world.bulk_operations.run_once():
        pass

    assert "Done" in await browser.see(answer.headers["location"])
    (delivery,) = await world.store.deliveries_of(job.job_id)
    assert delivery.status is DeliveryStatus.DISCARDED
    await browser.see("/ui/destinations/one?at=https://nobody.example", status=404)
    await browser.see("/ui/destinations/one?at=nonsense", status=404)


async def test_an_endpoint_is_created_changed_and_deleted(browser: Browser) -> None:
    wrong = await browser.send("/ui/endpoints", {"url": "http://10.0.0.1/", "events": "x"})
    assert wrong.status_code == 400
    made = await browser.send(
        "/ui/endpoints",
        {
            "url": WEBHOOK_URL,
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
    for action in ("test", "disable", "enable", "rotate", "add-key", "drop-keys", "recover"):
        assert (await browser.send(f"{path[1]}/{action}")).status_code in (200, 303), action
    assert (await browser.send(f"{path[1]}/delete")).status_code == 303
    await browser.see(path[1], status=404)
    assert (await browser.send(f"{path[1]}/test")).status_code == 404


async def test_settings_say_where_they_came_from_and_keep_secrets(world: PageWorld) -> None:
    browser = world.browser()
    page = await browser.see("/ui/settings")
    assert "Command line" in page
    assert "The port to listen on" in page
    assert set(meanings()) == set(Settings.__struct_fields__)


def test_a_flag_overrides_the_environment_in_a_settings_origin(tmp_path: object) -> None:
    origins = origins_of(
        {"port": 1, "host": None}, environment={"RINGBACK_PORT": "2", "RINGBACK_HOST": "::1"}
    )
    assert (origins["port"], origins["host"], origins["data"]) == ("flag", "environment", "default")


async def test_another_workspace_sees_no_settings_of_the_server(server: PageWorld) -> None:
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


async def test_the_inbox_verifies_webhooks_with_the_workspaces_secret(
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

    assert page.count(">Verified<") == 1
    assert page.count(">Not verified<") == 2


@pytest.mark.parametrize("path", ["/", "/a/b", "/A", "/" + "a" * 41])
async def test_the_inbox_refuses_paths_that_name_no_workspace(world: PageWorld, path: str) -> None:
    assert (await post_to_inbox(world, path, {}, b"{}")).status_code == 404


async def test_the_inbox_answers_with_the_chosen_status_and_keeps_the_latest(
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


async def test_the_lab_shows_prepared_answers_and_resets_this_workspace(
    world: PageWorld, tmp_path: Path
) -> None:
    (tmp_path / "fox.png").write_bytes(b"png")
    script = """
        [[answers]]
        model = "bfl/*"
        every = 2
        files = ["fox.png"]
        after = "2s"
        [[answers]]
        name = "blocked"
        error = "<b>Flagged</b>"
    """
    faults = JobFaults(parse_script(script, directory=tmp_path))
    world.serve_with(lab=HourlyLab(), faults=faults)
    browser = world.browser()
    async with browser.http:
        page = await browser.see("/ui/lab")
        assert "model = bfl/*, every = 2" in page
        assert "fox.png" in page
        assert "after 2s" in page
        assert "result=blocked" in page
        assert "&lt;b&gt;Flagged&lt;/b&gt;" in page
        await submit(world, "a fox")
        assert world.inbox is not None
        await post_to_inbox(world, "/dev", {}, b"news")
        answer = await browser.send("/ui/lab/reset", {})
        assert answer.status_code == 303
        assert 'class="job-card"' not in await browser.see("/ui/jobs")
        assert world.inbox.kept("dev") == []


async def test_a_run_links_to_its_steps_and_a_step_to_its_run(
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
