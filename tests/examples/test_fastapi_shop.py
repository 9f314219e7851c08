"""The FastAPI shop: as many settlements as orders, also when either side fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

import ringback
from ringback.testing.emulator import Emulator
from ringback.testing.lab import Lab
from tests.e2e.harness import ServerProcess, free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastapi_shop"
JOBS = int(os.environ.get("JOBS", "200"))
# Every kind of fault, on most of the jobs; what is spoiled or held comes again in its time.
FAULTS = """
seed = 7
[[rule]]
faults = "job=fail; deliver=twice"
probability = 0.1
[[rule]]
faults = "job=cancel; again=2s"
probability = 0.1
[[rule]]
faults = "job=empty; delay=1s"
probability = 0.1
[[rule]]
faults = "signature=bad; deliver=at-once"
probability = 0.12
[[rule]]
faults = "signature=missing"
probability = 0.12
[[rule]]
faults = "timestamp=old; again=1s"
probability = 0.15
[[rule]]
faults = "timestamp=future"
probability = 0.15
[[rule]]
faults = "body=truncated; spoil=2"
probability = 0.2
[[rule]]
faults = "hold=2; deliver=twice"
probability = 0.25
[[rule]]
faults = "reorder=3"
probability = 0.3
[[rule]]
faults = "slow=300ms; deliver=at-once"
probability = 0.4
"""


class Shop:
    """The example in a process of its own, which can be killed and started again."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._environment = {
            **os.environ,
            **environment,
            "PYTHONPATH": f"{Path(ringback.__file__).parents[1]}{os.pathsep}{EXAMPLE}",
            "SHOP_URL": self.url,
            "SHOP_MODEL": "ringback/null",
            "SHOP_DB": f"sqlite:///{directory / 'shop.db'}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._directory / "shop.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(self.port)],
                env=self._environment,
                cwd=self._directory,
                stdout=log,
                stderr=log,
            )
        until(lambda: self.books() is not None)

    def end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def books(self) -> dict[str, int] | None:
        try:
            answer = httpx2.get(f"{self.url}/books", timeout=10)
        except httpx2.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def order(self, number: int) -> bool:
        try:
            answer = httpx2.post(
                f"{self.url}/orders", json={"prompt": f"print {number}"}, timeout=60
            )
        except httpx2.TransportError:
            return False
        return answer.status_code == 201

    @contextmanager
    def open(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.end(signal.SIGTERM)


def until(is_so: Any, *, tries: int = 600) -> None:
    pause = threading.Event()
    for _ in range(tries):
        if is_so():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come to be so")


def settled(books: dict[str, int] | None) -> bool:
    assert books is not None
    return not books.get("ordered") and not books.get("paid")


@pytest.mark.slow
@pytest.mark.timeout(120 + JOBS // 5)
def test_with_every_fault_there_is_as_many_settlements_as_orders(tmp_path: Path) -> None:
    with Emulator(tmp_path / "data", active_max=100_000) as server:
        lab = Lab(server)
        lab.script(FAULTS)
        shop = Shop(tmp_path, server.environment)
        with shop.open():
            with ThreadPoolExecutor(8) as customers:
                assert all(customers.map(shop.order, range(JOBS)))
            # Three days of attempts, as often as it takes: what is spoiled comes again.
            for _ in range(20):
                if settled(shop.books()):
                    break
                lab.advance("6h")
            until(lambda: settled(shop.books()))
            books = shop.books()
    assert books is not None
    assert books["fulfilled"] + books["refunded"] == JOBS
    assert books["settlements"] == books["settled_orders"] == JOBS
    assert books["refunded"] > JOBS * 0.1


@pytest.mark.timeout(120)
def test_a_kill_of_the_shop_settles_every_order_once(tmp_path: Path) -> None:
    with Emulator(tmp_path / "data", active_max=100_000) as server:
        lab = Lab(server)
        shop = Shop(tmp_path, server.environment)
        taken = 0
        for number in range(3):
            shop.start()
            with ThreadPoolExecutor(4) as customers:
                orders = [customers.submit(shop.order, number * 100 + one) for one in range(30)]
                orders[10].result()
                shop.end(signal.SIGKILL)
                taken += sum(order.result() for order in orders)
        with shop.open():
            for _ in range(20):
                if settled(shop.books()):
                    break
                lab.advance("6h")
            until(lambda: settled(shop.books()))
            books = shop.books()
    assert books is not None
    assert books["fulfilled"] >= taken >= 3
    assert books["settlements"] == books["settled_orders"] == books["fulfilled"]


@pytest.mark.timeout(180)
async def test_a_kill_of_the_server_settles_every_order_once(tmp_path: Path) -> None:
    environment = {"RINGBACK_ACTIVE_MAX": "100000", "RINGBACK_WEBHOOK_SCHEDULE_S": "0,1,1,2,4,8"}
    async with ServerProcess(tmp_path / "data", environment=environment) as server:
        await server.start()
        ready = server.ready
        shop = Shop(
            tmp_path,
            {
                "RINGBACK_BASE_URL": ready["url"],
                "RINGBACK_API_KEY": "dev",
                "RINGBACK_WEBHOOK_SECRET": ready["secret"],
            },
        )
        with shop.open():
            with ThreadPoolExecutor(4) as customers:
                for number in range(3):
                    orders = [customers.submit(shop.order, number * 100 + n) for n in range(30)]
                    await asyncio.wrap_future(orders[10])
                    await server.kill()
                    await server.start()
                    # The shop's client tries again for as long as the server is away.
                    assert all(await asyncio.gather(*map(asyncio.wrap_future, orders)))
            await asyncio.to_thread(until, lambda: settled(shop.books()))
            books = shop.books()
        assert await server.stop() == 0
    assert books is not None
    assert books["fulfilled"] == 90
    assert books["settlements"] == books["settled_orders"] == 90
