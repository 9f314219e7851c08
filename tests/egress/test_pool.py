"""The pool of idle connections: bounded, warmest first, swept, and only to judged addresses."""

from __future__ import annotations

import asyncio

from ringback.egress.answer import Limits
from ringback.egress.connection import Connection
from ringback.egress.pool import Origin, Pool, PoolSettings
from ringback.egress.write_batching import WriteBatch
from ringback.testing import FakeClock

SETTINGS = PoolSettings(idle_per_origin_max=2, idle_max=3, idle_age_s_max=20, checked_age_s_max=30)


class Wire(asyncio.Transport):
    """A transport that only remembers that it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def a_connection(clock: FakeClock, address: str = "127.0.0.1") -> tuple[Connection, Wire]:
    connection = Connection(address, limits=Limits(), clock=clock, writes=WriteBatch())
    wire = Wire()
    connection.connection_made(wire)
    connection.reusable = True
    return connection, wire


def an_origin(pool: Pool, name: str, *addresses: str) -> Origin:
    origin = pool.origin(name)
    pool.note(origin, addresses or ("127.0.0.1",), now=0)
    return origin


async def test_the_warmest_connection_is_taken_first() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    a, b = an_origin(pool, "a"), an_origin(pool, "b")
    first, second = a_connection(clock)[0], a_connection(clock)[0]
    pool.give_back(a, first, now=0)
    pool.give_back(a, second, now=0)
    assert pool.take(b, now=0) is None
    assert [pool.take(a, now=0) for _ in range(3)] == [second, first, None]
    pool.close()


async def test_an_origin_has_one_record() -> None:
    pool = Pool(SETTINGS, FakeClock())
    held = pool.origin("a")
    assert pool.origin("a") is held
    assert pool.origin("b") is not held


async def test_what_finds_no_room_is_closed() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    origins = {name: an_origin(pool, name) for name in "abc"}
    made = [a_connection(clock) for _ in range(5)]
    for (connection, _), name in zip(made, "aaabc", strict=True):
        pool.give_back(origins[name], connection, now=0)
    assert [wire.closed for _, wire in made] == [False, False, True, False, True]
    pool.close()
    assert all(wire.closed for _, wire in made)


async def test_sweeping_closes_what_waited_too_long_and_frees_its_room() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    a, b = an_origin(pool, "a"), an_origin(pool, "b")
    (old, old_wire), (young, young_wire) = a_connection(clock), a_connection(clock)
    pool.give_back(a, old, now=0)
    clock.advance(15)
    pool.give_back(b, young, now=15)
    clock.advance(10)
    pool.sweep()
    assert (old_wire.closed, young_wire.closed) == (True, False)
    assert pool.take(a, now=25) is None
    assert pool.take(b, now=25) is young
    pool.close()


async def test_every_address_that_a_name_has_is_used_and_no_other() -> None:
    clock = FakeClock()
    pool = Pool(SETTINGS, clock)
    origin = an_origin(pool, "a", "1.1.1.1", "2.2.2.2")
    one, two = a_connection(clock, "1.1.1.1")[0], a_connection(clock, "2.2.2.2")[0]
    for connection in (one, two):
        pool.give_back(origin, connection, now=0)
    assert {pool.take(origin, now=1), pool.take(origin, now=1)} == {one, two}
    moved, moved_wire = a_connection(clock, "1.1.1.1")
    pool.give_back(origin, moved, now=1)
    pool.note(origin, ("2.2.2.2",), now=2)
    assert pool.take(origin, now=2) is None
    assert moved_wire.closed
    pool.close()


async def test_nothing_is_used_on_the_word_of_an_old_look_up() -> None:
    clock = FakeClock()
    pool = Pool(PoolSettings(idle_age_s_max=100, checked_age_s_max=30), clock)
    origin = an_origin(pool, "a")
    connection, wire = a_connection(clock)
    pool.give_back(origin, connection, now=0)
    assert pool.take(origin, now=30) is None
    assert not wire.closed
    pool.note(origin, ("127.0.0.1",), now=30)
    assert pool.take(origin, now=31) is connection
    pool.close()
