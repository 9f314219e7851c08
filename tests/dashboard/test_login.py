"""Login, sessions, and the checks of submitted forms."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ringback.dashboard.sessions import SESSION_S, SESSION_S_MAX, cookie_name, is_private
from ringback.http.attempts import FAILURES_MAX, WINDOW_S
from ringback.storage.contract import Token
from tests.dashboard.browser import SAME_ORIGIN, Browser, PageWorld, a_page_world
from tests.media_files import png
from tests.world import BASE_URL

TOKEN = "rb_the-token-of-studio"


async def make_token(world: PageWorld, token: str = TOKEN, workspace_id: str = "studio") -> str:
    await world.keys.open_workspace(workspace_id)
    token_id = f"tk-{hashlib.sha256(token.encode()).hexdigest()[:8]}"
    await world.store.add_token(
        Token(
            token_id=token_id,
            workspace_id=workspace_id,
            digest=hashlib.sha256(token.encode()).hexdigest(),
            hint=token[:6],
            created_at_ms=1,
        )
    )
    return token_id


async def log_in(browser: Browser, token: str = TOKEN, **fields: str) -> tuple[int, str, str]:
    """Return the status, the location and the Set-Cookie header."""
    answer = await browser.http.post(
        "/ui/login",
        data={"token": token, **fields},
        headers={**SAME_ORIGIN, "origin": str(browser.http.base_url)},
    )
    headers = answer.headers
    return answer.status_code, headers.get("location", ""), headers.get("set-cookie", "")


async def test_a_browser_at_the_root_is_led_to_the_page_and_a_program_is_not(
    world: PageWorld, browser: Browser
) -> None:
    answer = await browser.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/")
    async with world.client() as program:
        assert (await program.get("/")).json()["name"] == "Ringback"


async def test_the_emulator_opens_its_workspace_without_a_token(
    browser: Browser,
) -> None:
    assert "<strong>dev</strong>" in await browser.see("/ui/jobs")


async def test_a_request_with_a_foreign_host_gets_no_page(world: PageWorld) -> None:
    browser = world.browser("http://attacker.example:7464")
    assert "<strong>" not in await browser.see("/ui/jobs", status=403)


async def test_a_server_asks_for_a_token_and_comes_back_to_the_page(server: PageWorld) -> None:
    await make_token(server)
    browser = server.browser()
    answer = await browser.http.get("/ui/deliveries?status=exhausted")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/ui/login?next=%2Fui%2Fdeliveries%3Fstatus%3Dexhausted"

    status, location, cookie = await log_in(browser, next="/ui/deliveries?status=exhausted")

    assert (status, location) == (303, "/ui/deliveries?status=exhausted")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert "<strong>studio</strong>" in await browser.see("/ui/jobs")


async def test_over_https_the_cookie_is_the_hosts_alone(server: PageWorld) -> None:
    await make_token(server)
    browser = server.browser("https://jobs.example.com")

    _, _, cookie = await log_in(browser)

    assert cookie.startswith("__Host-ringback=")
    assert "; Secure" in cookie
    assert "; Path=/;" in cookie
    assert "Domain" not in cookie
    assert "<strong>studio</strong>" in await browser.see("/ui/jobs")


def test_plain_http_has_a_cookie_of_its_own_for_each_port() -> None:
    assert cookie_name("http://127.0.0.1:7464") == "ringback-7464"
    assert cookie_name("https://jobs.example.com") == "__Host-ringback"


@pytest.mark.parametrize(
    ("base_url", "private"),
    [
        ("https://jobs.example.com", True),
        ("http://localhost:7464", True),
        ("http://127.0.0.1:7464", True),
        ("http://[::1]:7464", True),
        ("http://10.0.0.5:7464", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_a_token_is_accepted_only_over_https_or_on_this_machine(
    base_url: str, private: bool
) -> None:
    assert is_private(base_url) is private


async def test_no_token_is_accepted_unencrypted_over_a_network(server: PageWorld) -> None:
    await make_token(server)
    browser = server.browser("http://jobs.example.com")
    assert 'name="token"' not in await browser.see("/ui/login")
    status, _, cookie = await log_in(browser)
    assert (status, cookie) == (403, "")


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example/ui/", "/ui//evil", "/jobs", "/ui/\\evil", ""]
)
async def test_a_login_redirects_to_our_own_pages_only(server: PageWorld, path: str) -> None:
    await make_token(server)
    assert (await log_in(server.browser(), next=path))[1] == "/ui/"


async def test_a_wrong_token_opens_nothing_and_is_not_shown_again(server: PageWorld) -> None:
    browser = server.browser()
    answer = await browser.http.post("/ui/login", data={"token": "rb_wrong"}, headers=SAME_ORIGIN)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "rb_wrong" not in answer.text


async def test_many_wrong_tokens_are_rate_limited_and_the_right_one_is_not(
    server: PageWorld,
) -> None:
    await make_token(server)
    browser = server.browser()
    for number in range(FAILURES_MAX):
        assert (await log_in(browser, f"rb_{number}"))[0] == 401

    answer = await browser.http.post(
        "/ui/login", data={"token": "rb_one-more"}, headers=SAME_ORIGIN
    )

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert (await log_in(browser))[0] == 303
    server.clock.advance(WINDOW_S + 1)
    assert (await log_in(browser, "rb_one-more"))[0] == 401


async def test_a_revoked_token_closes_its_pages(server: PageWorld) -> None:
    token_id = await make_token(server)
    browser = server.browser()
    await log_in(browser)
    answer = await browser.send(f"/ui/tokens/{token_id}/revoke")
    assert answer.headers["location"] == "/ui/keys?done=revoked"

    server.clock.advance(2)

    assert (await browser.http.get("/ui/jobs")).headers["location"].startswith("/ui/login")


async def test_nobody_revokes_anothers_token(server: PageWorld) -> None:
    await make_token(server)
    other = await make_token(server, "rb_rivals", "rival")
    browser = server.browser()
    await log_in(browser)
    assert (await browser.send(f"/ui/tokens/{other}/revoke")).status_code == 404


async def test_a_session_ends_and_can_be_ended(server: PageWorld) -> None:
    await make_token(server)
    browser = server.browser()
    await log_in(browser)
    left = await browser.send("/ui/logout")
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert (await browser.http.get("/ui/jobs")).status_code == 303

    await log_in(browser)
    key = await browser.form_key()
    server.clock.advance(SESSION_S + 1)
    assert (await browser.http.get("/ui/jobs")).status_code == 303
    refused = await browser.send("/ui/logout", key=key)
    assert refused.status_code == 403
    assert 'href="/ui/login"' in refused.text


async def test_a_copy_of_the_cookie_opens_nothing_after_the_log_out(server: PageWorld) -> None:
    await make_token(server)
    browser, thief, other = server.browser(), server.browser(), server.browser()
    cookie = (await log_in(browser))[2].partition(";")[0]
    await log_in(other)
    server.clock.advance(SESSION_S * 0.75)
    stolen = {"cookie": cookie}
    renewed = (await thief.http.get("/ui/jobs", headers=stolen)).headers["set-cookie"]
    assert (await thief.http.get("/ui/keys", headers=stolen)).status_code == 200

    await browser.send("/ui/logout")

    for copy in (cookie, renewed.partition(";")[0]):
        answer = await server.browser().http.get("/ui/jobs", headers={"cookie": copy})
        assert answer.headers["location"].startswith("/ui/login")
    assert (await other.http.get("/ui/jobs")).status_code == 200  # another session of the token


async def test_a_log_out_holds_at_other_processes_and_after_a_restart(tmp_path: Path) -> None:
    async with a_page_world(tmp_path, profile="serve") as first:
        await make_token(first)
        browser = first.browser()
        stolen = {"cookie": (await log_in(browser))[2].partition(";")[0]}
        await browser.send("/ui/logout")
    async with a_page_world(tmp_path, profile="serve") as again:
        answer = await again.browser().http.get("/ui/jobs", headers=stolen)
        assert answer.headers["location"].startswith("/ui/login")


async def test_a_session_is_renewed_for_a_week_and_no_longer(server: PageWorld) -> None:
    await make_token(server)
    browser = server.browser()
    await log_in(browser)
    step_s, passed_s = SESSION_S * 0.6, 0.0
    while passed_s + step_s < SESSION_S_MAX:
        server.clock.advance(step_s)
        passed_s += step_s
        assert (await browser.http.get("/ui/jobs")).status_code == 200
    server.clock.advance(SESSION_S_MAX - passed_s)
    assert (await browser.http.get("/ui/jobs")).status_code == 303


async def test_a_forged_cookie_is_no_session(server: PageWorld) -> None:
    browser = server.browser()
    for forged in ("nonsense", "a" * 9_000, '{"workspace_id":"studio"}'):
        headers = {"cookie": f"ringback-7464={forged}"}
        assert (await browser.http.get("/ui/jobs", headers=headers)).status_code == 303


async def test_an_emulators_session_opens_nothing_on_a_server(
    world: PageWorld, server: PageWorld
) -> None:
    cookie = (await world.browser().http.get("/ui/jobs")).headers["set-cookie"].partition(";")[0]
    answer = await server.browser().http.get("/ui/jobs", headers={"cookie": cookie})
    assert answer.status_code == 303


async def test_another_workspaces_job_is_not_there(world: PageWorld, browser: Browser) -> None:
    job = await world.submit(token="rival")
    await browser.see(f"/ui/jobs/{job['job_id']}", status=404)
    assert (await browser.send(f"/ui/jobs/{job['job_id']}/cancel")).status_code == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_a_form_from_another_site_is_refused(browser: Browser, site: str) -> None:
    path = "/ui/playground/image/ringback/null"
    answer = await browser.send(path, sec_fetch_site=site)
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", None])
async def test_without_fetch_metadata_the_origin_decides(
    browser: Browser, origin: str | None
) -> None:
    key = await browser.form_key()
    headers = {} if origin is None else {"origin": origin}
    fields = {"form_key": key, "input.prompt": "a fox"}
    path = "/ui/playground/image/ringback/null"
    answer = await browser.http.post(path, data=fields, headers=headers)
    assert answer.status_code == 403
    answer = await browser.http.post(path, data=fields, headers={"origin": BASE_URL})
    assert answer.status_code == 303


async def test_a_form_without_its_sessions_key_is_refused(browser: Browser) -> None:
    await browser.see("/ui/jobs")
    for key in ("", "rb_guess", "ä"):
        answer = await browser.send("/ui/playground/image/ringback/null", key=key)
        assert answer.status_code == 403


async def test_every_response_has_the_security_headers(browser: Browser) -> None:
    style = re.search(r"/ui/static/[^\"]+/style.css", await browser.see("/ui/jobs"))
    assert style is not None
    for path in ("/ui/jobs", "/ui/nowhere", "/ui/login", style[0]):
        headers = (await browser.http.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_pages_are_kept_by_no_cache_and_files_for_good(browser: Browser) -> None:
    page = await browser.http.get("/ui/jobs")
    assert page.headers["cache-control"] == "no-store"
    style = re.search(r"/ui/static/[^\"]+/style.css", page.text)
    assert style is not None
    assert "immutable" in (await browser.http.get(style[0])).headers["cache-control"]
    old = style[0].replace("/static/", "/static/0")
    assert (await browser.http.get(old)).headers["cache-control"] == "no-cache"


async def test_no_page_has_scripts_or_styles_in_it(browser: Browser) -> None:
    for path in ("/ui/start", "/ui/jobs", "/ui/playground/image/bfl/flux-1-dev", "/ui/keys"):
        page = await browser.see(path)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page)


async def test_the_operator_makes_a_token_that_opens_its_workspace_and_is_shown_once(
    operated: PageWorld,
) -> None:
    await make_token(operated)
    browser = operated.browser()
    await log_in(browser)
    made = await browser.send("/ui/tokens", {"workspace": "shop"})
    assert made.status_code == 200
    found = re.search(r"<code>(rb_[\w-]{40,})<", made.text)
    assert found is not None
    keys = await browser.see("/ui/keys")
    assert found[1] not in keys
    assert "shop" in keys
    other = operated.browser()
    await log_in(other, found[1])
    assert "<strong>shop</strong>" in await other.see("/ui/jobs")


@pytest.mark.parametrize("name", ["", "Shop", "-shop", "a b", "x" * 64, "ringback:operator"])
async def test_a_malformed_workspace_name_makes_no_token(operated: PageWorld, name: str) -> None:
    await make_token(operated)
    browser = operated.browser()
    await log_in(browser)
    answer = await browser.send("/ui/tokens", {"workspace": name})
    assert answer.status_code == 400
    assert "use 1 to 63 of a-z" in answer.text
    assert len(await operated.store.list_tokens()) == 1


async def test_nobody_but_the_operator_makes_tokens_or_sees_those_of_others(
    operated: PageWorld,
) -> None:
    await make_token(operated)
    await make_token(operated, "rb_of-the-rival", "rival")
    browser = operated.browser()
    await log_in(browser, "rb_of-the-rival")
    assert 'action="/ui/tokens"' not in await browser.see("/ui/keys")
    answer = await browser.send("/ui/tokens", {"workspace": "rival"})
    assert answer.status_code == 404
    assert {token.workspace_id for token in await operated.store.list_tokens()} == {
        "studio",
        "rival",
    }
    assert "studio" not in await browser.see("/ui/keys")


async def test_the_operator_revokes_the_token_of_another_workspace(operated: PageWorld) -> None:
    await make_token(operated)
    token_id = await make_token(operated, "rb_of-the-rival", "rival")
    browser = operated.browser()
    await log_in(browser)
    answer = await browser.send(f"/ui/tokens/{token_id}/revoke")
    assert answer.status_code == 303
    assert await operated.store.find_token(hashlib.sha256(b"rb_of-the-rival").hexdigest()) is None


async def test_in_dev_there_are_no_tokens_to_make(browser: Browser) -> None:
    assert (await browser.send("/ui/tokens", {"workspace": "shop"})).status_code == 404


async def test_only_our_own_page_with_its_form_key_uploads_a_picture(
    world: PageWorld, browser: Browser
) -> None:
    key = await browser.form_key()

    async def upload(**headers: str) -> tuple[int, str]:
        files = {"file": ("dot.png", png())}
        answer = await browser.http.post("/ui/assets", files=files, headers=headers)
        return answer.status_code, answer.headers["content-type"]

    json = "application/json"
    site = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert await upload(**SAME_ORIGIN, **{"x-form-key": key}) == (200, json)
    assert await upload(**site, **{"x-form-key": key}) == (403, json)
    assert await upload(**SAME_ORIGIN) == (403, json)
    assert await upload(**SAME_ORIGIN, **{"x-form-key": "another"}) == (403, json)
    assert await upload(**{"x-form-key": key}) == (403, json)
    assert len(await world.assets.list_assets("dev", before_id=None, limit=9)) == 1


async def test_without_a_session_nothing_is_uploaded(server: PageWorld) -> None:
    browser = server.browser()
    answer = await browser.http.post(
        "/ui/assets", files={"file": ("dot.png", png())}, headers={**SAME_ORIGIN, "x-form-key": ""}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "form_refused")
