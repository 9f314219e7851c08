"""A stream of events over a real connection to a real server."""

from __future__ import annotations

import http.client
import json
import signal
from urllib.parse import urlsplit

from tests.cli.program import Program
from tests.cli.test_deliveries import submit


def test_a_stream_tells_of_events_and_ends_in_good_order_with_its_server(
    ringback: Program,
) -> None:
    server = ringback.start("dev", "--port", "0", "--json")
    url = server.ready()["url"]
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    headers = {"authorization": "Bearer dev", "accept": "text/event-stream"}
    connection.request("GET", "/events", headers=headers)
    stream = connection.getresponse()
    assert stream.readline() == b"retry: 1000\n"
    job_id = submit(url)
    lines: list[bytes] = []
    while not (lines and lines[-1].startswith(b"data: ")):
        lines.append(stream.readline())
    assert json.loads(lines[-1][6:])["job_id"] == job_id
    server.process.send_signal(signal.SIGTERM)
    # Whole (a stream that was cut would raise), with no more than signs of life on a slow machine.
    assert stream.read().replace(b": still here\n\n", b"") == b"\n"
    connection.close()
    assert server.process.wait(timeout=20) == 0
