"""One table: bad requests, and the errors that they get."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tests.world import FLUX, NULL, WEBHOOK_URL, World, a_world

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
GOOD = b'{"prompt": "a fox"}'
BODY_BYTES_MAX = 4096
LIMITS = {"body_bytes_max": BODY_BYTES_MAX, "file_body_bytes_max": BODY_BYTES_MAX}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A request, and the answer to it."""

    name: str
    method: str = "POST"
    path: str = FLUX
    headers: list[tuple[str, str | bytes]] = field(default_factory=list)
    body: bytes = GOOD
    status: int = 400
    code: str = "invalid_request"
    words: str = ""
    field: str | None = None  # the path of a detail


def content(name: str, sent: bytes, words: str, **more: Any) -> Bad:
    return Bad(name=name, body=sent, words=words, **more)


def header(name: str, header_name: str, value: str | bytes, words: str, **more: Any) -> Bad:
    return Bad(
        name=name,
        headers=[(header_name, value)],
        words=words,
        **{"field": f"header:{header_name}", **more},
    )


def webhook_url(url: str | bytes, words: str, code: str = "malformed_target") -> Bad:
    return header(f"webhook {url[:60]!r}", "X-Webhook-URL", url, words, code=code)


def blocked(url: str) -> Bad:
    return webhook_url(url, "may not be called", code="blocked_target")


def get(name: str, path: str, words: str, **more: Any) -> Bad:
    return Bad(name=name, method="GET", path=path, body=b"", words=words, **more)


def no_route(path: str, **more: Any) -> Bad:
    return get(f"no route {path[:60]}", path, "no such route", status=404, code="route_not_found")


def no_job(job_id: str) -> Bad:
    return get(f"job {job_id[:60]}", f"/jobs/{job_id}", "no job", status=404, code="job_not_found")


TABLE = [
    # JSON
    content("empty", b"", "empty"),
    content("blanks", b" \r\n", "empty"),
    content("cut off", b'{"prompt": "a', "column"),
    content("trailing comma", b'{"prompt": "a",}', "byte 15"),
    content("two documents", b"{} {}", "trailing"),
    content("not JSON", b"prompt=a+fox", "byte 0"),
    content("NaN", b'{"prompt": "a", "seed": NaN}', "byte 24"),
    content("number out of range", b'{"prompt": "a", "seed": 1e999}', "range"),
    content("Latin-1", b'{"prompt": "caf\xe9"}', "UTF-8"),
    content("nothing but a byte order mark", b"\xef\xbb\xbf", "empty"),
    content("UTF-16", '{"prompt": "a fox"}'.encode("utf-16"), "UTF-8"),
    content("cut short within a character", b"f\xff", "UTF-8"),
    content("half a surrogate pair", b'{"prompt": "\\ud83d"}', "surrogate"),
    content("nested deeply", b'{"prompt":' + b"[" * 4000, "deep"),
    content("an array", b"[]", "object"),
    content("a string", b'"a fox"', "object"),
    content("null", b"null", "object"),
    # fields
    content("wrong type", b'{"prompt": 7}', "prompt", field="/prompt"),
    content("missing", b"{}", "prompt"),
    content("out of bounds", b'{"prompt": "a", "width": 1}', "512", field="/width"),
    content("unknown field", b'{"prompt": "a", "colour": "red"}', "colour"),
    content(
        "two spellings",
        b'{"prompt": "a", "imageUrl": "https://a.example/", "image_url": "https://b.example/"}',
        "imageUrl",
    ),
    # the body's size and type
    content("huge", b'"' + b"x" * BODY_BYTES_MAX, "4096", status=413, code="body_too_large"),
    Bad(
        name="content-length beyond all bounds",
        headers=[("content-length", "9" * 5000)],
        status=413,
        code="body_too_large",
        words="4096",
    ),
    Bad(
        name="a form",
        headers=[("content-type", "application/x-www-form-urlencoded")],
        status=415,
        code="unsupported_media_type",
        words="application/json",
    ),
    *(
        Bad(
            name=f"the content type {content_type}",
            headers=[("content-type", content_type)],
            status=415,
            code="unsupported_media_type",
            words="UTF-8",
        )
        for content_type in (
            "application/json; charset=utf-16",
            'application/json;version=1; Charset="UTF-32"',
            "application/json; charset=",
        )
    ),
    *(
        Bad(
            name=f"the coding {coding}",
            headers=[("content-encoding", coding)],
            status=415,
            code="unsupported_media_type",
            words="compressed",
        )
        for coding in ("gzip", "GZIP", "br", "identity, deflate", "x-gzip", "zstd")
    ),
    *(
        Bad(
            name=f"the transfer coding {coding}",
            headers=[("transfer-encoding", coding)],
            status=415,
            code="unsupported_media_type",
            words="with chunked alone in Transfer-Encoding",
        )
        for coding in ("gzip, chunked", "Deflate,chunked")
    ),
    Bad(
        name="a hostile content type",
        headers=[("content-type", b"\xff\xfe;;")],
        status=415,
        code="unsupported_media_type",
    ),
    # webhook URLs
    webhook_url("", "empty", code="invalid_request"),
    webhook_url("shop.example/webhook", "https://"),
    webhook_url("ftp://shop.example/", "https://"),
    webhook_url("file:///etc/passwd", "https://"),
    webhook_url("javascript:alert(1)", "https://"),
    webhook_url("https://", "host"),
    webhook_url("https://user:word@shop.example/", "password"),
    webhook_url("https://shop.example:0/", "port"),
    webhook_url("https://shop.example:99999/", "port"),
    webhook_url("https://shop.example:port/", "port"),
    webhook_url("https://shop.example/ a", "spaces"),
    webhook_url("https://shop.example/#part", "fragment"),
    webhook_url("https://shop.example\\@evil.example/", "backslash"),
    webhook_url("https://shop.example/" + "a" * 8200, "8192"),
    webhook_url("https://2130706433/", "IPv4"),
    webhook_url("https://0x7f.1/", "IPv4"),
    webhook_url(b"https://\xff.example/", "UTF-8", code="invalid_request"),
    blocked("http://shop.example/"),
    blocked("https://shop.example:9000/"),
    blocked("https://127.0.0.1/"),
    blocked("https://localhost/"),
    blocked("https://10.1.2.3/"),
    blocked("https://169.254.169.254/latest/meta-data/"),
    blocked("https://[::1]/"),
    blocked("https://receiver.internal/"),
    Bad(
        name="two webhook URLs",
        headers=[("X-Webhook-URL", WEBHOOK_URL), ("X-Webhook-URL", WEBHOOK_URL)],
        words="once",
        field="header:X-Webhook-URL",
    ),
    # other headers
    header("long key", "Idempotency-Key", "k" * 256, "255"),
    header("empty key", "Idempotency-Key", "", "visible"),
    header("key with a space", "Idempotency-Key", "a key", "visible"),
    header("key beyond ASCII", "Idempotency-Key", b"caf\xc3\xa9", "visible"),
    header("key with a NUL", "Idempotency-Key", b"a\0b", "visible"),
    header("strange host", "Host", "a b", "host", field="header:Host"),
    header("host with a path", "Host", "localhost/evil", "host", field="header:Host"),
    header("host with a bad port", "Host", "localhost:99999", "host", field="header:Host"),
    header("host beyond ASCII", "Host", b"\xff\xff", "host", field="header:Host"),
    Bad(
        name="another host",
        headers=[("Host", "rebound.example")],
        status=403,
        code="host_refused",
        words="allowed_hosts",
    ),
    # models
    Bad(
        name="a model misspelt",
        path="/generate/image/bfl/flux-1-dv",
        status=404,
        code="model_not_found",
        words="flux-1-dev",
    ),
    Bad(name="no model", path="/generate/image/", status=404, code="route_not_found"),
    Bad(name="a strange kind", path="/generate/x/bfl/flux", status=404, code="model_not_found"),
    Bad(name="a slash too many", path=f"{FLUX}/", status=404, code="model_not_found"),
    Bad(
        name="a path upwards",
        path="/generate/image/%2e%2e/%2e%2e/jobs",
        status=404,
        code="model_not_found",
    ),
    Bad(name="a NUL in the model", path=f"{FLUX}%00", status=404, code="model_not_found"),
    Bad(name="bytes for a model", path=f"{FLUX}%ff", status=404, code="model_not_found"),
    Bad(name="an endless model", path=f"{FLUX}{'x' * 9000}", status=404, code="route_not_found"),
    # jobs
    no_job(UNKNOWN),
    no_job("7"),
    no_job("%00"),
    no_job("%ff%fe"),
    no_job("x" * 9000),
    no_job("..%5c..%5cetc"),
    Bad(
        name="cancel an unknown job",
        method="DELETE",
        path=f"/jobs/{UNKNOWN}",
        status=404,
        code="job_not_found",
    ),
    get("cursor", "/jobs?cursor=yesterday", "cursor", field="query:cursor"),
    get("empty cursor", "/jobs?cursor=", "cursor", field="query:cursor"),
    get("month 13", "/jobs?cursor=2025-13-01T00:00:00Z", "cursor", field="query:cursor"),
    get("February 30", "/jobs?cursor=2025-02-30T00:00:00Z", "cursor", field="query:cursor"),
    get("limit 0", "/jobs?limit=0", "1000", field="query:limit"),
    get("limit 1001", "/jobs?limit=1001", "1000", field="query:limit"),
    get("limit ten", "/jobs?limit=ten", "1000", field="query:limit"),
    get("limit in other digits", "/jobs?limit=%D9%A3", "1000", field="query:limit"),
    get("status", "/jobs?status=done", "completed", field="query:status"),
    get("wait", f"/jobs/{UNKNOWN}?wait=soon", "no job", status=404, code="job_not_found"),
    # routes and methods
    no_route("/nothing"),
    no_route("/jobs/"),
    no_route(f"/jobs/{UNKNOWN}/more"),
    no_route("/openapi.json/"),
    no_route("/%2e%2e/%2e%2e/etc/passwd"),
    no_route("/%00"),
    no_route("/artifacts/..%2f..%2fringback.db"),
    get("artifact", "/artifacts/none.png", "no artifact", status=404, code="not_found"),
    get("artifact NUL", "/artifacts/%00", "no artifact", status=404, code="not_found"),
    Bad(name="GET a model", method="GET", status=405, code="method_not_allowed", words="POST"),
    Bad(name="OPTIONS", method="OPTIONS", status=405, code="method_not_allowed", words="POST"),
    Bad(
        name="POST to jobs",
        path="/jobs",
        status=405,
        code="method_not_allowed",
        words="GET or HEAD",
    ),
    Bad(
        name="a method that is none",
        method="BREW",
        path="/",
        status=405,
        code="method_not_allowed",
        words="GET",
    ),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name)
async def test_a_bad_request_gets_an_error_that_names_the_problem(bad: Bad, tmp_path: Path) -> None:
    async with a_world(tmp_path, **LIMITS) as world:
        answer = await _send(world, bad)
        assert (await world.store.counts()).jobs == {}
    assert answer.status_code == bad.status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    document = answer.json()
    assert document["code"] == bad.code
    assert document["error"] == document["message"]
    assert bad.words in str(document)
    if bad.field is not None:
        assert bad.field in [detail["path"] for detail in document["details"]]
    if bad.status == 405:
        assert answer.headers["allow"]


async def _send(world: World, bad: Bad) -> httpx2.Response:
    async with world.client() as client:
        headers: list[tuple[bytes, bytes]] = [
            (name.encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in bad.headers
        ]
        return await client.request(bad.method, bad.path, headers=headers, content=bad.body)


async def test_a_blocked_target_is_explained_to_the_caller_and_in_the_log(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        with capture_logs() as events:
            answer = await _send(world, blocked("https://10.1.2.3/"))
    (event,) = [event for event in events if event["event"] == "target_blocked"]
    assert "private" in event["detail"]
    sentence = answer.json()["message"]
    assert "10.1.2.3" in sentence
    assert "webhook_networks" in sentence


async def test_a_body_that_lies_about_its_size_is_counted_as_it_arrives(tmp_path: Path) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    async with a_world(tmp_path, **LIMITS) as world:
        messages = _Exchange(endless())
        headers = [(b"host", b"localhost"), (b"authorization", b"Bearer studio")]
        await world.app(_scope(headers=headers), messages.receive, messages.send)
    assert messages.status == 413
    assert sent == BODY_BYTES_MAX + 1024


async def test_no_body_is_read_of_a_stranger(world: World) -> None:
    was_read = False

    async def body() -> Any:
        nonlocal was_read
        was_read = True
        yield GOOD

    messages = _Exchange(body())
    await world.app(_scope(headers=[(b"host", b"localhost")]), messages.receive, messages.send)
    assert messages.status == 401
    assert not was_read


async def test_a_client_that_leaves_while_it_sends_gets_no_answer_and_no_job(
    world: World,
) -> None:
    async def half() -> Any:
        yield b'{"prompt":'

    messages = _Exchange(half())
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer studio")]
    await world.app(_scope(headers=headers), messages.receive, messages.send)
    assert messages.status is None
    assert (await world.store.counts()).jobs == {}


async def test_nobody_waits_for_a_client_that_has_left(world: World) -> None:
    async def whole() -> Any:
        yield GOOD

    messages = _Exchange(whole(), more_body=False)
    headers = [
        (b"host", b"localhost"),
        (b"authorization", b"Bearer studio"),
        (b"prefer", b"wait=60"),
    ]
    await world.app(_scope(headers=headers), messages.receive, messages.send)
    assert messages.status is None
    assert (await world.store.counts()).jobs == {"queued": 1}


async def test_our_own_fault_is_a_500_that_tells_nothing(
    world: World, client: httpx2.AsyncClient
) -> None:
    def broken() -> list[str]:
        raise RuntimeError("the password is hunter2")

    world.serve_with(broken_loops=broken)
    answer = await client.get("/readyz")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "hunter2" not in answer.text


def _scope(*, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": NULL,
        "query_string": b"",
        "headers": headers,
        "server": ("127.0.0.1", 7464),
    }


class _Exchange:
    """The server's side of one request, whose body comes in pieces until the client leaves."""

    def __init__(self, pieces: Any, *, more_body: bool = True) -> None:
        self._pieces = pieces
        self._more_body = more_body
        self.status: int | None = None

    async def receive(self) -> dict[str, Any]:
        async for piece in self._pieces:
            return {"type": "http.request", "body": piece, "more_body": self._more_body}
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
