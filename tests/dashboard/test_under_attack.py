"""Attacks on the dashboard: markup in prompts, URLs, headers and responses, and foreign forms."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from ringback import Ringback
from ringback.testing.emulator import Emulator
from ringback.testing.receiver import respond
from tests.dashboard.chromium import WAIT_MS, chromium

pytestmark = pytest.mark.timeout(60)

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" autofocus onfocus="alert(1)',
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//",
    "data:text/html,<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre></code><script>alert(1)</script>",
    "</option></select><img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>press</a>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<math><mtext></table><mglyph><style><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}<script>alert(1)</script>{% endraw %}",
    "${alert(1)}`+alert(1)+`",
    "<!--><script>alert(1)</script-->",
    "\u2028</script><script>alert(1)</script>\u202e",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href=//evil.example>",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def emulator(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest.fixture
def context(browser: Browser, emulator: Emulator) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=emulator.url, locale="en-US")
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


class _Site(BaseHTTPRequestHandler):
    """A site of an attacker, and a hostile receiver."""

    page = ""
    answer = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(type(self).page.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.wfile.write(type(self).answer)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def a_site(page: str = "", answer: bytes = b"") -> Iterator[str]:
    site = type("_One", (_Site,), {"page": page, "answer": answer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_twenty_five_payloads_stay_text_in_every_field(
    context: BrowserContext, emulator: Emulator
) -> None:
    assert len(PAYLOADS) == 25
    page = context.new_page()
    happened: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        happened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismissed)
    page.on("pageerror", lambda error: happened.append(str(error)))
    page.on("framenavigated", lambda frame: happened.extend(_strays(frame.url, emulator.url)))
    page.on(
        "console",
        lambda message: (
            happened.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    everything = " ".join(PAYLOADS)
    answer = respond(
        500,
        headers=[
            (f"x-{n}", one.encode("ascii", "replace").decode()) for n, one in enumerate(PAYLOADS)
        ],
        body=everything.encode(),
    )
    with a_site(answer=answer) as receiver, Ringback(base_url=emulator.url) as client:
        jobs = []
        for payload in PAYLOADS:
            url = (
                f"{receiver}/{html.escape(payload, quote=True).encode().hex()}?x=<img/onerror=1>'\""
            )
            job = client.image(
                "ringback/null", {"prompt": payload}, webhook_url=url.replace('"', "%22")
            )
            jobs.append(job.wait())
        model = client.image(
            "bfl/flux-1-dev",
            {
                "prompt": everything[:1800],
                "image_url": "data:text/html,%3Cscript%3Ealert(1)%3C/script%3E",
            },
        )
        client.webhooks.endpoints.create(f"{receiver}/<script>", description=everything[:500])
        for path in (
            *(f"/ui/jobs/{job.job_id}" for job in jobs),
            *("/ui/jobs", "/ui/deliveries", "/ui/destinations", "/ui/endpoints", "/ui/start"),
            f"/ui/jobs/{model.job_id}",
            f"/ui/playground/image/bfl/flux-1-dev?again={model.job_id}",
        ):
            page.goto(path)
            _check_only_text(page)
        # The receiver's responses with their headers.
        page.goto(f"/ui/jobs/{jobs[0].job_id}")
        page.get_by_role("link", name="Job completed").click()
        expect(page.locator("#delivery")).to_contain_text("x-24: <meta http-equiv")
        _check_only_text(page)
        for payload in PAYLOADS:  # filters come back in forms
            page.goto(f"/ui/jobs?text={quote(payload)}")
            expect(page.locator("#text")).to_have_value(payload)
            _check_only_text(page)
    assert happened == []


def _strays(url: str, ours: str) -> list[str]:
    return [] if url.startswith(ours) or url == "about:blank" else [url]


def _check_only_text(page: Page) -> None:
    """Fail if a payload has become an element or an attribute."""
    made = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(one =>
          (one.localName === "script" && !one.src.startsWith(location.origin))
          || ["iframe", "base", "object", "embed", "math", "mtext", "style"].includes(one.localName)
          || (one.localName === "meta" && one.httpEquiv)
          || [...one.attributes].some(a => a.name.startsWith("on")
             || (["href", "src", "action"].includes(a.name)
                 && /^\\s*(javascript|vbscript|data:text)/i.test(a.value)))
        ).map(one => one.outerHTML.slice(0, 200))"""
    )
    assert made == []


def test_another_sites_form_is_refused(context: BrowserContext, emulator: Emulator) -> None:
    page = context.new_page()
    page.goto("/ui/playground/image/ringback/null")
    key = page.locator("input[name=form_key]").first.get_attribute("value")
    # Even a form with the session's key; the browser sends the cookie, as the site is the same.
    form = (
        f'<form method="post" action="{emulator.url}/ui/playground/image/ringback/null">'
        f'<input name="form_key" value="{key}"><input name="input.prompt" value="stolen">'
        "<button>go</button></form>"
    )
    with a_site(form) as evil:
        page.goto(evil)
        with page.expect_response("**/ui/playground/**") as answered:
            page.get_by_role("button").click()
        assert answered.value.status == 403
    page.goto("/ui/jobs")
    expect(page.get_by_text("stolen")).to_have_count(0)


def test_no_site_may_frame_us(context: BrowserContext, emulator: Emulator) -> None:
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    with a_site(f'<iframe src="{emulator.url}/ui/jobs"></iframe>') as evil:
        page.goto(evil)
        page.wait_for_timeout(300)
        frame = page.frames[-1]
        assert frame.locator("main").count() == 0
    assert any("frame-ancestors" in one or "X-Frame-Options" in one for one in refused)


def test_our_own_script_cannot_make_html_of_text(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/ui/jobs")
    for sink in ('document.body.innerHTML = "<b>x</b>"', "document.write('x')"):
        assert page.evaluate(f"() => {{ try {{ {sink}; return false }} catch {{ return true }} }}")
