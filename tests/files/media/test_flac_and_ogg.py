"""FLAC and Ogg as programs write them: facts, no comments, and the same sound as before."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import InvalidMedia
from ringback.files.media import ogg
from ringback.files.media.content import MediaType, stripped_bytes
from ringback.files.media.parsing import parse, sniff
from tests import media_files as files

LONG = "x" * 200_000  # more than a page of Ogg holds, as a picture in the comments is
IN_OGG = {"Opus": "libopus", "Vorbis": "vorbis", "FLAC": "flac"}
OGGS = {name: files.sound("ogg", codec) for name, codec in IN_OGG.items()}
FLAC = files.FILES[MediaType.FLAC]
ID3 = b"ID3\x04\0\0\0\0\0\x13TPE1\0\0\0\x09\0\0" + files.MAKER


def clean(content: bytes) -> bytes:
    return stripped_bytes(content, parse(content).pieces)


def heard(content: bytes) -> bytes:
    """Decode all the sound in a file."""
    with av.open(BytesIO(content), "r", options={"err_detect": "crccheck"}) as container:
        return b"".join(
            np.ascontiguousarray(frame.to_ndarray()).tobytes()
            for frame in container.decode(audio=0)
        )


def pages(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        assert content[at : at + 4] == b"OggS"
        lacing = content[at + 27 : at + 27 + content[at + 26]]
        end = at + 27 + len(lacing) + sum(lacing)
        yield content[at:end]
        at = end


def slow_check_sum(page: bytes) -> bytes:
    """Return the check sum of a page bit by bit, as the standard describes it."""
    register = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x104C11DB7 if register >> 31 else 0)
    return register.to_bytes(4, "little")


@pytest.mark.parametrize("comment", ["short", LONG])
@pytest.mark.parametrize("name", IN_OGG)
def test_an_ogg_loses_its_comments_and_not_its_sound(name: str, comment: str) -> None:
    content = files.sound("ogg", IN_OGG[name], comment=comment)
    parsed, once = parse(content), clean(content)
    assert (parsed.facts.media_type, parsed.codecs) == (MediaType.OGG, (name,))
    assert parsed.facts.duration_s == pytest.approx(0.5, abs=0.05)
    assert files.MAKER in content
    assert files.MAKER not in once
    assert comment.encode() not in once
    assert heard(once) == heard(content)


@pytest.mark.parametrize("name", IN_OGG)
def test_the_pages_of_a_stripped_ogg_have_right_check_sums(name: str) -> None:
    for page in list(pages(clean(OGGS[name])))[:4]:
        assert page[22:26] == slow_check_sum(page)


@given(st.binary(max_size=300))
def test_a_check_sum_is_that_of_the_standard(page: bytes) -> None:
    blank = page[:22].ljust(22, b"\0") + bytes(4) + page[22:]
    assert ogg.check_sum(blank) == slow_check_sum(blank)


def test_a_speex_in_ogg_loses_its_comments() -> None:
    head = b"Speex   " + bytes(28) + struct.pack("<II", 8_000, 1) + bytes(36)
    note = struct.pack("<I", len(files.MAKER)) + files.MAKER + bytes(4)
    content = b"".join(
        b"OggS\0"
        + struct.pack("<BqIIIB", flags, position, 7, number, 0, 1)
        + bytes([len(packet)])
        + packet
        for number, (flags, position, packet) in enumerate(
            [(2, 0, head), (0, 0, note), (4, 4_000, b"sound")]
        )
    )
    parsed = parse(content)
    assert (parsed.codecs, parsed.facts.duration_s) == (("Speex",), 0.5)
    assert files.MAKER not in clean(content)
    assert clean(content).endswith(b"sound")


def test_streams_without_a_sound_are_left_out() -> None:
    head, tags, *_ = pages(OGGS["Opus"])
    skeleton = b"OggS\0\2" + bytes(8) + b"skel" + bytes(8) + b"\1\x11fishead\0" + files.MAKER
    for before in (head + tags, skeleton, skeleton + head + tags):
        for name, content in OGGS.items():
            parsed, once = parse(before + content), clean(before + content)
            assert parsed.codecs == (name,)
            assert once == clean(content)


def test_the_links_of_a_chain_play_one_after_another() -> None:
    """A recorder of a radio station begins a new stream with each song."""
    for other in OGGS.values():
        content = OGGS["Opus"] + other
        facts = parse(content).facts
        assert facts.duration_s == pytest.approx(1.0, abs=0.1)
        assert files.MAKER not in clean(content)


def test_bytes_behind_the_last_page_and_a_cut_page_are_left_out() -> None:
    for content in OGGS.values():
        assert clean(content + b"junk") == clean(content)
        last = list(pages(content))[-1]
        assert clean(content + last[:-1]) == clean(content)


@pytest.mark.parametrize(
    "content",
    [
        FLAC,
        files.sound("flac", "flac", comment=LONG),
        ID3 + FLAC,
        FLAC + b"TAG" + files.MAKER.ljust(125, b"\0"),
    ],
)
def test_a_flac_loses_every_tag_and_not_its_sound(content: bytes) -> None:
    parsed, once = parse(content), clean(content)
    assert parsed.facts.media_type is MediaType.FLAC
    assert parsed.facts.duration_s == pytest.approx(0.5)
    assert files.MAKER not in once
    assert heard(once) == heard(FLAC)
    assert clean(once) == once


def test_a_flac_to_a_pipe_has_no_duration() -> None:
    samples = FLAC.index(b"fLaC") + 8 + 13  # the low half of STREAMINFO's numbers
    unknown = bytearray(FLAC)
    unknown[samples] &= 0xF0
    unknown[samples + 1 : samples + 5] = bytes(4)
    assert parse(bytes(unknown)).facts.duration_s is None
    assert heard(clean(bytes(unknown))) == heard(FLAC)


def test_an_mp3_with_tags_is_no_flac() -> None:
    assert sniff(files.mp3()) is MediaType.MP3
    assert sniff(ID3 + FLAC) is MediaType.FLAC


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"fLaC", "cut short"),
        (b"fLaC\x84\0\0\0", "does not say how its sound is stored"),
        (b"fLaC\x80\0\0\x22" + bytes(34), "has no sound"),
        (b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff\xf8", "has no sample rate"),
        (b"OggS" + bytes(40), "does not begin with its headers"),
        (b"OggS\x01" + bytes(40), "a version that is not known"),
        (b"OggS\0\2" + bytes(20) + b"\1\7\x80theora", "send a film as MP4, MOV or WebM"),
        (b"OggS\0\2" + bytes(20) + b"\1\x08OpusHead", "has no sound"),
        (b"OggS", "has no sound"),
        ((b"OggS\0\2" + bytes(20) + b"\0") * 1_001, "too many streams"),
    ],
)
def test_a_file_without_a_sound_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidMedia, match=sentence):
        parse(content)


@given(st.data())
def test_no_damage_breaks_the_parser(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([FLAC, *OGGS.values()])))
    for at in data.draw(st.lists(st.integers(0, min(len(content) - 1, 6_000)), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        once = clean(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except InvalidMedia:
        return
    assert len(once) <= len(content)
