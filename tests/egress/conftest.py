"""The certificates and the sender of the tests on real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ringback.egress.policy import TargetPolicy
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender

TLS = Path(__file__).parent / "tls"

MakeSender = Callable[..., WebhookSender]


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    """The receiver's side: a certificate for receiver.test."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "receiver.pem", TLS / "receiver.key")
    return context


@pytest.fixture
def client_tls() -> ssl.SSLContext:
    """The sender's side: trusts the tests' authority alone."""
    return ssl.create_default_context(cafile=TLS / "authority.pem")


@pytest.fixture
async def make_sender() -> AsyncIterator[MakeSender]:
    """Senders for a developer's machine with short deadlines, closed at the test's end."""
    async with AsyncExitStack() as stack:

        def make(policy: TargetPolicy | None = None, **options: object) -> WebhookSender:
            options.setdefault("settings", ClientSettings(total_timeout_s=2.0))
            sender = WebhookSender(policy or TargetPolicy.dev(), **options)  # type: ignore[arg-type]
            stack.push_async_callback(sender.close)
            return sender

        yield make
