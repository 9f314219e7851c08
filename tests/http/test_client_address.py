"""The address of a client behind proxies: the right-most one that no trusted proxy has."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ringback.http.client_address import ClientHeader, client_of

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
XFF, FORWARDED = b"x-forwarded-for", b"forwarded"


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [(XFF, b"203.0.113.9")], "203.0.113.9"),
        ("::ffff:10.0.0.1", [(XFF, b"203.0.113.9")], "203.0.113.9"),
        ("198.51.100.1", [(XFF, b"203.0.113.9")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, b"1.1.1.1, 203.0.113.9, 10.0.0.7")], "203.0.113.9"),
        ("10.0.0.1", [(XFF, b"1.1.1.1"), (XFF, b"203.0.113.9")], "203.0.113.9"),
        ("10.0.0.1", [(XFF, b"203.0.113.9:1234")], "203.0.113.9"),
        ("10.0.0.1", [(XFF, b"[2001:db8::9]:1234")], "2001:db8::9"),
        ("10.0.0.1", [(XFF, b"2001:DB8::9")], "2001:db8::9"),
        ("10.0.0.1", [(XFF, b"10.0.0.9, 10.0.0.8")], "10.0.0.9"),
        ("10.0.0.1", [(XFF, b"1.1.1.1, unknown, 10.0.0.8")], "10.0.0.8"),
        ("10.0.0.1", [(XFF, b"unknown")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, b"")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, b"1.1.1.1," * 40 + b"10.0.0.9")], "1.1.1.1"),
    ],
)
def test_the_client_is_the_right_most_address_that_no_trusted_proxy_has(
    peer: str, headers: list[tuple[bytes, bytes]], client: str
) -> None:
    assert client_of(peer, headers, TRUSTED, header="x-forwarded-for") == client
    assert client_of(peer, headers, (), header="x-forwarded-for") == peer


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("fd00::1", [(FORWARDED, b"for=203.0.113.9;proto=https")], "203.0.113.9"),
        ("10.0.0.1", [(FORWARDED, b'proto=https; For="[2001:db8::9]:47"')], "2001:db8::9"),
        ("10.0.0.1", [(FORWARDED, b"for=1.1.1.1, for=203.0.113.9")], "203.0.113.9"),
        ("10.0.0.1", [(FORWARDED, b"for=_hidden")], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, b"for=1.1.1.1, for=unknown")], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, b'for="1.1.1.1')], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, b"proto=https")], "10.0.0.1"),
        ("10.0.0.1", [(FORWARDED, b"")], "10.0.0.1"),
    ],
)
def test_so_it_is_in_forwarded(peer: str, headers: list[tuple[bytes, bytes]], client: str) -> None:
    assert client_of(peer, headers, TRUSTED, header="forwarded") == client
    assert client_of(peer, headers, (), header="forwarded") == peer


@pytest.mark.parametrize("others", [b"6.6.6.6", b"for=6.6.6.6", b"for=6.6.6.6, for=10.0.0.1"])
@pytest.mark.parametrize(
    ("written", "client"),
    [
        (None, "10.0.0.1"),
        (b"", "10.0.0.1"),
        (b"unknown", "10.0.0.1"),
        (b"unix:", "10.0.0.1"),
        (b"for=_hidden", "10.0.0.1"),
        (b"for=unknown", "10.0.0.1"),
        (b"\xff", "10.0.0.1"),
        (b"203.0.113.9", "203.0.113.9"),
        (b"for=203.0.113.9", "203.0.113.9"),
    ],
)
@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
def test_the_header_that_the_proxy_does_not_write_is_never_believed(
    header: ClientHeader, written: bytes | None, client: str, others: bytes
) -> None:
    other = FORWARDED if header == "x-forwarded-for" else XFF
    headers = [(other, others), (b"x-real-ip", b"6.6.6.6")]
    if written is not None:
        headers.append((header.encode(), written))
    is_readable = written is not None and (b"for=" in written) == (header == "forwarded")
    expected = client if is_readable else "10.0.0.1"
    assert client_of("10.0.0.1", headers, TRUSTED, header=header) == expected
