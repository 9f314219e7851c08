"""Reads the addresses of one name out of a name server's answer, in time that its bytes bound.

The owner of a name writes its answer, and may be an attacker. Names in it may be compressed into
pointers, and a reader that follows each of them anew needs seconds for 2 KB. This one reads every
byte's name once, and of the records those alone that have addresses, aliases or a lifetime.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

A, CNAME, SOA, AAAA = 1, 5, 6, 28

_IN = 1
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
_TTL = struct.Struct(">I")
_IS_RESPONSE, _OPCODE, _IS_TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_POINTER = 0xC0
_LABEL_BYTES_MAX = 63
_NAME_BYTES_MAX = 255
_SOA_BYTES_MIN = 22
_TTL_MAX = 2**31 - 1  # more means none (RFC 2181)
_ALIASES_MAX = 16


class MalformedAnswer(Exception):
    """The bytes are no DNS message, or answer another question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The addresses of one family that a name has; none when it has none or does not exist."""

    addresses: tuple[str, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A name server's answer: records, or that it is too long for a datagram, or neither."""

    records: Records | None = None  # None: it could not say
    is_truncated: bool = False


def read_answer(wire: bytes, *, name: bytes, rdtype: int) -> Answer:
    """Return the records of a name (in wire format), or raise ``MalformedAnswer``."""
    try:
        return _Reader(wire).answer(name.lower(), rdtype)
    except (IndexError, struct.error, ValueError) as exc:
        raise MalformedAnswer(str(exc)) from exc


@dataclass(frozen=True, slots=True)
class _Record:
    name_at: int
    rdtype: int
    ttl_s: int
    data_at: int
    data: bytes


class _Reader:
    """One message, and where the next part of it begins."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._names = _Names(wire)
        self._at = 0

    def answer(self, name: bytes, rdtype: int) -> Answer:
        _, flags, questions, answers, authorities, _ = _HEADER.unpack_from(self._wire)
        self._at = _HEADER.size
        if not flags & _IS_RESPONSE or flags & _OPCODE:
            raise MalformedAnswer("not an answer")
        can_say = flags & _RCODE in (_NO_ERROR, _NO_SUCH_NAME)
        if questions == 0 and not can_say:
            return Answer()  # a refusal may leave the question out
        if questions != 1 or not self._asks(name, rdtype):
            raise MalformedAnswer("an answer to another question")
        if flags & _IS_TRUNCATED:
            return Answer(is_truncated=True)
        if not can_say:
            return Answer()
        return Answer(
            records=self._records(
                name, rdtype, list(self._section(answers)), self._section(authorities)
            )
        )

    def _asks(self, name: bytes, rdtype: int) -> bool:
        question = self._names.name(self._at)
        self._at = self._names.end(self._at)
        found = _QUESTION.unpack_from(self._wire, self._at)
        self._at += _QUESTION.size
        return question == name and found == (rdtype, _IN)

    def _section(self, count: int) -> Iterator[_Record]:
        for _ in range(count):
            name_at = self._at
            head_at = self._names.end(name_at)
            rdtype, rdclass, ttl_s, length = _RECORD.unpack_from(self._wire, head_at)
            data_at = head_at + _RECORD.size
            data = self._wire[data_at : data_at + length]
            if len(data) != length:
                raise MalformedAnswer("a record is cut off")
            self._at = data_at + length
            if rdclass == _IN:
                yield _Record(name_at, rdtype, ttl_s if ttl_s <= _TTL_MAX else 0, data_at, data)

    def _records(
        self, name: bytes, rdtype: int, answers: list[_Record], authorities: Iterator[_Record]
    ) -> Records:
        addresses: dict[bytes, list[_Record]] = {}
        aliases: dict[bytes, _Record] = {}
        for record in answers:
            if record.rdtype == rdtype:
                addresses.setdefault(self._names.name(record.name_at), []).append(record)
            elif record.rdtype == CNAME:
                aliases.setdefault(self._names.name(record.name_at), record)
        ttls_s: list[int] = []
        while name not in addresses and name in aliases:
            alias = aliases[name]
            name = self._names.name(alias.data_at)
            ttls_s.append(alias.ttl_s)
            if len(ttls_s) > _ALIASES_MAX:
                raise MalformedAnswer("aliases without an end")
        if found := addresses.get(name):
            texts = tuple(dict.fromkeys(_address(record) for record in found))
            return Records(
                addresses=texts, ttl_s=min(*ttls_s, *(one.ttl_s for one in found), _TTL_MAX)
            )
        # Without the zone's record nobody says for how long a name has none (RFC 2308).
        lifetimes = [
            min(record.ttl_s, *_TTL.unpack(record.data[-_TTL.size :]))
            for record in authorities
            if record.rdtype == SOA and len(record.data) >= _SOA_BYTES_MIN
        ]
        return Records(addresses=(), ttl_s=min(*lifetimes, *ttls_s, _TTL_MAX) if lifetimes else 0)


class _Names:
    """The names of one message, in wire format and lower case; each is read once."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._known: dict[int, bytes] = {}

    def end(self, at: int) -> int:
        """Return where the name that begins here ends: after its pointer or its root."""
        while length := self._wire[at]:
            if length >= _POINTER:
                return at + 2
            at += 1 + length
        return at + 1

    def name(self, at: int) -> bytes:
        """Return the name that begins here."""
        walked: list[tuple[int, bytes]] = []
        begin = at
        while (rest := self._known.get(at)) is None:
            length = self._wire[at]
            if length == 0:
                walked.append((at, b"\0"))
                rest = b""
                break
            if length >= _POINTER:
                walked.append((at, b""))
                at = (length - _POINTER) << 8 | self._wire[at + 1]
                if at >= begin:
                    raise MalformedAnswer("a name that points forward")
                begin = at
                continue
            label = self._wire[at : at + 1 + length]
            if length > _LABEL_BYTES_MAX or len(label) != 1 + length:
                raise MalformedAnswer("a label that is too long")
            walked.append((at, label.lower()))
            at += 1 + length
        for offset, label in reversed(walked):
            rest = label + rest
            if len(rest) > _NAME_BYTES_MAX:
                raise MalformedAnswer("a name that is too long")
            self._known[offset] = rest
        return rest


def _address(record: _Record) -> str:
    return str(IPv4Address(record.data) if record.rdtype == A else IPv6Address(record.data))
