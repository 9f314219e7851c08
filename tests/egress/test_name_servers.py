from __future__ import annotations

import pytest

from ringback.egress.name_servers import NameServer, parse_name_server
from ringback.errors import SetupError
from ringback.server.factories import name_servers_for
from ringback.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.2", NameServer("10.0.0.2", 53)),
        (" 10.0.0.2:5353", NameServer("10.0.0.2", 5353)),
        ("2001:db8::53", NameServer("2001:db8::53", 53)),
        ("[2001:db8::53]", NameServer("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", NameServer("2001:db8::53", 5353)),
        ("fe80::1%eth0", NameServer("fe80::1%eth0", 53)),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(text: str, server: NameServer) -> None:
    assert parse_name_server(text) == server


@pytest.mark.parametrize(
    "text", ["", "dns.example", "10.0.0.2:0", "10.0.0.2:65536", "[10.0.0.2", "10.0.0.2:x", "10.0.0"]
)
def test_whatever_else_stands_there_is_refused_with_the_spelling(text: str) -> None:
    settings = Settings(dns_servers=(text,))
    with pytest.raises(SetupError, match=r"dns_servers .* ADDRESS:PORT"):
        name_servers_for(settings)


def test_the_environment_lists_them_with_commas() -> None:
    settings = read_settings({}, environment={"RINGBACK_DNS_SERVERS": "10.0.0.2,[::1]:5353"})
    assert name_servers_for(settings) == (NameServer("10.0.0.2"), NameServer("::1", 5353))
