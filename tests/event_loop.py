"""The event loop of the tests: a test that leaves a connection open fails itself, and no later one.

Garbage collection finds an open connection at any time, and would blame the test that runs then.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from ringback.testing import settle


class WatchedLoop(asyncio.SelectorEventLoop):
    """Closes the connections that its test left open, and raises for those that it had opened.

    A connection that a listening socket accepted is closed without a word: another program may
    connect while the test ends, and the end that connected is the one to close it.
    """

    async def _accept_connection2(
        self, factory: Any, conn: socket.socket, extra: Any, tls: Any, server: Any, *rest: Any
    ) -> None:
        """Close a connection whose server was closed meanwhile: Python 3.11 leaves it open."""
        if not server.sockets:
            conn.close()
            return
        await super()._accept_connection2(factory, conn, extra, tls, server, *rest)  # type: ignore[misc]

    def close(self) -> None:
        """Close the loop; ``AssertionError`` names each connection that was still open."""
        if self.is_closed():
            return
        self.run_until_complete(settle())  # connections get their protocols, or have been lost
        left = [each for each in self._transports.values() if not each.is_closing()]  # type: ignore[attr-defined]
        opened = [
            f"{each.get_extra_info('peername')} by {each.get_protocol()!r}"
            for each in left
            if each._server is None
        ]
        for transport in left:
            transport.abort()
        self.run_until_complete(settle())
        super().close()
        assert not opened, f"The test left connections open: {', '.join(opened)}."
