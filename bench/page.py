"""The page: first paint with a million jobs behind it, what it transfers, its cost at rest."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import httpx2
from playwright.sync_api import Page, sync_playwright

from bench.machine import SERVER_CORE, describe, median, note, pin, say
from ringback.storage.sqlite import SqliteStore

JOBS = 1_000_000
PAINTS = 15
PAGES = 200
WORKSPACES = 10
SECONDS = 20.0
_REQUESTS = 50
_ARGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# Ended jobs of the last sixty days, as the server itself would have written them.
_FILL = """
with recursive n (i) as (select 1 union all select i + 1 from n where i < :count)
insert into jobs (job_id, workspace_id, kind, model, type, engine, input, created_at_ms, base_url,
                  status, completed_at_ms, result, progress)
select printf('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, i), 'dev', 'image',
       'ringback/null',
       'externalImage', 'null', json_object('prompt', 'a picture of the number ' || i), at,
       'http://127.0.0.1:7464', 'completed', at + 900, '{"urls":[]}', 1.0
  from (select i, :since_ms + cast(i * :step as integer) as at from n)
"""


def fill(data: Path) -> None:
    """Write a million ended jobs into a new data directory."""

    async def make() -> None:
        store = await SqliteStore.open(data)
        await store.close()

    asyncio.run(make())
    days_ms = 60 * 86_400_000
    database = apsw.Connection(str(data / "ringback.db"))
    with database:
        bindings = {
            "count": JOBS,
            "since_ms": time.time_ns() // 1_000_000 - days_ms,
            "step": days_ms / JOBS,
        }
        database.execute(_FILL, bindings)
    database.close()


@contextmanager
def server(data: Path) -> Iterator[tuple[str, int]]:
    """Run an emulator on the data and one core; gives its URL and process id."""
    command = [
        sys.executable,
        "-m",
        "ringback",
        "dev",
        "--port",
        "0",
        "--data",
        str(data),
        "--json",
    ]
    environment = {**os.environ, "RINGBACK_LOG_LEVEL": "warning"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, preexec_fn=lambda: pin(SERVER_CORE)
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.wait(timeout=40)


def paints(page: Page, url: str) -> list[tuple[float, float]]:
    """Return first contentful paints in ms of a page loaded anew, and the server's part of each."""
    found = []
    for _ in range(PAINTS):
        page.goto(url)
        page.wait_for_selector("h1")
        page.wait_for_function(_PAINTED)
        found.append((float(page.evaluate(_PAINT)), float(page.evaluate(_SERVER))))
    return found


_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length"
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SERVER = """() => {
  const timing = performance.getEntriesByType("navigation")[0];
  return timing.responseEnd - timing.requestStart;
}"""
_BLOCKING = """() => 1 + performance.getEntriesByType('resource')
  .filter(one => one.renderBlockingStatus === 'blocking').length"""
_BYTES = """() => [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource').filter(one => one.initiatorType !== 'img')]
  .reduce((sum, one) => sum + one.transferSize, 0)"""


def searches(page: Page, url: str) -> list[float]:
    """Return how long the server takes to look for a text that no prompt has, in ms."""
    found = []
    for _ in range(5):
        page.goto(f"{url}/ui/jobs?text=nowhere")
        assert "data-older" not in page.content()  # it has looked through all of them
        found.append(float(page.evaluate(_SERVER)))
    return found


def costs(url: str, pid: int, path: str) -> float:
    """Return what a page costs the server, in ms of its processor, apart from other processes."""
    with httpx2.Client(headers={"accept": "text/html"}, timeout=30) as client:
        client.get(url + path)
        before = _cpu_s(pid)
        for _ in range(_REQUESTS):
            client.get(url + path)
    return (_cpu_s(pid) - before) / _REQUESTS * 1000


async def index(data: Path) -> None:
    """Write the index of prompts, as the server does behind the jobs."""
    store = await SqliteStore.open(data)
    while await store.index_prompts(before_ms=0, limit=500):
        pass
    await store.close()


async def at_rest(url: str, pid: int) -> float:
    """Return which share of a core the server takes while many pages are open and idle."""
    address = urlsplit(url)
    assert address.hostname is not None
    writers = []
    for number in range(PAGES):
        cookie = await _session(address.hostname, address.port or 80, f"w{number % WORKSPACES}")
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = f"GET /ui/jobs/live HTTP/1.1\r\nhost: {address.netloc}\r\ncookie: {cookie}\r\n\r\n"
        writer.write(head.encode())
        assert b"200" in await reader.readline()
        writers.append(writer)
    await asyncio.sleep(5)  # noqa: TID251 - until they have settled
    before = _cpu_s(pid)
    await asyncio.sleep(SECONDS)  # noqa: TID251
    share = (_cpu_s(pid) - before) / SECONDS
    for writer in writers:
        writer.close()
    return share


async def _session(host: str, port: int, token: str) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    body = f"token={token}".encode()
    origin = f"http://{host}:{port}"
    writer.write(
        f"POST /ui/login HTTP/1.1\r\nhost: {host}:{port}\r\norigin: {origin}\r\n"
        "content-type: application/x-www-form-urlencoded\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
        + body
    )
    answer = (await reader.read()).decode()
    writer.close()
    line = next(one for one in answer.split("\r\n") if one.lower().startswith("set-cookie:"))
    return line.partition(": ")[2].partition(";")[0]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print every figure of the page."""
    print(describe())
    chromium = shutil.which("chromium")
    if chromium is None:
        note("there is no Chromium here, so the page is not measured: apt-get install chromium")
        return
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as folder:
        data = Path(folder)
        note(f"{JOBS:,} jobs ...")
        fill(data)
        note("their prompts ...")
        asyncio.run(index(data))
        with server(data) as (url, pid):
            measure_browser(url, chromium)
            say("the gallery, of the server's processor", f"{costs(url, pid, '/ui/jobs'):.1f} ms")
            searched = costs(url, pid, "/ui/jobs?text=nowhere")
            say("a search through all prompts, of the same", f"{searched:.0f} ms")
            note("at rest ...")
            share = asyncio.run(at_rest(url, pid))
            say(f"{PAGES} idle pages, share of a core", f"{share * 100:.1f} %", "<= 5 %")


def measure_browser(url: str, chromium: str) -> None:
    """Print what a browser measures; it is no part of what is measured, so it has every core."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_ARGS))
        page = browser.new_page()
        paints(page, f"{url}/ui/login")  # the browser is warm
        bare = paints(page, f"{url}/ui/login")
        found = paints(page, f"{url}/ui/jobs")
        fresh = browser.new_context().new_page()
        fresh.goto(f"{url}/ui/jobs", wait_until="load")
        blocking = int(fresh.evaluate(_BLOCKING))
        kilobytes = float(fresh.evaluate(_BYTES)) / 1000
        searches_ms = searches(page, url)
        browser.close()
    say("first paint of the gallery", f"{median([a for a, _ in found]):.0f} ms", "<= 300")
    say("  of a page with next to nothing on it", f"{median([a for a, _ in bare]):.0f} ms")
    say("  the server's part of the gallery", f"{median([b for _, b in found]):.0f} ms")
    say("requests that the first paint waits for", str(blocking))
    say("transferred without pictures", f"{kilobytes:.0f} kB", "<= 100")
    say("a search through all prompts", f"{median(searches_ms):.0f} ms")


if __name__ == "__main__":
    main()
