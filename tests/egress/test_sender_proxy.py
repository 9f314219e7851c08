"""Going out through an operator's proxy: what it is asked, what we still judge, how it fails."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest

from ringback.egress.answer import Answer, Reason
from ringback.egress.fetcher import Fetcher
from ringback.egress.http_client import HttpClient, Request
from ringback.egress.policy import TargetPolicy
from ringback.egress.proxy import EgressProxy, parse_proxy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.errors import FetchError
from ringback.testing import FakeReceiver, FakeResolver, respond
from tests.egress.proxy import FakeProxy

MakeSender = Callable[..., WebhookSender]

# A name that only the proxy could look up, and no address that we would ever dial ourselves.
NAMES = FakeResolver({"127.0.0.1": ["127.0.0.1"]})


def through(proxy_url: str, *, total_timeout_s: float = 2.0) -> ClientSettings:
    return ClientSettings(
        total_timeout_s=total_timeout_s,
        connect_timeout_s=0.1,
        dns_timeout_s=0.1,
        egress_proxy=parse_proxy(proxy_url),
    )


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_post_goes_through_the_proxy_with_the_hosts_name(
    make_sender: MakeSender,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    scheme: str,
) -> None:
    tls = server_tls if scheme == "https" else None
    async with FakeReceiver(ssl_context=tls) as receiver, FakeProxy(receiver.port) as proxy:
        sender = make_sender(
            TargetPolicy.server(allow_http=True),
            resolver=NAMES,
            ssl_context=client_tls,
            settings=through(proxy.url),
        )
        url = f"{scheme}://receiver.test:8443/hook"
        first, second = [await sender.post(url, [(b"a", b"b")], b"{}") for _ in range(2)]
        await sender.close()
    assert (first.status_code, second.status_code) == (200, 200), first.detail
    assert (first.reused, second.reused) == (False, True)
    assert first.address is None
    assert first.timings.dns_ms is None
    assert first.timings.connect_ms is not None
    assert proxy.requests == [["CONNECT receiver.test:8443 HTTP/1.1", "host: receiver.test:8443"]]
    (request, _) = receiver.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.header("host") == "receiver.test:8443"
    assert request.header("proxy-authorization") is None


async def test_the_proxy_is_told_its_password_and_the_receiver_is_not(
    make_sender: MakeSender,
) -> None:
    async with FakeReceiver() as receiver, FakeProxy(receiver.port) as proxy:
        url = proxy.url.replace("http://", "http://ops:p%40ss@")
        sender = make_sender(settings=through(url))
        answer = await sender.post("http://127.0.0.1:8080/", [], b"")
        await sender.close()
    assert answer.status_code == 200
    assert proxy.requests[0][2:] == ["proxy-authorization: Basic b3BzOnBAc3M="]
    assert receiver.requests[0].header("proxy-authorization") is None


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.test/",
        "https://127.1/",
        "https://receiver.test:22/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/",
        "https://[::1]/",
        "https://receiver/",
        "https://metadata.google.internal/",
    ],
)
async def test_the_check_that_needs_no_dns_is_still_made_by_us(
    make_sender: MakeSender, url: str
) -> None:
    async with FakeProxy(1) as proxy:
        sender = make_sender(TargetPolicy.server(), settings=through(proxy.url))
        answer = await sender.post(url, [], b"")
    assert answer.reason is Reason.BLOCKED_TARGET
    assert proxy.requests == []


NETWORK = (ip_network("10.0.0.0/8"),)
OPEN_NETWORK = replace(TargetPolicy.server(allow_networks=NETWORK), networks_are_open=True)


async def reason_by_sender(policy: TargetPolicy, url: str, settings: ClientSettings) -> str | None:
    sender = WebhookSender(policy, resolver=NAMES, settings=settings)
    try:
        return (await sender.post(url, [], b"")).reason
    finally:
        await sender.close()


async def reason_by_fetcher(policy: TargetPolicy, url: str, settings: ClientSettings) -> str | None:
    fetcher = Fetcher(policy, resolver=NAMES, settings=settings)
    try:
        await fetcher.get(url, bytes_max=100)
    except FetchError as exc:
        return exc.reason
    finally:
        fetcher.close()
    return None


async def reason_by_client(policy: TargetPolicy, url: str, settings: ClientSettings) -> str | None:
    client = HttpClient(policy, resolver=NAMES, settings=settings)
    try:
        return (await client.send(Request(method="GET", url=url))).reason
    finally:
        client.close()


@pytest.mark.parametrize("by", [reason_by_sender, reason_by_fetcher, reason_by_client])
@pytest.mark.parametrize(
    ("policy", "url", "is_dialled"),
    [
        (OPEN_NETWORK, "http://files.test/a.png", False),
        (OPEN_NETWORK, "http://files.test:8080/a.png", False),
        (OPEN_NETWORK, "https://files.test:22/a.png", False),
        (OPEN_NETWORK, "https://files.test:6379/a.png", False),
        (OPEN_NETWORK, "http://minio:9000/a.png", False),
        (OPEN_NETWORK, "http://10.0.0.1:9000/a.png", True),
        (replace(OPEN_NETWORK, allow_http=True), "http://minio/a.png", True),
        (replace(OPEN_NETWORK, allow_http=True), "http://minio:9000/a.png", False),
        (replace(OPEN_NETWORK, allow_http=True, ports=None), "http://minio:9000/a.png", True),
        (replace(OPEN_NETWORK, networks_are_open=False), "http://minio:9000/a.png", False),
        (TargetPolicy.server(), "http://files.test/a.png", False),
        (TargetPolicy.dev(), "http://files.test:9000/a.png", True),
        (TargetPolicy.operator(), "http://files.test:9000/a.png", True),
    ],
)
async def test_a_name_that_the_proxy_looks_up_has_the_schemes_and_ports_of_any_name(
    by: Callable[[TargetPolicy, str, ClientSettings], Awaitable[str | None]],
    policy: TargetPolicy,
    url: str,
    is_dialled: bool,
) -> None:
    async with FakeReceiver() as receiver, FakeProxy(receiver.port) as proxy:
        reason = await by(policy, url, through(proxy.url))
    assert (reason, len(proxy.requests)) == (
        (None, 1) if is_dialled else (Reason.BLOCKED_TARGET, 0)
    )


async def answer_of(make_sender: MakeSender, answer: bytes | None) -> Answer:
    async with FakeReceiver() as receiver, FakeProxy(receiver.port, answer=answer) as proxy:
        sender = make_sender(settings=through(proxy.url))
        return await sender.post("http://receiver.test/", [], b"")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Reason.BLOCKED_TARGET),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Reason.CONNECT),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nno.", Reason.CONNECT),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Reason.CONNECT),
        (b"HTTP/1.1 200\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Reason.CONNECT),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Reason.CONNECT),
        (b"HTTP/1.1 200 OK\r\n", Reason.CONNECT),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 9000, Reason.CONNECT),
        (b"", Reason.CONNECT),
        (None, Reason.CONNECT),
    ],
)
async def test_a_proxy_that_opens_no_way_is_a_failure_with_a_stable_reason(
    make_sender: MakeSender, answer: bytes | None, reason: Reason
) -> None:
    failed = await answer_of(make_sender, answer)
    assert failed.reason is reason, failed.detail
    assert failed.status_code is None
    assert failed.address is None


async def test_a_proxy_that_is_not_there_is_a_connect_failure(make_sender: MakeSender) -> None:
    for url in ("http://127.0.0.1:1", "http://proxy.test:3128"):
        sender = make_sender(resolver=NAMES, settings=through(url))
        answer = await sender.post("https://receiver.test/", [], b"")
        assert answer.reason is Reason.CONNECT
        assert "proxy" in answer.detail


async def test_a_slow_proxy_is_under_the_total_deadline_too(make_sender: MakeSender) -> None:
    async with FakeProxy(1, answer=None) as proxy:
        sender = make_sender(settings=through(proxy.url, total_timeout_s=0.05))
        answer = await sender.post("https://receiver.test/", [], b"")
    assert answer.reason is Reason.TIMEOUT


async def test_tls_is_established_with_the_receiver_itself(
    make_sender: MakeSender, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with FakeReceiver(ssl_context=server_tls) as receiver, FakeProxy(receiver.port) as proxy:
        sender = make_sender(ssl_context=client_tls, settings=through(proxy.url))
        answer = await sender.post("https://other.test/", [], b"")
    assert answer.reason is Reason.TLS
    assert receiver.requests_count == 0


async def test_input_images_are_fetched_through_the_proxy() -> None:
    async with (
        FakeReceiver([respond(200, body=b"picture")]) as receiver,
        FakeProxy(receiver.port) as proxy,
    ):
        settings = ClientSettings(egress_proxy=parse_proxy(proxy.url))
        fetcher = Fetcher(TargetPolicy.server(allow_http=True), settings=settings, resolver=NAMES)
        assert await fetcher.get("http://images.test/a.png", bytes_max=100) == b"picture"
        with pytest.raises(FetchError) as refused:
            await fetcher.get("http://10.0.0.1/a.png", bytes_max=100)
    assert refused.value.reason == Reason.BLOCKED_TARGET
    assert [request[0] for request in proxy.requests] == ["CONNECT images.test:80 HTTP/1.1"]


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:3128", EgressProxy(host="proxy", port=3128)),
        ("http://10.0.0.7:80/", EgressProxy(host="10.0.0.7", port=80)),
        ("http://[fd00::1]:3128", EgressProxy(host="fd00::1", port=3128)),
    ],
)
def test_a_proxys_url_is_read(text: str, proxy: EgressProxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "proxy:3128",
        "https://proxy:3128",
        "socks5://proxy:1080",
        "http://proxy",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:3128/path",
        "http://proxy:3128?x",
        "http://user@proxy:3128",
        "http://us er:secret@proxy:3128",
        "http://user:secret@proxy:3128\r\n",
    ],
)
def test_what_is_not_a_proxys_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="http://HOST:PORT") as refused:
        parse_proxy(text)
    assert "secret" not in str(refused.value)


def test_a_proxys_password_is_not_shown() -> None:
    assert "cGFzcw" not in repr(parse_proxy("http://user:pass@proxy:3128"))
