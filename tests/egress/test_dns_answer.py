"""Answers of name servers are read as the DNS means them, also when their bytes are hostile."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.egress.dns_answer import A, Answer, MalformedAnswer, Records, read_answer

SHOP = "shop.test."
SOA = "test. 60 IN SOA ns.test. root.test. 1 60 60 60 7"


def query(name: str = SHOP, rdtype: str = "A") -> dns.message.QueryMessage:
    return dns.message.make_query(name, rdtype)


def wire(
    *answers: str, authority: Sequence[str] = (), flags: int = 0, rcode: int = 0, rdtype: str = "A"
) -> bytes:
    response = dns.message.make_response(query(rdtype=rdtype))
    response.flags |= flags
    response.set_rcode(dns.rcode.Rcode.make(rcode))
    for lines, section in ((answers, response.answer), (authority, response.authority)):
        for line in lines:
            name, ttl_s, rdclass, kind, value = line.split(" ", 4)
            section.append(dns.rrset.from_text(name, int(ttl_s), rdclass, kind, value))
    return response.to_wire()


def read(data: bytes, name: str = SHOP, rdtype: str = "A") -> Answer:
    qname = dns.name.from_text(name).to_digestable()
    return read_answer(data, name=qname, rdtype=dns.rdatatype.from_text(rdtype))


def test_addresses_live_as_long_as_the_shortest_lived_record_on_the_way_to_them() -> None:
    data = wire(
        "shop.test. 60 IN CNAME CDN.test.",
        "cdn.test. 20 IN CNAME edge.test.",
        "edge.test. 30 IN A 192.0.2.1",
        "edge.test. 40 IN A 192.0.2.2",
        "other.test. 1 IN A 192.0.2.3",
        "edge.test. 1 IN AAAA 2001:db8::1",
    )
    assert read(data) == Answer(records=Records(addresses=("192.0.2.1", "192.0.2.2"), ttl_s=20))


def test_both_families_are_read() -> None:
    data = wire("shop.test. 5 IN AAAA 2001:db8::1", rdtype="AAAA")
    assert read(data, rdtype="AAAA").records == Records(addresses=("2001:db8::1",), ttl_s=5)


def test_the_case_of_letters_does_not_matter() -> None:
    data = wire("SHOP.Test. 5 IN A 192.0.2.1")
    assert read(data, name="shOP.tesT.").records == Records(addresses=("192.0.2.1",), ttl_s=5)


@pytest.mark.parametrize(
    ("authority", "ttl_s"), [((SOA,), 7), ((), 0), (("test. 60 IN NS ns.test.",), 0)]
)
def test_that_a_name_has_no_address_lives_as_long_as_its_zone_says(
    authority: Sequence[str], ttl_s: int
) -> None:
    for rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        found = read(wire(authority=authority, rcode=rcode))
        assert found == Answer(records=Records(addresses=(), ttl_s=ttl_s))


def test_a_lifetime_beyond_all_measure_is_none() -> None:
    data = bytearray(wire("shop.test. 5 IN A 192.0.2.1"))
    data[-10:-6] = b"\xff\xff\xff\xff"
    assert read(bytes(data)).records == Records(addresses=("192.0.2.1",), ttl_s=0)


def test_a_refusal_says_nothing_of_the_name_with_its_question_or_without() -> None:
    refused = wire(rcode=dns.rcode.SERVFAIL)
    assert read(refused) == Answer()
    assert read(refused[:4] + bytes(8)) == Answer()


def test_a_truncated_answer_is_told_apart() -> None:
    assert read(wire(flags=dns.flags.TC)) == Answer(is_truncated=True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        query().to_wire(),  # a question
        dns.message.make_response(query("other.test.")).to_wire(),
        dns.message.make_response(query(rdtype="AAAA")).to_wire(),
        wire("shop.test. 5 IN A 192.0.2.1")[:-1],
        wire("shop.test. 5 IN CNAME other.test.", "other.test. 5 IN CNAME shop.test."),
        wire("shop.test. 5 IN A 192.0.2.1")[:12] + b"\xc0\x0c\0\1\0\1",  # points at itself
        wire("shop.test. 5 IN A 192.0.2.1")[:12] + b"\xc0\x20\0\1\0\1",  # points forward
        wire("shop.test. 5 IN A 192.0.2.1")[:12] + b"\x7f" + bytes(200),
    ],
    ids=[
        *("nothing", "a question", "of another name", "of another type", "cut short", "a loop"),
        *("points at itself", "points forward", "a label of no kind"),
    ],
)
def test_what_answers_another_question_or_none_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read(data)


def test_a_name_that_grows_with_every_pointer_is_malformed_when_it_is_too_long() -> None:
    question = query().to_wire()[12:]
    records, before = b"", 12
    for number in range(130):
        begin = 12 + len(question) + len(records)
        name = b"\x03abc" + struct.pack(">H", 0xC000 | before)
        records += name + struct.pack(">HHIH", A, 1, 60, 4) + bytes([192, 0, 2, number])
        before = begin
    header = struct.pack(">HHHHHH", 1, 0x8180, 1, 130, 0, 0)
    with pytest.raises(MalformedAnswer, match="too long"):
        read(header + question + records)


NAMES = st.sampled_from(["shop.test.", "a.test.", "B.A.test.", "c.b.a.test.", "test.", "."])
RECORDS = st.one_of(
    st.builds("{} {} IN A 192.0.2.{}".format, NAMES, st.integers(0, 99), st.integers(0, 9)),
    st.builds("{} {} IN CNAME {}".format, NAMES, st.integers(0, 99), NAMES),
    st.builds("{} 9 IN TXT {}".format, NAMES, st.integers()),
)


@given(
    records=st.lists(RECORDS, max_size=8, unique_by=lambda line: line.split()[0].lower()),
    has_soa=st.booleans(),
)
def test_a_well_kept_library_reads_the_same(records: list[str], has_soa: bool) -> None:
    data = wire(*records, authority=(SOA,) if has_soa else ())
    message = dns.message.from_wire(data)
    assert isinstance(message, dns.message.QueryMessage)
    try:
        chained = message.resolve_chaining()
    except dns.exception.DNSException:
        with pytest.raises(MalformedAnswer):
            read(data)
        return
    addresses = [] if chained.answer is None else [one.to_text() for one in chained.answer]
    found = read(data).records
    assert found is not None
    assert list(found.addresses) == addresses
    if addresses:
        assert found.ttl_s == chained.minimum_ttl


@given(noise=st.binary(max_size=300), at=st.integers(2, 80))
def test_no_bytes_raise_anything_else(noise: bytes, at: int) -> None:
    data = wire("shop.test. 60 IN CNAME cdn.test.", "cdn.test. 20 IN A 192.0.2.1")
    for hostile in (noise, data[:at] + noise, data[:at] + noise + data[at + len(noise) :]):
        try:
            read(hostile)
        except MalformedAnswer:
            continue
