"""Names are looked up at a real name server, under both event loops."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import dns.name
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.answer import Reason
from ringback.egress.fetcher import Fetcher
from ringback.egress.host_lookup import DnsLookup, ThreadedLookup
from ringback.egress.policy import TargetPolicy
from ringback.egress.resolver import LOOKUPS_MAX, SystemResolver
from ringback.egress.transport import ClientSettings
from ringback.egress.webhook_sender import WebhookSender
from ringback.errors import FetchError
from ringback.testing import FakeClock, FakeReceiver, respond, settle
from tests.name_server import FakeNameServer

FOREVER_S = 3600.0
LOOPS: dict[str, Callable[[], AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class DnsWorld:
    """A name server, and a resolver that asks it, with files of its own."""

    def __init__(self, server: FakeNameServer, directory: Path) -> None:
        self.server = server
        self.clock = FakeClock()
        self.hosts = directory / "hosts"
        self.resolv_conf = directory / "resolv.conf"

    def resolver(
        self, *, timeout_s: float = FOREVER_S, resend_s: float = FOREVER_S
    ) -> SystemResolver:
        lookup = DnsLookup(
            [self.server.where],
            resend_s=resend_s,
            resolv_conf=self.resolv_conf,
            hosts=self.hosts,
        )
        return SystemResolver(timeout_s=timeout_s, clock=self.clock, lookup=lookup)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DnsWorld]:
    async with FakeNameServer() as server:
        yield DnsWorld(server, tmp_path)


async def resolved(resolver: SystemResolver, host: str, workspace_id: str = "bob") -> list[str]:
    return list(await resolver.resolve(host, 443, workspace_id=workspace_id))


async def until_open(resolver: SystemResolver, count: int) -> None:
    """Return when the resolver has so many open questions."""
    while resolver.open_count != count:
        await settle(1)


async def many_silent_names_beside_bobs(directory: Path) -> None:
    async with FakeNameServer() as server:
        for number in range(50):
            server.has(f"bob{number}.test", "192.0.2.7")
        resolver = DnsWorld(server, directory).resolver()
        descriptors = len(os.listdir("/proc/self/fd"))
        hanging = [
            asyncio.create_task(resolved(resolver, f"n{number}.silent.test", "mallory"))
            for number in range(1_000)
        ]
        await server.wait_for(2 * LOOKUPS_MAX)
        assert resolver.open_count == 1_000
        asked_by_mallory = server.queries.total()
        for number in range(50):
            assert await resolved(resolver, f"bob{number}.test") == ["192.0.2.7"]
        assert (
            await asyncio.gather(*(resolved(resolver, f"bob{number}.test") for number in range(50)))
            == [["192.0.2.7"]] * 50
        )
        assert not any(lookup.done() for lookup in hanging)
        assert asked_by_mallory == 2 * LOOKUPS_MAX  # the share of one who has company
        for lookup in hanging:
            lookup.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        await until_open(resolver, 0)
        assert await resolved(resolver, "bob1.test", "mallory") == ["192.0.2.7"]
        await settle()
        assert len(os.listdir("/proc/self/fd")) == descriptors
        resolver.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.filterwarnings("default::ResourceWarning")
def test_a_thousand_names_that_are_never_answered_cost_others_nothing(
    loop: str, tmp_path: Path
) -> None:
    run(many_silent_names_beside_bobs(tmp_path), loop)


def run(main: Coroutine[Any, Any, None], loop: str) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main)


async def every_kind_of_answer(directory: Path) -> None:
    async with FakeNameServer() as server:
        server.has("both.test", "192.0.2.1", "2001:db8::1")
        server.has("far.test", "192.0.2.2")
        server.leads("alias.test", "alias2.test")
        server.leads("alias2.test", "far.test")
        server.has("long.test", *(f"192.0.2.{number}" for number in range(1, 90)))
        server.truncates("long.test")
        server.refuses("broken.test")
        server.has("noisy.test", "192.0.2.3")
        server.sends_garbage("noisy.test", b"\xff" * 40)
        world = DnsWorld(server, directory)
        resolver = world.resolver()
        assert sorted(await resolved(resolver, "both.test")) == ["192.0.2.1", "2001:db8::1"]
        assert await resolved(resolver, "alias.test") == ["192.0.2.2"]
        assert len(await resolved(resolver, "long.test")) == 89
        assert server.over_tcp["long.test."] == 2
        assert await resolved(resolver, "noisy.test") == ["192.0.2.3"]
        for absent in ("nobody.test", "broken.test", "alias3.test", "a" * 70 + ".test"):
            with pytest.raises(OSError, match="name server"):
                await resolved(resolver, absent)
        resolver.close()
        with pytest.raises(OSError, match="closed"):
            await resolved(resolver, "both.test")


@pytest.mark.parametrize("loop", LOOPS)
def test_answers_of_every_kind_are_understood(loop: str, tmp_path: Path) -> None:
    run(every_kind_of_answer(tmp_path), loop)


async def a_server_that_is_gone(directory: Path) -> None:
    async with FakeNameServer() as gone:
        pass
    async with FakeNameServer() as server:
        server.has("shop.test", "192.0.2.7")
        servers = [gone.where, server.where]
        lookup = DnsLookup(servers, resend_s=FOREVER_S, hosts=directory / "hosts")
        resolver = SystemResolver(timeout_s=FOREVER_S, lookup=lookup)
        assert await resolved(resolver, "shop.test") == ["192.0.2.7"]
        lookup = DnsLookup([gone.where], resend_s=FOREVER_S, hosts=directory / "hosts")
        with pytest.raises(OSError, match="could not answer"):
            await resolved(SystemResolver(timeout_s=FOREVER_S, lookup=lookup), "shop.test")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_is_not_there_is_passed_over_at_once(loop: str, tmp_path: Path) -> None:
    run(a_server_that_is_gone(tmp_path), loop)


async def test_a_question_that_is_lost_is_sent_again_and_a_late_answer_counts(
    world: DnsWorld,
) -> None:
    world.server.has("late.test", "192.0.2.7")
    answering = world.server.holds("late.test")
    lookup = asyncio.create_task(resolved(world.resolver(resend_s=0.01), "late.test"))
    await world.server.wait_for(4)  # both families, twice
    answering.set()
    assert await lookup == ["192.0.2.7"]


async def test_a_family_that_is_never_answered_does_not_hold_up_the_other(
    world: DnsWorld,
) -> None:
    world.server.has("half.test", "192.0.2.7", "2001:db8::7")
    world.server.keeps_quiet("half.test", "AAAA")
    assert await resolved(world.resolver(), "half.test") == ["192.0.2.7"]


async def test_an_answer_with_thousands_of_addresses_is_not_read(world: DnsWorld) -> None:
    world.server.has("vast.test", *(f"10.{n // 250}.{n % 250}.1" for n in range(1_000)))
    world.server.truncates("vast.test")
    with pytest.raises(OSError, match="could not answer"):
        await resolved(world.resolver(), "vast.test")


def answer_with_deep_names(name: str) -> bytes:
    """Return 2 KB, less the number: each record's names are pointers to one of 126 labels."""
    question = dns.name.from_text(name).to_digestable() + struct.pack(">HH", 1, 1)
    pointer = struct.pack(">H", 0xC000 | (12 + len(question)))
    alias = struct.pack(">HHIH", 5, 1, 0, 2) + pointer
    records = [b"\1a" * 126 + b"\0" + alias] + [pointer + alias] * 120
    header = struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0)
    return header + question + b"".join(records)


async def test_no_answer_costs_more_to_read_than_its_bytes(world: DnsWorld) -> None:
    world.server.has("deep.test", "192.0.2.7")
    world.server.sends_garbage("deep.test", answer_with_deep_names("deep.test"))
    steps: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _arg: steps.update([event]))
    try:
        with suppress(OSError):
            await resolved(world.resolver(), "deep.test")
    finally:
        sys.setprofile(None)
    assert steps["call"] + steps["c_call"] < 20_000


async def test_one_workspace_asks_once_for_a_name_however_many_of_its_tasks_wait(
    world: DnsWorld,
) -> None:
    world.server.has("shop.test", "192.0.2.7")
    answering = world.server.holds("shop.test")
    resolver = world.resolver()
    lookups = [asyncio.create_task(resolved(resolver, "shop.test")) for _ in range(20)]
    await world.server.wait_for(2)
    lookups[0].cancel()  # its own deadline, which is nobody else's
    await settle()
    answering.set()
    assert await asyncio.gather(*lookups[1:]) == [["192.0.2.7"]] * 19
    assert world.server.queries.total() == 2
    assert lookups[0].cancelled()


async def test_a_question_that_nobody_waits_for_is_dropped_and_asked_anew_later(
    world: DnsWorld,
) -> None:
    resolver = world.resolver()
    lookups = [asyncio.create_task(resolved(resolver, "a.silent.test")) for _ in range(2)]
    await world.server.wait_for(2)
    lookups[0].cancel()
    await settle()
    assert resolver.open_count == 1
    lookups[1].cancel()
    await until_open(resolver, 0)
    world.server.silent = False
    world.server.has("a.silent.test", "192.0.2.7")
    assert await resolved(resolver, "a.silent.test") == ["192.0.2.7"]


async def test_a_question_ends_by_itself_after_its_time(world: DnsWorld) -> None:
    resolver = world.resolver(timeout_s=0.05)
    with pytest.raises(OSError, match="answered within"):
        await resolved(resolver, "a.silent.test")
    await until_open(resolver, 0)


async def test_closing_ends_the_questions_that_are_open(world: DnsWorld) -> None:
    resolver = world.resolver()
    lookup = asyncio.create_task(resolved(resolver, "a.silent.test"))
    await world.server.wait_for(2)
    resolver.close()
    with pytest.raises(OSError, match="closed"):
        await lookup
    await until_open(resolver, 0)


async def test_a_failure_of_one_workspace_is_no_failure_of_another(world: DnsWorld) -> None:
    answering = world.server.holds("shop.test")
    world.server.has("shop.test", "192.0.2.7")
    resolver = world.resolver()
    of_mallory = asyncio.create_task(resolved(resolver, "shop.test", "mallory"))
    await world.server.wait_for(2)
    of_bob = asyncio.create_task(resolved(resolver, "shop.test", "bob"))
    await world.server.wait_for(4)
    of_mallory.cancel()
    await settle()
    answering.set()
    assert await of_bob == ["192.0.2.7"]


async def test_an_answer_is_kept_for_as_long_as_it_says_and_half_a_minute_at_most(
    world: DnsWorld,
) -> None:
    world.server.has("short.test", "192.0.2.1", ttl_s=5)
    world.server.has("long.test", "192.0.2.1", ttl_s=3600)
    world.server.has("never.test", "192.0.2.1", ttl_s=0)
    resolver = world.resolver()

    async def questions_for(name: str) -> int:
        before = world.server.queries[f"{name}.", "A"]
        assert await resolved(resolver, name) == ["192.0.2.1"]
        return world.server.queries[f"{name}.", "A"] - before

    names = ("short.test", "long.test", "never.test")
    assert [await questions_for(name) for name in names] == [1, 1, 1]
    assert [await questions_for(name) for name in names] == [0, 0, 1]
    world.clock.advance(5)
    assert [await questions_for(name) for name in names] == [1, 0, 1]
    world.clock.advance(25)
    assert [await questions_for(name) for name in names] == [1, 1, 1]


async def test_that_a_name_does_not_exist_is_kept_for_five_seconds(world: DnsWorld) -> None:
    resolver = world.resolver()
    with pytest.raises(OSError, match="knows the name"):
        await resolved(resolver, "new.test")
    world.server.has("new.test", "192.0.2.7")
    with pytest.raises(OSError, match="knows the name"):
        await resolved(resolver, "new.test")
    world.clock.advance(5)
    assert await resolved(resolver, "new.test") == ["192.0.2.7"]


async def test_the_hosts_file_comes_first_and_is_read_again_when_it_changes(
    world: DnsWorld,
) -> None:
    world.server.has("shop.test", "192.0.2.7", ttl_s=60)
    resolver = world.resolver()
    assert await resolved(resolver, "shop.test") == ["192.0.2.7"]
    world.hosts.write_text("nonsense here\n127.0.0.9  Shop.test other # 127.0.0.10 shop.test\n")
    assert await resolved(resolver, "shop.test") == ["127.0.0.9"]
    assert await resolved(resolver, "OTHER") == ["127.0.0.9"]
    world.hosts.unlink()
    assert await resolved(resolver, "shop.test") == ["192.0.2.7"]


async def test_short_names_are_completed_by_the_search_list(world: DnsWorld) -> None:
    world.server.has("hooks.default.svc.cluster.test", "192.0.2.8")
    world.server.has("hooks.test", "192.0.2.9")
    resolver = world.resolver()
    world.resolv_conf.write_text(
        "search default.svc.cluster.test svc.cluster.test\noptions ndots:5 attempts:2\n"
    )
    assert await resolved(resolver, "hooks") == ["192.0.2.8"]
    assert await resolved(resolver, "hooks.default") == ["192.0.2.8"]
    assert await resolved(resolver, "hooks.test") == ["192.0.2.9"]
    world.resolv_conf.write_text("search test\n")
    world.clock.advance(30)
    assert await resolved(resolver, "hooks") == ["192.0.2.9"]


async def test_name_servers_of_the_file_are_asked_unless_the_settings_name_some(
    world: DnsWorld, tmp_path: Path
) -> None:
    world.server.has("shop.test", "192.0.2.7")
    world.resolv_conf.write_text(f"nameserver [127.0.0.1]:{world.server.port}\n")
    lookup = DnsLookup(resolv_conf=world.resolv_conf, hosts=world.hosts)
    assert (await lookup.find("shop.test")).addresses == ("192.0.2.7",)


@pytest.mark.parametrize("host", ["localhost", "shop.localhost", "127.0.0.1", "::1"])
async def test_nobody_is_asked_about_this_machine(world: DnsWorld, host: str) -> None:
    found = await resolved(world.resolver(), host)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert not world.server.queries


async def test_every_look_up_asks_from_a_port_of_its_own(world: DnsWorld) -> None:
    resolver = world.resolver()
    for number in range(8):
        world.server.has(f"n{number}.test", "192.0.2.7")
        await resolved(resolver, f"n{number}.test")
    assert len(world.server.senders) > 1


async def test_where_threads_ask_the_system_the_answer_is_the_systems() -> None:
    resolver = SystemResolver(lookup=ThreadedLookup(2))
    assert "127.0.0.1" in await resolved(resolver, "localhost")
    with pytest.raises(OSError, match=r"encoding|label|name"):
        await resolved(resolver, "a" * 70 + ".test")
    resolver.close()


async def test_a_name_that_turns_to_a_private_address_is_checked_anew_and_not_dialled(
    world: DnsWorld,
) -> None:
    checked: list[str] = []

    class Watching(TargetPolicy):
        def check_address(self, address: Any, port: int, **how: Any) -> None:
            checked.append(str(address))
            super().check_address(address, port, **how)

    fetcher = Fetcher(Watching.server(allow_http=True), resolver=world.resolver())
    world.server.has("rebinding.test", "10.0.0.1", ttl_s=0)
    with pytest.raises(FetchError, match="not public"):
        await fetcher.get("http://rebinding.test/", bytes_max=1)
    world.server.has("rebinding.test", "10.0.0.2", ttl_s=30)
    for _ in range(2):  # looked up, then kept
        with pytest.raises(FetchError, match="not public"):
            await fetcher.get("http://rebinding.test/", bytes_max=1)
    assert checked == ["10.0.0.1", "10.0.0.2", "10.0.0.2"]
    assert world.server.queries["rebinding.test.", "A"] == 2


async def test_an_answer_that_points_both_ways_is_refused_whole(world: DnsWorld) -> None:
    world.server.has("both.test", "192.88.98.7", "127.0.0.1", "2600::7")
    fetcher = Fetcher(TargetPolicy.server(allow_http=True), resolver=world.resolver())
    with pytest.raises(FetchError) as refused:
        await fetcher.get("http://both.test/", bytes_max=1)
    assert refused.value.reason == "blocked_target"


async def test_webhooks_are_sent_by_name_beside_names_that_are_never_answered(
    world: DnsWorld,
) -> None:
    world.server.has("bob.test", "127.0.0.1")
    resolver = world.resolver()
    policy = TargetPolicy(allow_http=True, allow_loopback=True, ports=None)
    settings = ClientSettings(total_timeout_s=FOREVER_S, dns_timeout_s=FOREVER_S)
    sender = WebhookSender(policy, settings=settings, resolver=resolver)
    hanging = [
        asyncio.create_task(
            sender.post(f"http://n{number}.silent.test/", [], b"{}", workspace_id="mallory")
        )
        for number in range(600)
    ]
    await world.server.wait_for(2 * LOOKUPS_MAX)
    async with FakeReceiver(then=respond(200)) as receiver:
        url = f"http://bob.test:{receiver.port}/"
        for _ in range(16):
            answer = await sender.post(url, [(b"x-n", b"1")], b"{}", workspace_id="bob")
            assert answer.reason is None
    assert not any(post.done() for post in hanging)
    await sender.close()
    answers = await asyncio.gather(*hanging)
    assert {answer.reason for answer in answers} == {Reason.CONNECT}
    await until_open(resolver, 0)


@given(data=st.binary(max_size=600))
def test_no_bytes_of_a_name_server_break_the_look_up(data: bytes, tmp_path_factory: Any) -> None:
    async def main() -> None:
        async with FakeNameServer() as server:
            server.has("noisy.test", "192.0.2.3")
            server.sends_garbage("noisy.test", data)
            lookup = DnsLookup(
                [server.where], resend_s=0.05, hosts=Path("missing"), resolv_conf=Path("missing")
            )
            found = await lookup.find("noisy.test")
            assert found.addresses in (("192.0.2.3",), ())

    asyncio.run(main())
