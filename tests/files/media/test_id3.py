"""Texts in the tags of MP3 files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.files.media.id3 import texts_in


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name: bytes, body: bytes, *, version: int = 4) -> bytes:
    size = synchsafe(len(body)) if version == 4 else len(body).to_bytes(4)
    return name + size + b"\0\0" + body


def tag(*frames: bytes, version: int = 4, flags: int = 0) -> bytes:
    body = b"".join(frames)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


@pytest.mark.parametrize("version", [3, 4])
def test_texts_are_read_in_every_encoding(version: int) -> None:
    head = tag(
        frame(b"TLEN", b"\x003000\0", version=version),
        frame(b"TXXX", b"\x03seed\x007\0", version=version),
        frame(b"APIC", b"\0" * 300, version=version),
        frame(b"TIT2", b"\x01" + "夜".encode("utf-16"), version=version),
        version=version,
    )
    assert dict(texts_in(head)) == {"TLEN": "3000", "seed": "7", "TIT2": "夜"}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"ID3",
        b"RIFF0000WAVE",
        tag(frame(b"TLEN", b"\x003000"), version=2),
        tag(frame(b"TLEN", b"\x003000"), flags=0x80),
        tag(frame(b"TLEN", b"\x093000")),
        tag(frame(b"TLEN", b"\x03\xff\xfe")),
        tag(b"TLEN" + synchsafe(5_000) + b"\0\0" + b"\x003000"),
        tag(b"\0" * 40),
    ],
)
def test_other_heads_have_no_texts(head: bytes) -> None:
    assert list(texts_in(head)) == []


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    assert isinstance(list(texts_in(tag(body))), list)
