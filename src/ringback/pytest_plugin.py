"""Pytest fixtures for programs that use Ringback; an entry point registers them.

The server is imported by the first test that requests a fixture, so other test runs stay fast.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from ringback.wire.texts import variable_text

if TYPE_CHECKING:
    from ringback.testing.inbox import WebhookInbox
    from ringback.testing.lab import Lab
    from ringback.testing.server import RingbackServer

URL_VARIABLE = "RINGBACK_TEST_URL"
COMMAND_VARIABLE = "RINGBACK_TEST_COMMAND"
INBOX_HOST_VARIABLE = "RINGBACK_TEST_INBOX_HOST"
_MISSING = (
    "The fixture ringback_server runs a whole server, and {} is not installed. Install Ringback "
    f"with its extra 'server', or name a running ringback dev in {URL_VARIABLE}, or a command "
    f"that starts one in {COMMAND_VARIABLE}."
)

_NO_INBOX = "The fixture webhook_inbox needs {}; install Ringback with its extra 'testing'."


@pytest.fixture(scope="session")
def ringback_test_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Return the URL of a server outside this process, or None to run one inside it.

    ``RINGBACK_TEST_URL`` names it; ``RINGBACK_TEST_COMMAND`` is a command that starts one.
    """
    url, command = variable_text(os.environ, URL_VARIABLE), os.environ.get(COMMAND_VARIABLE)
    if url or not command:
        yield url
        return
    from ringback.testing.server import started

    with ExitStack() as running:
        try:
            found = running.enter_context(started(command, tmp_path_factory.mktemp("ringback")))
        except (RuntimeError, OSError) as exc:
            pytest.fail(str(exc), pytrace=False)
        yield found


@pytest.fixture
def ringback_server(
    ringback_test_url: str | None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RingbackServer]:
    """Return an emulator for this test alone, and set the environment variables that point to it.

    ``RINGBACK_BASE_URL``, ``RINGBACK_API_KEY`` and ``RINGBACK_WEBHOOK_SECRET`` are set, so a
    client that is made without arguments uses it. Of a server outside this process the test has
    a workspace of its own.
    """
    with ExitStack() as running:
        if ringback_test_url is None:
            server = _inside(running, tmp_path_factory)
        else:
            server = _attached(ringback_test_url)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def webhook_inbox(ringback_server: RingbackServer) -> Iterator[WebhookInbox]:
    """Receive webhooks at ``webhook_inbox.url``; tests wait for them with ``wait``."""
    try:
        from ringback.testing.inbox import WebhookInbox
    except ModuleNotFoundError as exc:
        pytest.fail(_NO_INBOX.format(exc.name), pytrace=False)
    host = variable_text(os.environ, INBOX_HOST_VARIABLE)
    with WebhookInbox(ringback_server.secret, host=host) as inbox:
        yield inbox


@pytest.fixture
def ringback_lab(ringback_server: RingbackServer) -> Lab:
    """Inject faults into the emulator's jobs, and advance its clock."""
    from ringback.testing.lab import Lab

    return Lab(ringback_server)


def _inside(running: ExitStack, factory: pytest.TempPathFactory) -> RingbackServer:
    try:
        from ringback.testing.emulator import Emulator
    except ModuleNotFoundError as exc:
        pytest.fail(_MISSING.format(exc.name), pytrace=False)
    return running.enter_context(Emulator(factory.mktemp("ringback")))


def _attached(url: str) -> RingbackServer:
    from ringback.testing.server import AttachedServer

    try:
        return AttachedServer(url)
    except RuntimeError as exc:
        pytest.fail(str(exc), pytrace=False)
