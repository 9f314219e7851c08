"""The published receiver."""

from __future__ import annotations

import socket

import pytest

from ringback.testing import FakeReceiver, settle
from tests.patience import SOON_S


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_is_being_accepted_is_closed_with_the_receiver(turns: int) -> None:
    with socket.socket() as client:
        client.settimeout(SOON_S)
        async with FakeReceiver() as receiver:
            client.connect(("127.0.0.1", receiver.port))
            await settle(turns)
        try:
            received = client.recv(1)
        except ConnectionResetError:
            received = b""
    assert received == b""
