"""One verdict by all doors: what may be given as a file is the same wherever it is given.

Each row of the table goes through every door of one server: fields of models, a list of a model,
assets by URL, trainings, the page's form, a node app's input, and the tools of MCP.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from mcp import Client

from ringback.testing import FakeReceiver, redirect, respond
from ringback.testing.emulator import Emulator
from tests.mcp.host import host, text_of
from tests.media_files import picture

PNG = picture("PNG")
ENCODED = base64.b64encode(PNG).decode()
BIG = base64.b64encode(picture("PNG") + bytes(3_000_000)).decode()
FLUX = "image/bfl/flux-1-dev"
UNBOUNDED = date(2026, 5, 27)  # the newest day bounds the URLs in fields of models
_KEY = re.compile(r'name="form_key" value="([^"]+)"')


@dataclass(frozen=True)
class Verdict:
    """A door's answer to one text: taken, or refused with a sentence."""

    is_taken: bool
    sentence: str = ""


Door = Callable[[str], Awaitable[Verdict]]


def wrapped(text: str, line_end: str) -> str:
    return line_end.join(text[at : at + 76] for at in range(0, len(text), 76)) + line_end


TAKEN_DATA = {
    "plain": f"data:image/png;base64,{ENCODED}",
    "photograph": f"data:image/png;base64,{BIG}",
    "line feeds": f"data:image/png;base64,{wrapped(ENCODED, chr(10))}",
    "carriage returns": f"data:image/png;base64,{wrapped(ENCODED, chr(13) + chr(10))}",
    "blanks": f" data:image/png; base64, {wrapped(ENCODED, ' ')}",
    "escaped": f"data:image/png;base64,{quote(wrapped(ENCODED, chr(10)), safe='')}",
    "url-safe": "data:image/png;base64," + base64.urlsafe_b64encode(PNG).decode(),
    "no padding": f"DATA:image/png;BASE64,{ENCODED.rstrip('=')}",
    "no type": f"data:;base64,{ENCODED}",
    "another type": f"data:text/plain;charset=utf-8;base64,{ENCODED}",
}
REFUSED = {
    "cut base64": ("data:image/png;base64,iVBOR", "its data is not base64"),
    "no base64": ("data:image/png;base64,<svg></svg>", "its data is not base64"),
    "two in one": ("data:;base64,AA==AA==", "its data is not base64"),
    "no comma": ("data:image/png;base64", "no comma before its data"),
    "blank inside": ("https://example.com/a b.png", "must not contain spaces"),
    "too long": ("https://example.com/" + "a" * 8_200, "longer than 8192 characters"),
    "user": ("https://me@example.com/a.png", "must not carry a user name"),
    "metadata": ("http://169.254.169.254/latest", "may not be called from here"),
}


class Doors:
    """The doors of one emulator."""

    def __init__(self, url: str, http: httpx2.AsyncClient, tools: Client, app: str) -> None:
        self.url = url
        self.http = http
        self._tools = tools
        self._app = app

    def all(self) -> dict[str, Door]:
        return {
            "field": self._posted(f"/generate/{FLUX}", lambda text: {"image_url": text}),
            "list": self._posted(
                "/generate/image/google/nano-banana-pro", lambda text: {"image_urls": [text]}
            ),
            "object": self._posted(
                f"/generate/{FLUX}", lambda text: {"style_images": [{"url": text, "strength": 1}]}
            ),
            "video": self._posted(
                "/generate/video/alibaba/wan-2.5", lambda text: {"start_image": text}
            ),
            "asset": self._posted("/assets", lambda text: {"url": text}, prompt=False),
            "training": self._posted(
                "/styles/train",
                lambda text: {"name": "ink", "urls": [text], "model": "flux_dev"},
                prompt=False,
            ),
            "app": self._posted(
                f"/node-apps/{self._app}/execute", lambda text: {"picture": text}, prompt=False
            ),
            "page": self._page,
            "tool upload_asset": self._tool("upload_asset", lambda text: {"url": text}),
            "tool generate_image": self._tool(
                "generate_image",
                lambda text: {
                    "prompt": "a fox",
                    "model": "bfl/flux-1-dev",
                    "input": {"image_url": text},
                    "wait_s": 0,
                },
            ),
            "tool enhance_image": self._tool(
                "enhance_image",
                lambda text: {
                    "image_url": text,
                    "model": "topaz/standard-enhance",
                    "input": {"width": 64, "height": 64, "model": "Standard V2"},
                    "wait_s": 0,
                },
            ),
        }

    def _posted(
        self, path: str, body: Callable[[str], dict[str, Any]], *, prompt: bool = True
    ) -> Door:
        async def door(text: str) -> Verdict:
            more = {"prompt": "a fox"} if prompt else {}
            answer = await self.http.post(self.url + path, json=body(text) | more)
            return _verdict(answer)

        return door

    async def _page(self, text: str) -> Verdict:
        path = f"{self.url}/ui/playground/{FLUX}"
        found = _KEY.search((await self.http.get(path)).text)
        assert found is not None
        form = {"form_key": found[1], "input.prompt": "a fox", "input.image_url": text}
        answer = await self.http.post(path, data=form, headers={"sec-fetch-site": "same-origin"})
        return Verdict(answer.status_code == 303, answer.text)

    def _tool(self, name: str, arguments: Callable[[str], dict[str, Any]]) -> Door:
        async def door(text: str) -> Verdict:
            result = await self._tools.call_tool(name, arguments(text))
            return Verdict(not result.is_error, text_of(result))

        return door

    async def check(self, text: str, *, words: str | None, row: str) -> None:
        """Send a text through every door, and have the same verdict of all."""
        for name, door in self.all().items():
            verdict = await door(text)
            assert verdict.is_taken is (words is None), (row, name, verdict)
            assert words is None or words in verdict.sentence, (row, name, verdict)


def _verdict(answer: httpx2.Response) -> Verdict:
    if answer.status_code == 200:
        return Verdict(is_taken=True)
    document = answer.json()
    assert 400 <= answer.status_code < 500, document
    return Verdict(is_taken=False, sentence=document["error"])


AN_APP = {
    "name": "Painted",
    "inputs": {"picture": {"type": "media", "required": True}},
    "steps": {
        "one": {
            "model": FLUX,
            "input": {"prompt": "in oil", "image_url": {"from": "input.picture"}},
        }
    },
    "outputs": {"one": {"from": "one.url"}},
}


@asynccontextmanager
async def doors(directory: Path, **settings: Any) -> AsyncIterator[Doors]:
    engines = dict.fromkeys(("image/*", "video/*", "enhance/*", "style/*"), "null")
    headers = {"authorization": "Bearer dev", "accept": "application/json, text/html"}
    async with AsyncExitStack() as stack:
        emulator = stack.enter_context(
            Emulator(
                directory, engines=engines, backlog_max=100_000, krea_as_of=UNBOUNDED, **settings
            )
        )
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=60))
        tools = await stack.enter_async_context(host("http", emulator.url, "dev"))
        pushed = await http.post(f"{emulator.url}/node-apps", json=AN_APP)
        assert pushed.status_code == 200, pushed.text
        yield Doors(emulator.url, http, tools, pushed.json()["version_id"])


async def test_data_uris_have_one_verdict_at_every_door(tmp_path: Path) -> None:
    async with doors(tmp_path) as all_doors:
        for row, text in TAKEN_DATA.items():
            await all_doors.check(text, words=None, row=row)
        for row, (text, words) in REFUSED.items():
            await all_doors.check(text, words=words, row=row)


async def test_urls_have_one_verdict_at_every_door(tmp_path: Path) -> None:
    picture_answer = respond(200, headers=[("content-encoding", "aws-chunked")], body=PNG)
    async with (
        doors(tmp_path) as all_doors,
        FakeReceiver(then=picture_answer) as files,
        FakeReceiver(then=redirect(files.url_at("/moved.png"))) as moved,
    ):
        for row, text in {
            "plain": files.url_at("/a.png"),
            "presigned": files.url_at("/a.png?signature=" + "a" * 4_000),
            "letters": files.url_at("/füchse/狐.png?q=ü"),
            "fragment": files.url_at("/a.png#part"),
            "blanks around": f" {files.url_at('/a.png')}\n",
            "redirect": moved.url_at("/a.png"),
        }.items():
            await all_doors.check(text, words=None, row=row)


async def test_the_server_knows_its_own_files_under_every_spelling(tmp_path: Path) -> None:
    async with doors(tmp_path, allowed_hosts=("box.test",)) as all_doors:
        sent = await all_doors.http.post(f"{all_doors.url}/assets", files={"file": PNG})
        url: str = sent.json()["image_url"]
        port = url.split("/")[2].rpartition(":")[2]
        name = url.rpartition("/")[2]
        for row, text in {
            "as given": url,
            "localhost": f"http://localhost:{port}/artifacts/{name}",
            "root": f"http://LOCALHOST.:{port}/artifacts/{name}",
            "ipv6": f"http://[::1]:{port}/artifacts/{name}",
            "allowed host": f"https://box.test/artifacts/{name}",
            "mapped port": f"http://127.0.0.1:18080/artifacts/{name}",
            "prefix": f"https://box.test/rb/artifacts/{name}",
            "query": f"{url}?v=2",
            "empty query": f"{url}?",
            "fragment": f"{url}#x",
            "slash": f"{url}/",
            "no suffix": url.rpartition(".")[0],
            "scheme": url.replace("http:", "HTTP:"),
            "two slashes": url.replace("/artifacts", "//artifacts"),
            "dots": url.replace("/artifacts", "/./x/../artifacts"),
            "escaped": url.replace("/artifacts/", "/%61rtifacts/").replace("-", "%2D"),
        }.items():
            await all_doors.check(text, words=None, row=row)
        gone = f"http://localhost:{port}/artifacts/{'a' * 32}.png"
        await all_doors.check(gone, words="has no file with that URL", row="gone")


async def test_a_job_of_each_spelling_ends_well(tmp_path: Path) -> None:
    """What is taken is read: no spelling is accepted and then fails the job."""
    files = respond(200, body=PNG)
    async with AsyncExitStack() as stack:
        emulator = stack.enter_context(Emulator(tmp_path, allowed_hosts=("box.test",)))
        receiver = await stack.enter_async_context(FakeReceiver(then=files))
        http = await stack.enter_async_context(
            httpx2.AsyncClient(headers={"authorization": "Bearer dev"}, timeout=60)
        )
        sent = await http.post(f"{emulator.url}/assets", files={"file": PNG})
        url = sent.json()["image_url"]
        given = [
            f"{url}?v=2",
            url.replace("127.0.0.1", "localhost"),
            f"https://box.test//artifacts/{url.rpartition('/')[2]}",
            TAKEN_DATA["carriage returns"],
            TAKEN_DATA["url-safe"],
            TAKEN_DATA["photograph"],
            receiver.url_at("/狐.png#x"),
        ]
        body = {"prompt": "a fox", "width": 512, "height": 512, "image_urls": given[:4]}
        for images in (given[:4], given[4:]):
            answer = await http.post(
                f"{emulator.url}/generate/image/google/nano-banana",
                json={"prompt": body["prompt"], "image_urls": images},
                headers={"prefer": "wait=60"},
            )
            assert answer.json()["status"] == "completed", answer.text


async def test_a_body_that_is_too_large_names_both_settings_and_the_way_out(
    tmp_path: Path,
) -> None:
    settings = {"body_bytes_max": 4_096, "file_body_bytes_max": 100_000}
    async with doors(tmp_path, **settings) as all_doors:
        large = "data:image/png;base64," + base64.b64encode(bytes(90_000)).decode()
        for name, door in all_doors.all().items():
            if name.startswith("tool "):
                continue
            verdict = await door(large)
            assert not verdict.is_taken, name
            for words in ("body_bytes_max", "file_body_bytes_max", "POST /assets"):
                assert words in verdict.sentence, (name, verdict)
        answer = await all_doors.http.post(f"{all_doors.url}/mcp", json={"large": large})
        assert answer.status_code == 413
        assert "POST /assets" in answer.json()["error"]
        null = f"{all_doors.url}/generate/image/ringback/null"
        for body in ({"prompt": "x" * 20_000}, {"prompt": "x", "seeds": [1] * 9_000}):
            answer = await all_doors.http.post(null, json=body)
            assert answer.status_code == 413, answer.text
            assert "4096" in answer.json()["error"]
            assert "the setting body_bytes_max" in answer.json()["error"]
