"""The system's files about names, and the order of a name's addresses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ringback.egress.address_order import ordered
from ringback.egress.name_servers import NameServer
from ringback.egress.resolv_conf import (
    ResolvConf,
    WatchedFile,
    parse_hosts,
    parse_resolv_conf,
)

LOCAL = NameServer("127.0.0.1")


def test_the_resolvers_file_says_who_is_asked_and_how_names_are_completed() -> None:
    conf = parse_resolv_conf(
        "# made by a machine\n"
        "nameserver 10.0.0.2\nnameserver fe80::1%eth0 ; ours\nnameserver dns.example\n"
        "nameserver 10.0.0.3\nnameserver 10.0.0.4\n"
        "domain old.example\nsearch Shop.example. svc.example\n"
        "options timeout:1 ndots:2 rotate\nnonsense\nsortlist 10.0.0.0\n"
    )
    assert conf == ResolvConf(
        servers=(NameServer("10.0.0.2"), NameServer("fe80::1%eth0"), NameServer("10.0.0.3")),
        search=("shop.example", "svc.example"),
        ndots=2,
    )


@pytest.mark.parametrize(
    ("text", "hostname", "conf"),
    [
        ("", "", ResolvConf(servers=(LOCAL,))),
        ("", "vm.shop.example", ResolvConf(servers=(LOCAL,), search=("shop.example",))),
        ("search .", "vm.shop.example", ResolvConf(servers=(LOCAL,))),
        ("options ndots:99", "", ResolvConf(servers=(LOCAL,), ndots=15)),
        ("options ndots:x ndots:", "", ResolvConf(servers=(LOCAL,))),
        ("nameserver\nsearch", "", ResolvConf(servers=(LOCAL,))),
    ],
)
def test_what_the_file_leaves_out_or_gets_wrong_is_as_the_system_has_it(
    text: str, hostname: str, conf: ResolvConf
) -> None:
    assert parse_resolv_conf(text, hostname=hostname) == conf


@pytest.mark.parametrize(
    ("host", "candidates"),
    [
        ("hooks", ["hooks.a.example", "hooks.b.example", "hooks"]),
        ("hooks.svc", ["hooks.svc.a.example", "hooks.svc.b.example", "hooks.svc"]),
        ("x.hooks.svc", ["x.hooks.svc", "x.hooks.svc.a.example", "x.hooks.svc.b.example"]),
    ],
)
def test_a_name_with_few_dots_is_completed_first(host: str, candidates: list[str]) -> None:
    conf = ResolvConf(servers=(LOCAL,), search=("a.example", "b.example"), ndots=2)
    assert conf.candidates(host) == candidates


def test_a_name_in_the_hosts_file_has_the_addresses_of_all_its_lines() -> None:
    hosts = parse_hosts(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.9\tShop.example shop # mine\n"
        "nowhere shop\n10.0.0.10\n\n# 10.0.0.11 shop\n"
    )
    assert hosts == {
        "localhost": ("127.0.0.1", "::1"),
        "ip6-localhost": ("::1",),
        "shop.example": ("10.0.0.9",),
        "shop": ("10.0.0.9",),
    }


def test_a_file_is_read_again_when_it_changed_and_may_come_and_go(tmp_path: Path) -> None:
    file = WatchedFile(tmp_path / "hosts", parse_hosts)
    assert file.value() == {}
    (tmp_path / "hosts").write_text("10.0.0.1 a\n")
    assert file.value() == {"a": ("10.0.0.1",)}
    (tmp_path / "new").write_bytes(b"10.0.0.2 a \xff\n")
    (tmp_path / "new").replace(tmp_path / "hosts")
    assert file.value()["a"] == ("10.0.0.2",)
    (tmp_path / "hosts").unlink()
    assert file.value() == {}


SOURCES = {
    "both families": {"4": "198.51.100.1", "6": "2001:db8::1"},
    "IPv4 alone": {"4": "198.51.100.1"},
    "IPv6 of the inside alone": {"4": "198.51.100.1", "6": "fd00::1"},
    "nothing": {},
}


@pytest.mark.parametrize(
    ("machine", "addresses", "first"),
    [
        ("both families", ["198.51.100.7", "2001:db8::7"], "2001:db8::7"),
        ("IPv4 alone", ["2001:db8::7", "198.51.100.7"], "198.51.100.7"),
        ("IPv6 of the inside alone", ["2001:db8::7", "198.51.100.7"], "198.51.100.7"),
        ("both families", ["198.51.100.8", "198.51.100.7"], "198.51.100.8"),
        ("nothing", ["198.51.100.8", "2001:db8::7"], "2001:db8::7"),
    ],
)
def test_the_address_that_this_machine_reaches_best_comes_first(
    machine: str, addresses: list[str], first: str
) -> None:
    def source_of(address: str) -> str | None:
        return SOURCES[machine].get("6" if ":" in address else "4")

    assert ordered([*addresses, addresses[0]], source_of)[0] == first
    assert sorted(ordered(addresses, source_of)) == sorted(addresses)


def test_of_hundreds_of_addresses_none_is_left_out_and_few_are_tried_out() -> None:
    tried: list[str] = []

    def source_of(address: str) -> str | None:
        tried.append(address)
        return "198.51.100.1" if "." in address else None

    ipv6 = [f"2001:db8::{n}" for n in range(100)]
    ipv4 = [f"10.0.{n}.1" for n in range(100)]
    found = ordered([*ipv6, *ipv4], source_of)
    assert len(tried) <= 16
    assert found[:8] == tuple(ipv4[:8])  # a family without a route hides no other behind it
    assert sorted(found) == sorted([*ipv6, *ipv4])


def test_localhost_is_ordered_as_the_system_orders_it() -> None:
    found = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    assert list(ordered(reversed(addresses))) == addresses
