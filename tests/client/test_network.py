"""How the client and the commands connect: private authorities, and proxies of the environment."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringback import Ringback
from ringback.cli.console.exit_status import NoAnswer
from ringback.cli.verifying.trigger import Triggered, make, post
from ringback.client.clock import AsyncSystemClock
from ringback.client.config import is_loopback
from ringback.client.errors import ConfigurationError
from ringback.client.models import HandedDelivery, LocalAnswer
from ringback.client.network import http_options
from ringback.client.posting import Poster
from ringback.egress.dial import system_trust
from ringback.egress.policy import TargetPolicy
from ringback.egress.webhook_sender import WebhookSender
from ringback.errors import ArtifactsUnavailable, SetupError
from ringback.files.artifacts.bucket import bucket_at
from ringback.files.artifacts.s3 import S3Artifacts
from ringback.ids import new_secret
from ringback.testing import FakeClock, FakeReceiver, respond
from tests.patience import SOON_S

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Authority(NamedTuple):
    """A private authority, and a server's certificate for localhost that it signed."""

    ca_file: Path
    context: ssl.SSLContext


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR", "RINGBACK_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new authority, as an operator makes one for a private network."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("Our own authority", root_key, None, root_key, is_authority=True)
    own = _certificate("localhost", key, root, root_key, is_authority=False)
    pem = serialization.Encoding.PEM
    ca_file, chain = tmp_path / "ca.pem", tmp_path / "server.pem"
    ca_file.write_bytes(root.public_bytes(pem))
    chain.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + own.public_bytes(pem)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return Authority(ca_file, context)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(AsyncSystemClock().now_s(), UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


@asynccontextmanager
async def https_receiver(authority: Authority) -> AsyncIterator[str]:
    async with FakeReceiver(ssl_context=authority.context) as receiver:
        yield f"https://127.0.0.1:{receiver.port}/hook?x=1"


async def forwarded(url: str, *, ca_file: Path | None = None, verifies: bool = True) -> LocalAnswer:
    """Post as ``ringback listen --forward-to`` does."""
    delivery = HandedDelivery(
        delivery_id="d",
        epoch=1,
        event="job.completed",
        attempt=1,
        webhook_timestamp=1,
        timeout_s=SOON_S,
        headers=(("content-type", "application/json"),),
        body="{}",
    )
    poster = Poster(url, clock=AsyncSystemClock(), ca_file=ca_file, verifies=verifies)
    try:
        return await poster.post(delivery)
    finally:
        await poster.close()


async def triggered(url: str, *, ca_file: Path | None = None, verifies: bool = True) -> Triggered:
    """Post as ``ringback trigger`` does."""
    webhook = make("job.completed", secret=new_secret(), job_id=None, webhook_id=None)
    return await asyncio.to_thread(post, url, webhook, ca_file=ca_file, verifies=verifies)


@pytest.mark.parametrize("way", ["ca_file", "RINGBACK_CA_FILE", "SSL_CERT_FILE", "skip"])
async def test_a_private_authority_is_trusted_for_a_receiver_on_this_machine(
    authority: Authority, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca_file = authority.ca_file if way == "ca_file" else None
    if way.isupper():
        monkeypatch.setenv(way, str(authority.ca_file))
    async with https_receiver(authority) as url:
        answer = await forwarded(url, ca_file=ca_file, verifies=way != "skip")
        assert answer.is_good, answer.detail
        assert (await triggered(url, ca_file=ca_file, verifies=way != "skip")).is_delivered


async def test_an_unknown_authority_is_refused_with_the_verifiers_words(
    authority: Authority,
) -> None:
    async with https_receiver(authority) as url:
        answer = await forwarded(url)
        assert answer.reason == "tls"
        assert "certificate verify failed" in answer.detail.lower()
        with pytest.raises(NoAnswer, match=r"(?i)certificate.verify.failed"):
            await triggered(url)


async def test_the_server_trusts_the_authorities_of_its_setting(authority: Authority) -> None:
    async with https_receiver(authority) as url:
        for ca_file, reason in ((None, "tls"), (authority.ca_file, None)):
            sender = WebhookSender(TargetPolicy.dev(), ssl_context=system_trust(ca_file))
            answer = await sender.post(url, [], b"{}")
            await sender.close()
            assert answer.reason == reason, answer.detail


async def test_a_buckets_unfinished_uploads_are_listed_by_the_authorities_of_the_setting(
    authority: Authority,
) -> None:
    answers = [respond(200, body=b"<ListMultipartUploadsResult/>")]
    async with FakeReceiver(answers, ssl_context=authority.context) as receiver:
        bucket = bucket_at(
            "s3://files",
            endpoint=f"https://127.0.0.1:{receiver.port}",
            region=None,
            path_style=True,
            environment={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        )
        with pytest.raises(ArtifactsUnavailable):
            await S3Artifacts(bucket, clock=FakeClock()).sweep(before_ms=1)
        trusting = S3Artifacts(bucket, clock=FakeClock(), ca_file=authority.ca_file)
        assert await trusting.sweep(before_ms=1) == 0


@pytest.mark.parametrize("content", [None, b"", b"no certificate\n"])
def test_a_file_of_authorities_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem .*PEM"):
        http_options("https://jobs.example", ca_file=file)
    with pytest.raises(SetupError, match=r"ca\.pem .*PEM"):
        system_trust(file)


def test_only_a_receiver_on_this_machine_goes_unverified() -> None:
    with pytest.raises(ConfigurationError, match="not on this machine"):
        http_options("https://hooks.example/x", verifies=False)
    assert http_options("https://app.localhost:3000/x?y", verifies=False)["verify"] is False


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:3000/hook?x=1", True),
        ("http://LOCALHOST/#x", True),
        ("http://app.localhost/", True),
        ("https://127.9.9.9/", True),
        ("http://[::1]:3000/?q", True),
        ("http://localhost.example/", False),
        ("http://10.0.0.1/", False),
        ("nonsense", False),
    ],
)
def test_a_url_names_this_machine_by_its_host_alone(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here


@pytest.mark.parametrize(
    "proxy", ["http://u:hunter2@h:x", "ftp://h:1", "http://[::1", "socks9://h:1", "http://:80:80"]
)
@pytest.mark.parametrize("variable", ["ALL_PROXY", "https_proxy"])
def test_a_proxy_that_is_none_is_a_sentence_for_every_client(
    proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    webhook = make("job.completed", secret=new_secret(), job_id=None, webhook_id=None)
    clients = (
        lambda: Ringback("k", "https://jobs.example"),
        lambda: Poster("https://hooks.example", clock=AsyncSystemClock()),
        lambda: post("https://hooks.example", webhook),
    )
    for make_client in clients:
        with pytest.raises(ConfigurationError, match="A proxy in the environment") as refused:
            make_client()
        assert "hunter2" not in str(refused.value)
    Ringback("k", "http://localhost:7464").close()  # goes through no proxy


async def test_a_server_is_reached_through_a_socks_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(b"\x05\x00")
        _, _, _, kind, length = await reader.readexactly(5)
        assert kind == 3
        named.append((await reader.readexactly(length)).decode())
        await reader.readexactly(2)
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        inner.write(await reader.readuntil(b"\r\n\r\n{}"))
        writer.write(await inner_reader.readuntil(b"\r\n\r\n"))
        for one in (inner, writer):
            one.close()
            await one.wait_closed()

    named: list[str] = []
    async with FakeReceiver() as receiver, await asyncio.start_server(serve, "127.0.0.1") as proxy:
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        answer = await forwarded("http://hooks.example/hook")
    assert answer.is_good, answer.detail
    assert named == ["hooks.example"]
