"""The sender on real sockets, with receivers in good order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

import pytest

from ringback.egress.answer import Answer, Reason
from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.testing import (
    FakeReceiver,
    FakeResolver,
    close_after,
    hang,
    redirect,
    respond,
    settle,
)

MakeSender = Callable[..., WebhookSender]

HEADERS = [(b"content-type", b"application/json"), (b"webhook-id", b"d-1")]


async def post(sender: WebhookSender, url: str, body: bytes = b"{}") -> Answer:
    return await sender.post(url, HEADERS, body)


async def test_the_receiver_gets_the_bytes_and_headers_as_given(make_sender: MakeSender) -> None:
    async with FakeReceiver() as receiver:
        url = receiver.url_at("/a%20b/?q=%C3%A9&r[]=1")
        answer = await post(make_sender(), url, b'{"job_id": "1"}')
    (request,) = receiver.requests
    assert answer.status_code == 200
    assert answer.reason is None
    assert request.method == "POST"
    assert request.path == "/a%20b/?q=%C3%A9&r[]=1"
    assert request.body == b'{"job_id": "1"}'
    assert sorted(request.headers) == [
        ("accept-encoding", "identity"),
        ("content-length", "15"),
        ("content-type", "application/json"),
        ("host", f"127.0.0.1:{receiver.port}"),
        ("webhook-id", "d-1"),
    ]


async def test_an_answer_tells_its_headers_body_address_and_times(make_sender: MakeSender) -> None:
    script = respond(503, headers=[("Retry-After", "120")], body=b"busy")
    resolver = FakeResolver({"localhost": ["127.0.0.1"]})
    async with FakeReceiver([script]) as receiver:
        url = receiver.url_at("/", host="localhost")
        answer = await post(make_sender(resolver=resolver), url)
    assert answer.reason is Reason.STATUS
    assert answer.header(b"retry-after") == b"120"
    assert answer.body == b"busy"
    assert answer.address == "127.0.0.1"
    assert not answer.truncated
    times = answer.timings
    assert times.dns_ms is not None
    assert times.connect_ms is not None
    assert times.first_byte_ms is not None
    assert times.tls_ms is None
    assert times.dns_ms + times.connect_ms + times.first_byte_ms <= times.total_ms


async def test_a_redirect_is_an_answer_and_is_not_followed(make_sender: MakeSender) -> None:
    metadata = redirect("http://169.254.169.254/latest/meta-data/", 307)
    async with FakeReceiver([metadata]) as receiver:
        answer = await post(make_sender(), receiver.url)
    assert answer.status_code == 307
    assert answer.reason is Reason.REDIRECT
    assert receiver.requests_count == 1


async def test_http_1_0_is_understood_and_its_connection_not_used_again(
    make_sender: MakeSender,
) -> None:
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with FakeReceiver([old]) as receiver:
        sender = make_sender()
        answer = await post(sender, receiver.url)
        assert (answer.status_code, answer.body) == (200, b"ok")
        assert not (await post(sender, receiver.url)).reused


async def test_an_answer_may_end_with_its_connection(make_sender: MakeSender) -> None:
    async with FakeReceiver([close_after(b"HTTP/1.1 200 OK\r\n\r\nall of it")]) as receiver:
        answer = await post(make_sender(), receiver.url)
    assert (answer.status_code, answer.reason, answer.body) == (200, None, b"all of it")


async def test_interim_answers_are_skipped(make_sender: MakeSender) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 3
    async with FakeReceiver([interim + respond(202, headers=[("a", "b")])]) as receiver:
        answer = await post(make_sender(), receiver.url)
    assert answer.status_code == 202
    assert answer.header(b"link") is None
    assert answer.header(b"a") == b"b"


async def test_a_chunked_answer_keeps_its_connection(make_sender: MakeSender) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\ntrailer: x\r\n\r\n"
    )
    async with FakeReceiver([chunked]) as receiver:
        sender = make_sender()
        answer = await post(sender, receiver.url)
        assert answer.body == b"hello"
        assert answer.header(b"trailer") is None
        assert (await post(sender, receiver.url)).reused


async def test_tls_checks_the_real_name_at_the_checked_address(
    make_sender: MakeSender, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    server_names: list[str] = []
    server_tls.sni_callback = lambda _object, name, _context: server_names.append(str(name))
    resolver = FakeResolver({"receiver.test": ["127.0.0.1"]})
    async with FakeReceiver(ssl_context=server_tls) as receiver:
        sender = make_sender(resolver=resolver, ssl_context=client_tls)
        url = receiver.url_at("/hook", host="receiver.test")
        first, second = [await post(sender, url) for _ in range(2)]
    assert first.status_code == 200
    assert first.timings.tls_ms is not None
    assert second.reused
    assert server_names == ["receiver.test"]
    assert receiver.requests[0].header("host") == f"receiver.test:{receiver.port}"


async def test_an_answer_over_tls_may_end_with_its_connection(
    make_sender: MakeSender, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    resolver = FakeResolver({"receiver.test": ["127.0.0.1"]})
    script = close_after(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    async with FakeReceiver([script], ssl_context=server_tls) as receiver:
        sender = make_sender(resolver=resolver, ssl_context=client_tls)
        answer = await post(sender, receiver.url_at("/", host="receiver.test"))
    assert (answer.reason, answer.body) == (None, b"all of it")


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_that_is_not_the_hosts_or_not_trusted_is_refused(
    make_sender: MakeSender,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    trusted: bool,
) -> None:
    host = "other.test" if trusted else "receiver.test"
    resolver = FakeResolver({host: ["127.0.0.1"]})
    async with FakeReceiver(ssl_context=server_tls) as receiver:
        sender = make_sender(
            resolver=resolver, ssl_context=client_tls if trusted else ssl.create_default_context()
        )
        answer = await post(sender, receiver.url_at("/", host=host))
    assert answer.reason is Reason.TLS
    assert "certificate" in answer.detail
    assert (answer.words or "").startswith("its certificate is not trusted: ")
    assert receiver.requests_count == 0


async def test_a_port_that_nobody_listens_on_is_a_connect_failure(make_sender: MakeSender) -> None:
    async with FakeReceiver() as receiver:
        url = receiver.url
    answer = await post(make_sender(), url)
    assert answer.reason is Reason.CONNECT
    assert "127.0.0.1" in answer.detail
    assert answer.words == "the connection was refused"


async def test_the_next_address_is_dialled_when_one_does_not_take_the_connection(
    make_sender: MakeSender,
) -> None:
    resolver = FakeResolver({"localhost": ["127.0.0.2", "127.0.0.1"]})
    async with FakeReceiver() as receiver:
        sender = make_sender(resolver=resolver)
        answer = await post(sender, receiver.url_at("/", host="localhost"))
    assert answer.status_code == 200
    assert answer.address == "127.0.0.1"


@pytest.mark.parametrize("name", [b"a b", b"", b"a:", b"a\r\nb", b"Host", b"content-length"])
async def test_a_header_name_that_a_webhook_may_not_carry_is_refused(
    make_sender: MakeSender, name: bytes
) -> None:
    with pytest.raises(ValueError, match="header"):
        await make_sender().post("http://127.0.0.1:1/", [(name, b"x")], b"")


@pytest.mark.parametrize("value", [b"\r\nx: y", b"a\nb", b"a\rb", b"a\0b", b"\x7f", b"a\r\n"])
async def test_a_header_value_with_control_characters_is_refused(
    make_sender: MakeSender, value: bytes
) -> None:
    with pytest.raises(ValueError, match="control"):
        await make_sender().post("http://127.0.0.1:1/", [(b"a", b"b"), (b"x", value)], b"")


async def test_drain_waits_for_posts_under_way(make_sender: MakeSender) -> None:
    sender = make_sender(settings=ClientSettings(total_timeout_s=0.2))
    async with FakeReceiver(then=hang()) as receiver:
        posting = asyncio.create_task(post(sender, receiver.url))
        await receiver.wait_for(1)
        await sender.drain()
        assert (await posting).reason is Reason.TIMEOUT


async def test_close_ends_posts_under_way_and_refuses_new_ones(make_sender: MakeSender) -> None:
    sender = make_sender()
    async with FakeReceiver(then=hang()) as receiver:
        posting = asyncio.create_task(post(sender, receiver.url))
        await receiver.wait_for(1)
        await sender.close()
        assert (await posting).status_code is None
        assert (await post(sender, receiver.url)).reason is Reason.CONNECT
        assert receiver.requests_count == 1


async def test_close_does_not_wait_for_a_slow_name_server(make_sender: MakeSender) -> None:
    class Never:
        async def resolve(self, host: str, port: int, *, workspace_id: str = "") -> list[str]:
            never: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            return await never

    sender = make_sender(
        resolver=Never(), settings=ClientSettings(dns_timeout_s=60, total_timeout_s=60)
    )
    posting = asyncio.create_task(post(sender, "http://localhost:1/"))
    await settle()
    await sender.close()
    assert (await posting).reason is Reason.CONNECT


async def test_environment_proxies_are_ignored(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with FakeReceiver() as receiver:
        assert (await post(make_sender(), receiver.url)).status_code == 200


async def test_each_step_has_a_time_limit_and_a_reason_of_its_own(make_sender: MakeSender) -> None:
    class Never:
        async def resolve(self, host: str, port: int, *, workspace_id: str = "") -> list[str]:
            never: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            return await never

    slow_names = make_sender(resolver=Never(), settings=ClientSettings(dns_timeout_s=0.05))
    assert (await post(slow_names, "http://localhost:1/")).reason is Reason.DNS
    # A listener whose queue is full takes no more connections, and refuses none.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with contextlib.ExitStack() as held:
            for _ in range(4):
                http_client = held.enter_context(socket.socket())
                http_client.setblocking(False)
                http_client.connect_ex(("127.0.0.1", port))
            slow_connects = make_sender(settings=ClientSettings(connect_timeout_s=0.05))
            answer = await post(slow_connects, f"http://127.0.0.1:{port}/")
    assert answer.reason is Reason.CONNECT
    assert "0.05 s" in answer.detail


async def test_the_machines_own_resolver_knows_localhost(make_sender: MakeSender) -> None:
    async with FakeReceiver() as receiver:
        url = receiver.url_at("/", host="localhost")
        answers = await asyncio.gather(*(post(make_sender(), url) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_the_server_preset_dials_nothing_of_ours(make_sender: MakeSender) -> None:
    async with FakeReceiver() as receiver:
        answer = await post(make_sender(TargetPolicy.server(allow_http=True)), receiver.url)
    assert answer.reason is Reason.BLOCKED_TARGET
    assert receiver.connections_count == 0
