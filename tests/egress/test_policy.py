"""Which targets may be called: the presets, the deny table against an oracle, and no oracle."""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.addresses import DENIED_IPV4, DENIED_IPV6, METADATA, not_public, unmapped
from ringback.egress.allow_lists import OF_INPUTS
from ringback.egress.local_addresses import is_local
from ringback.egress.policy import BlockedTarget, TargetPolicy
from ringback.egress.url import parse_target
from ringback.errors import InvalidTarget

SERVER = TargetPolicy.server()
DEV = TargetPolicy.dev()
INPUTS = replace(SERVER, remedies=OF_INPUTS, networks_are_open=True)


def permits(policy: TargetPolicy, url: str) -> bool:
    try:
        policy.check_url(parse_target(url))
    except InvalidTarget:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "by_server", "by_dev"),
    [
        ("https://example.com/hook", True, True),
        ("https://example.com:8443/hook", True, True),
        ("https://1.1.1.1/", True, True),
        ("https://[2606:4700::1111]/", True, True),
        ("https://example.com:80/", True, True),
        ("https://example.com:8080/", True, True),
        ("https://example.com:9000/", False, True),
        ("https://example.com:22/", False, True),
        ("http://example.com/", False, True),
        ("http://localhost:3000/", False, True),
        ("http://app.localhost:3000/", False, True),
        ("http://127.0.0.1:3000/", False, True),
        ("http://127.9.9.9:3000/", False, True),
        ("http://[::1]:3000/", False, True),
        ("https://localhost/", False, True),
        ("https://127.0.0.1/", False, True),
        ("https://0.0.0.0/", False, False),
        ("https://[::]/", False, False),
        ("https://10.0.0.1/", False, True),
        ("https://192.168.1.1/", False, True),
        ("https://169.254.169.254/", False, False),
        ("https://[fd00:ec2::254]/", False, False),
        ("https://[fe80::1]/", False, False),
        ("https://receiver/", False, True),
        ("https://printer.local/", False, True),
        ("http://web:3000/hook", False, True),
        ("http://host.docker.internal:3000/", False, True),
        ("http://hooks.default.svc.cluster.local/", False, True),
        ("http://172.18.0.5:8000/", False, True),
        ("http://100.64.0.9/", False, True),
        ("http://[fd12::5]:3000/", False, True),
        ("https://metadata.google.internal/", False, False),
        ("https://[64:ff9b::808:808]/", True, True),
        ("https://[64:ff9b::a9fe:a9fe]/", False, False),
        ("https://192.0.2.1/", False, False),
        ("https://a.default.svc/", False, True),
        ("https://router.lan/", False, True),
        ("https://x.home.arpa/", False, True),
        ("https://x.corp/", False, True),
        ("https://local.example.com/", True, True),
        ("https://notlocalhost.com/", True, True),
    ],
)
def test_the_presets(url: str, by_server: bool, by_dev: bool) -> None:
    assert permits(SERVER, url) is by_server
    assert permits(DEV, url) is by_dev


def test_a_server_that_allows_http_allows_its_ports_too() -> None:
    policy = TargetPolicy.server(allow_http=True)
    assert permits(policy, "http://example.com/")
    assert permits(policy, "http://example.com:8080/")
    assert not permits(policy, "http://example.com:3000/")
    assert not permits(policy, "http://127.0.0.1/")


@pytest.mark.parametrize(
    ("policy", "url", "sentence"),
    [
        (SERVER, "https://10.0.0.1", r"10\.0\.0\.1 .*10\.0\.0\.0/8 \(private\).* webhook_networks"),
        (SERVER, "https://a.local", r"a\.local .*inside network.* webhook_hosts"),
        (SERVER, "http://a.com", r"a\.com .*only https.* webhook_http"),
        (SERVER, "https://a.com:22", r"a\.com .*port 22 .* webhook_ports"),
        (
            SERVER,
            "https://169.254.169.254",
            r"169\.254\.169\.254 .*credentials.*public https URL\.$",
        ),
        (INPUTS, "https://10.0.0.1", r"10\.0\.0\.1 .* input_networks"),
        (INPUTS, "http://minio:9000/x.png", r"minio .* input_networks"),
        (TargetPolicy.operator(), "https://169.254.1.1", r"169\.254\.1\.1 .*credentials"),
    ],
)
def test_a_refusal_names_the_host_the_reason_and_the_setting(
    policy: TargetPolicy, url: str, sentence: str
) -> None:
    with pytest.raises(BlockedTarget, match=sentence):
        policy.check_url(parse_target(url))


def test_a_refusal_says_nothing_of_an_address_that_the_dns_gave() -> None:
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00:ec2::254"):
        with pytest.raises(BlockedTarget) as refused:
            SERVER.check_address(address, 443, host="hooks.example.com")
        assert address in refused.value.detail
        assert address not in str(refused.value)
        assert "hooks.example.com" in str(refused.value)


def test_our_own_private_address_is_refused_like_any_other() -> None:
    policy = replace(SERVER, own_addresses=frozenset({("10.0.0.7", 443)}))
    sentences = set()
    for address in ("10.0.0.7", "10.0.0.8"):
        with pytest.raises(BlockedTarget) as refused:
            policy.check_url(parse_target(f"https://{address}/"))
        sentences.add(str(refused.value).replace(address, ""))
    assert len(sentences) == 1


def test_a_developer_calls_any_address_of_the_own_machine() -> None:
    policy = replace(DEV, allow_networks=(), is_local={ip_address("192.0.2.2")}.__contains__)
    assert permits(policy, "http://192.0.2.2:3000/")
    assert not permits(policy, "http://192.0.2.3:3000/")
    assert not permits(replace(SERVER, is_local=policy.is_local), "https://192.0.2.2/")


def test_an_operator_names_hosts_whose_addresses_are_private() -> None:
    policy = replace(SERVER, allow_hosts=("web", "*.svc.cluster.local", "localhost"), ports=None)
    for host in ("web", "a.b.svc.cluster.local", "localhost"):
        policy.check_url(parse_target(f"https://{host}/"))
        for address in ("10.0.0.1", "fd00::1", "127.0.0.1", "192.0.2.9"):
            policy.check_address(address, 443, host=host)
        for address in ("169.254.169.254", "fd00:ec2::254", "fe80::9", "64:ff9b::a9fe:a9fe"):
            with pytest.raises(BlockedTarget):
                policy.check_address(address, 443, host=host)
    for host in ("svc.cluster.local", "web2", "xsvc.cluster.local"):
        assert not permits(policy, f"https://{host}/")
    with pytest.raises(BlockedTarget):
        policy.check_address("10.0.0.1", 443, host="example.com")


def test_in_an_inputs_network_any_port_goes_and_plain_http() -> None:
    policy = replace(INPUTS, allow_networks=(ip_network("10.0.0.0/8"),))
    assert permits(policy, "http://10.0.0.5:9000/x.png")
    assert permits(policy, "http://minio:9000/x.png")
    policy.check_address("10.0.0.5", 9000, host="minio", scheme="http")
    for address, port, scheme in [("1.1.1.1", 9000, "https"), ("1.1.1.1", 443, "http")]:
        with pytest.raises(BlockedTarget):
            policy.check_address(address, port, host="minio", scheme=scheme)
    assert not permits(policy, "http://1.1.1.1/x.png")


EMBEDDED = {
    "mapped": "::ffff:{high:x}:{low:x}",
    "compatible": "::{high:x}:{low:x}",
    "translated": "::ffff:0:{high:x}:{low:x}",
    "NAT64": "64:ff9b::{high:x}:{low:x}",
    "NAT64, local, 96": "64:ff9b:1::{high:x}:{low:x}",
    "NAT64, local, 96, a subnet": "64:ff9b:1:abcd:12:3400:{high:x}:{low:x}",
    "NAT64, local, 48": "64:ff9b:1:{high:x}:{u:x}:{v:x}00::",
    "6to4": "2002:{high:x}:{low:x}::1",
    "Teredo's client": "2001:0:4136:e378:8000:63bf:{nhigh:x}:{nlow:x}",
    "Teredo's server": "2001:0:{high:x}:{low:x}:8000:63bf:3fff:fdd2",
    "ISATAP": "2606:4700::5efe:{high:x}:{low:x}",
    "ISATAP, global": "2606:4700::200:5efe:{high:x}:{low:x}",
}


def embedding(form: str, address: str) -> str:
    value = int(IPv4Address(address))
    high, low = value >> 16, value & 0xFFFF
    return EMBEDDED[form].format(
        high=high, low=low, nhigh=high ^ 0xFFFF, nlow=low ^ 0xFFFF, u=low >> 8, v=low & 0xFF
    )


@pytest.mark.parametrize("form", EMBEDDED)
def test_an_ipv4_address_is_checked_in_every_form_that_embeds_it(form: str) -> None:
    everything = TargetPolicy.operator()
    for address in ("169.254.169.254", "169.254.7.7", "168.63.129.16", "100.100.100.200"):
        with pytest.raises(BlockedTarget):
            everything.check_address(embedding(form, address), 443)
        with pytest.raises(BlockedTarget):
            DEV.check_address(embedding(form, address), 443)
    for address in ("10.0.0.1", "127.0.0.1", "192.168.1.1", "172.16.0.1", "224.0.0.1"):
        with pytest.raises(BlockedTarget):
            SERVER.check_address(embedding(form, address), 443)
    own = replace(everything, own_addresses=frozenset({("1.1.1.1", 443)}))
    with pytest.raises(BlockedTarget):
        own.check_address(embedding(form, "1.1.1.1"), 443)


@pytest.mark.parametrize("form", ["mapped", "NAT64", "NAT64, local, 96", "NAT64, local, 48"])
def test_a_public_receiver_is_called_through_nat64(form: str) -> None:
    for address in ("8.8.8.8", "93.184.216.34"):
        SERVER.check_address(embedding(form, address), 443)


def test_an_operator_can_open_a_network_but_never_the_metadata_in_it() -> None:
    networks = (ip_network("169.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    policy = TargetPolicy.server(allow_networks=networks)
    policy.check_address("10.1.2.3", 443)
    policy.check_address("fd00::1", 443)
    policy.check_address("::ffff:10.1.2.3", 443)
    assert permits(policy, "https://receiver/")
    assert permits(policy, "https://hooks.default.svc/")
    assert not permits(policy, "https://localhost/")
    for address in [*map(str, METADATA), "192.168.0.1", "127.0.0.1", "::1", "fe80::1"]:
        with pytest.raises(BlockedTarget):
            policy.check_address(address, 443)


@pytest.mark.parametrize("own", ["0.0.0.0", "::", "localhost", "127.0.0.1"])
def test_the_server_itself_is_not_called_by_loopback(own: str) -> None:
    policy = TargetPolicy.dev(own_addresses=frozenset({(own, 7464)}))
    assert not permits(policy, "http://127.0.0.1:7464/")
    assert permits(policy, "http://127.0.0.1:7465/")
    with pytest.raises(BlockedTarget):
        policy.check_address("::ffff:127.0.0.1", 7464)


@pytest.mark.parametrize("own", ["0.0.0.0", "::", "127.0.0.1", "::1"])
def test_not_even_the_operator_calls_the_server_itself(own: str) -> None:
    policy = TargetPolicy.operator(own_addresses=frozenset({(own, 7464)}))
    # A connection to the unspecified address arrives on loopback.
    for host in ("127.0.0.1", "[::1]", "0.0.0.0", "[::]", "localhost"):
        is_another = (
            own in ("127.0.0.1", "::1") and host in ("127.0.0.1", "[::1]") and own not in host
        )
        assert permits(policy, f"http://{host}:7464/") is is_another
        assert permits(policy, f"http://{host}:7465/")


def test_the_server_itself_is_not_called_by_its_public_address() -> None:
    policy = TargetPolicy.server(own_addresses=frozenset({("1.1.1.1", 443)}))
    assert not permits(policy, "https://1.1.1.1/")
    assert permits(policy, "https://1.1.1.2/")
    assert permits(policy, "https://1.1.1.1:8443/")


@pytest.mark.parametrize("own", ["0.0.0.0", "::"])
def test_a_server_that_listens_everywhere_is_not_called_by_any_of_its_addresses(own: str) -> None:
    ours = {ip_address("1.1.1.1"), ip_address("2606:4700::1")}
    policy = TargetPolicy(own_addresses=frozenset({(own, 8443)}), is_local=ours.__contains__)
    for host in ("1.1.1.1", "[2606:4700::1]"):
        assert not permits(policy, f"https://{host}:8443/")
        assert permits(policy, f"https://{host}/")
    assert permits(policy, "https://1.1.1.2:8443/")
    with pytest.raises(BlockedTarget):
        policy.check_address("::ffff:1.1.1.1", 8443)
    opened = replace(policy, allow_networks=(ip_network("1.0.0.0/8"),), allow_loopback=True)
    assert not permits(opened, "https://1.1.1.1:8443/")


@pytest.mark.parametrize("own", ["0.0.0.0", "::", "127.0.0.1", "::1"])
@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "a.localhost"])
def test_the_server_itself_is_not_called_by_a_name_of_loopback(own: str, name: str) -> None:
    policy = TargetPolicy.dev(own_addresses=frozenset({(own, 7464)}))
    assert not permits(policy, f"http://{name}:7464/")
    assert permits(policy, f"http://{name}:7465/")


def test_the_kernel_says_which_addresses_are_this_machines() -> None:
    assert is_local(IPv4Address("127.0.0.1"))
    assert not is_local(IPv4Address("192.0.2.1"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):  # without any way out there is only loopback to ask for
            probe.connect(("192.0.2.1", 9))
        assert is_local(IPv4Address(probe.getsockname()[0]))


@pytest.mark.parametrize("address", ["2606:4700::1%eth0", "fd00:ec2::254%1", "fe80::1%eth0"])
def test_an_address_with_an_interface_is_refused_even_in_an_open_network(address: str) -> None:
    policy = TargetPolicy.server(allow_networks=(ip_network("::/0"),))
    with pytest.raises(BlockedTarget, match="may not be called"):
        policy.check_address(address, 443)


@pytest.mark.parametrize("address", ["", "localhost", "1.2.3", "0x7f.1", "1.2.3.4 ", "::1%"])
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(BlockedTarget):
        SERVER.check_address(address, 443)


# The deny table again, written the other way round: what is open, as ranges of integers.


def v4(text: str) -> int:
    a, b, c, d = (int(part) for part in text.split("."))
    return (a * 256 + b) * 65536 + c * 256 + d


OPEN_IPV4 = [
    ("1.0.0.0", "9.255.255.255"),
    ("11.0.0.0", "100.63.255.255"),
    ("100.128.0.0", "126.255.255.255"),
    ("128.0.0.0", "169.253.255.255"),
    ("169.255.0.0", "172.15.255.255"),
    ("172.32.0.0", "191.255.255.255"),
    ("192.0.1.0", "192.0.1.255"),
    ("192.0.3.0", "192.88.98.255"),
    ("192.88.100.0", "192.167.255.255"),
    ("192.169.0.0", "198.17.255.255"),
    ("198.20.0.0", "198.51.99.255"),
    ("198.51.101.0", "203.0.112.255"),
    ("203.0.114.0", "223.255.255.255"),
]
OPEN_IPV4_RANGES = [(v4(low), v4(high)) for low, high in OPEN_IPV4]
AZURE = v4("168.63.129.16")


def open_ipv4(value: int) -> bool:
    if value == AZURE:
        return False
    return any(low <= value <= high for low, high in OPEN_IPV4_RANGES)


def open_ipv6(value: int) -> bool:
    first, second = value >> 112, value >> 96 & 0xFFFF
    if not 0x2000 <= first <= 0x3FFF:
        return False
    if first == 0x2002 or (first == 0x3FFF and second < 0x1000):
        return False
    if first == 0x2001 and (second < 0x0200 or second == 0x0DB8):
        return False
    return (value & 0xFFFFFFFF00000000) not in (0x00005EFE << 32, 0x02005EFE << 32)


def edges(networks: list[str], bits: int) -> list[int]:
    found: set[int] = set()
    for network in map(ip_network, networks):
        for edge in (int(network[0]), int(network[-1])):
            found.update(edge + step for step in (-2, -1, 0, 1, 2))
    return [value for value in found if 0 <= value < 1 << bits]


def test_the_ipv4_table_agrees_with_the_oracle_on_half_a_million_addresses() -> None:
    rng = random.Random(1)
    near = edges([network for network, _ in DENIED_IPV4], 32)
    values = [rng.getrandbits(32) for _ in range(400_000)]
    values += [rng.choice(near) ^ rng.getrandbits(rng.randrange(12)) for _ in range(100_000)]
    values += [*near, AZURE]
    wrong = [v for v in values if (not_public(IPv4Address(v)) is None) != open_ipv4(v)]
    assert [str(IPv4Address(value)) for value in wrong] == []


def test_the_ipv6_table_agrees_with_the_oracle_on_half_a_million_addresses() -> None:
    rng = random.Random(2)
    near = edges([network for network, _ in DENIED_IPV6] + ["2000::/3", "::/96"], 128)
    values = [rng.getrandbits(128) for _ in range(100_000)]
    values += [1 << 125 | rng.getrandbits(125) for _ in range(200_000)]
    values += [1 << 125 | rng.getrandbits(8) << 112 | rng.getrandbits(96) for _ in range(50_000)]
    values += [rng.choice(near) ^ rng.getrandbits(rng.randrange(90)) for _ in range(100_000)]
    isatap = (0x00005EFE << 32, 0x02005EFE << 32, 0x01005EFE << 32)
    values += [
        1 << 125 | rng.getrandbits(61) << 64 | rng.choice(isatap) | rng.getrandbits(32)
        for _ in range(50_000)
    ]
    values += near
    wrong = [v for v in values if (not_public(IPv6Address(v)) is None) != open_ipv6(v)]
    assert [str(IPv6Address(value)) for value in wrong] == []


def test_every_denied_network_and_metadata_address_is_denied() -> None:
    for text, _ in (*DENIED_IPV4, *DENIED_IPV6):
        network = ip_network(text)
        for edge in (network[0], network[-1]):
            with pytest.raises(BlockedTarget):
                SERVER.check_address(str(edge), 443)
    assert all(not_public(address) == "provider metadata" for address in METADATA)


@given(st.integers(min_value=0, max_value=(1 << 32) - 1))
def test_a_mapped_address_is_checked_as_its_ipv4(value: int) -> None:
    mapped = ip_address(f"::ffff:{IPv4Address(value)}")
    assert unmapped(mapped) == IPv4Address(value)


def spellings(value: int) -> st.SearchStrategy[str]:
    """Ways to write an IPv4 address that some resolver or URL parser understands."""
    parts = [value >> shift & 0xFF for shift in (24, 16, 8, 0)]

    def number(part: int) -> st.SearchStrategy[str]:
        return st.sampled_from([f"{part}", f"0{part:o}", f"0x{part:x}", f"0X{part:X}", f"00{part}"])

    def joined(numbers: list[int]) -> st.SearchStrategy[str]:
        return st.tuples(*map(number, numbers)).map(".".join)

    quads = st.one_of(
        joined(parts),
        joined([value]),
        joined([parts[0], value & 0xFFFFFF]),
        joined([parts[0], parts[1], value & 0xFFFF]),
    )
    wide = quads.map(lambda text: text.translate({n: n + 0xFEE0 for n in range(0x30, 0x3A)}))
    dotted = st.tuples(quads, st.sampled_from(".。．｡")).map(lambda t: t[0].replace(".", t[1]))
    high, low = value >> 16, value & 0xFFFF
    six = st.sampled_from(
        [
            f"[::ffff:{high:x}:{low:x}]",
            f"[::{high:x}:{low:x}]",
            f"[0:0:0:0:0:ffff:{'.'.join(map(str, parts))}]",
            f"[64:ff9b::{high:x}:{low:x}]",
            f"[2002:{high:x}:{low:x}::]",
            f"[2001:0:0:0:0:0:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}]",
            f"[fe80::5efe:{high:x}:{low:x}]",
            f"[2606:4700::5efe:{high:x}:{low:x}]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
        ]
    )
    return quads | wide | dotted | quads.map(lambda text: text + ".") | six


@given(
    host=st.integers(min_value=127 << 24, max_value=(128 << 24) - 1).flatmap(spellings)
    | st.sampled_from(
        ["localhost", "LOCALHOST", "ⓛocalhost", "localhost.", "a.localhost", "ｌocalhost"]
    ),
    port=st.sampled_from(["", ":443", ":8443", ":80", ":"]),
    scheme=st.sampled_from(["https", "http", "HTTPS"]),
)
def test_no_spelling_of_loopback_passes_the_server(host: str, port: str, scheme: str) -> None:
    policy = TargetPolicy.server(allow_http=True)
    assert not permits(policy, f"{scheme}://{host}{port}/")
