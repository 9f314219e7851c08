"""The pool of idle connections: bounded, warmest first, and swept."""

from __future__ import annotations

import asyncio

from ringback.egress.connection import Connection, Limits
from ringback.egress.pool import Pool, PoolSettings
from ringback.testing import FakeClock

SETTINGS = PoolSettings(idle_per_origin_max=2, idle_max=3, idle_age_s_max=20)


class Wire(asyncio.Transport):
    """A transport that only remembers that it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def a_connection(clock: FakeClock) -> tuple[Connection, Wire]:
    connection = Connection("127.0.0.1", limits=Limits(), clock=clock)
    wire = Wire()
    connection.connection_made(wire)
    connection.reusable = True
    return connection, wire


async def test_the_warmest_connection_is_taken_first() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    first, second = a_connection(clock)[0], a_connection(clock)[0]
    pool.give_back("a", first, now=0)
    pool.give_back("a", second, now=0)
    assert pool.take("b", now=0) is None
    assert [pool.take("a", now=0) for _ in range(3)] == [second, first, None]
    pool.close()


async def test_what_finds_no_room_is_closed() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    made = [a_connection(clock) for _ in range(5)]
    for (connection, _), origin in zip(made, "aaabc", strict=True):
        pool.give_back(origin, connection, now=0)
    assert [wire.closed for _, wire in made] == [False, False, True, False, True]
    pool.close()
    assert all(wire.closed for _, wire in made)


async def test_sweeping_closes_what_waited_too_long_and_frees_its_room() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    (old, old_wire), (young, young_wire) = a_connection(clock), a_connection(clock)
    pool.give_back("a", old, now=0)
    clock.advance(15)
    pool.give_back("b", young, now=15)
    clock.advance(10)
    pool.sweep()
    assert (old_wire.closed, young_wire.closed) == (True, False)
    assert pool.take("a", now=25) is None
    assert pool.take("b", now=25) is young
    pool.close()
