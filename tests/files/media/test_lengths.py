"""Lengths that are placeholders or wrong, and trailers; what is cut short is still found."""

from __future__ import annotations

import pytest

from ringback.errors import InvalidMedia
from ringback.files.media.content import MediaType, StrippedFile, stripped_bytes
from ringback.files.media.parsing import parse, sniff
from tests import media_files as files

_PLACEHOLDERS = (0, 0x77359400, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDA, 0xFFFFFFFF)
_JUNK = b"junk junk junk"


def clean(content: bytes) -> bytes:
    return stripped_bytes(content, parse(content).pieces)


def a_wav(size: int, sound_bytes: int, *, start: bytes = b"RIFF") -> bytes:
    """The half second of ``media_files.wav``, with other lengths."""
    whole = clean(files.wav())
    at = whole.index(b"data") + 4
    sizes = (size.to_bytes(4, "little"), sound_bytes.to_bytes(4, "little"))
    return start + sizes[0] + whole[8:at] + sizes[1] + whole[at + 4 :]


@pytest.mark.parametrize("placeholder", _PLACEHOLDERS)
def test_a_sound_of_a_placeholder_length_goes_to_the_end(placeholder: int) -> None:
    whole = clean(files.wav())
    for size in (placeholder, 0, 4, 0x7FFFF024, 0xFFFFFFFF):
        content = a_wav(size, placeholder)
        assert parse(content).facts.duration_s == 0.5
        assert clean(content) == whole


def test_a_sound_of_64_bit_lengths_becomes_a_usual_one() -> None:
    plain = a_wav(0xFFFFFFFF, 0xFFFFFFFF)
    lengths = (0).to_bytes(8, "little") + (8000).to_bytes(8, "little") + bytes(12)
    for start in (b"RF64", b"BW64"):
        content = start + plain[4:12] + b"ds64" + (28).to_bytes(4, "little") + lengths + plain[12:]
        assert clean(content + b"LIST" + (4).to_bytes(4, "little") + b"INFO") == clean(plain)


def test_a_sound_that_is_cut_short_is_still_found() -> None:
    with pytest.raises(InvalidMedia, match="cut short"):
        parse(clean(files.wav())[:-100])


@pytest.mark.parametrize("junk", [_JUNK, b"\0\0\0\3abcd", bytes(40), b"x", b"\xff" * 30])
@pytest.mark.parametrize(
    "media_type", [MediaType.MP4, MediaType.MOV, MediaType.HEIC, MediaType.WEBM]
)
def test_a_trailer_is_dropped(media_type: MediaType, junk: bytes) -> None:
    content = files.FILES[media_type]
    assert parse(content + junk).facts == parse(content).facts
    assert _JUNK not in clean(content + junk)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_media_data_of_a_placeholder_length_goes_to_the_end(size: int) -> None:
    content = files.movie()
    moov = content.index(b"moov") - 4
    end = moov + int.from_bytes(content[moov : moov + 4])
    # As a recorder writes it that never came to fill in the length of its data.
    head, header, data = content[:20], content[moov:end], content[20:moov]
    moved = len(header).to_bytes(4)
    shifted = bytearray(header)
    at = 0
    while (at := shifted.find(b"stco", at) + 4) > 4:
        offset = int.from_bytes(shifted[at + 8 : at + 12]) + int.from_bytes(moved)
        shifted[at + 8 : at + 12] = offset.to_bytes(4)
    streamed = head + bytes(shifted) + size.to_bytes(4) + data[4:]
    assert parse(streamed).facts == parse(content).facts
    with pytest.raises(InvalidMedia, match="cut short"):
        parse(streamed[: -len(data) + 20])


@pytest.mark.parametrize("wrong", [4, 8, 1 << 30])
def test_user_data_of_a_wrong_length_ends_with_its_movie(wrong: int) -> None:
    content = bytearray(files.movie())
    at = content.rindex(b"udta", 0, content.rindex(b"meta")) - 4
    size = int.from_bytes(content[at : at + 4])
    content[at : at + 4] = (size + wrong).to_bytes(4)
    assert parse(bytes(content)).facts == parse(files.movie()).facts
    assert files.MAKER not in clean(bytes(content))


@pytest.mark.parametrize("wrong", [-3, 1, 1 << 40])
def test_a_segment_of_a_wrong_length_goes_to_the_end(wrong: int) -> None:
    content = files.webm()
    at = content.index(b"\x18\x53\x80\x67") + 4
    size = int.from_bytes(content[at + 1 : at + 8]) + wrong
    changed = content[:at] + (1 << 56 | size).to_bytes(8) + content[at + 8 :]
    assert parse(changed).facts == parse(content).facts


def test_a_film_that_is_cut_short_in_a_frame_is_still_found() -> None:
    content = files.webm()
    end = content.index(b"frame", content.index(b"frame") + 5) + 2
    with pytest.raises(InvalidMedia, match="cut short"):
        parse(content[:end])


@pytest.mark.parametrize("stated", [0, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
def test_a_movies_placeholder_of_a_duration_is_not_believed(stated: int) -> None:
    content = bytearray(files.fragmented())
    at = content.index(b"mvhd") + 4 + 16
    content[at : at + 4] = stated.to_bytes(4)
    assert parse(bytes(content)).facts.duration_s == 2.0


def test_a_png_whose_end_is_missing_or_cut_is_read() -> None:
    content = clean(files.png())
    for cut in range(1, 13):
        assert clean(content[:-cut]) == content
    with pytest.raises(InvalidMedia, match="cut short"):
        parse(content[:-13])


def test_a_stripped_file_is_read_without_being_written() -> None:
    content = files.jpeg()
    file = StrippedFile(content, parse(content).pieces)
    assert file.read() == clean(content)
    assert file.seek(-4, 2) == len(clean(content)) - 4
    assert (file.readall(), file.read(9)) == (clean(content)[-4:], b"")
    assert file.seek(0) == file.tell() == 0


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", MediaType.SVG),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -- b -->\n<svg>", MediaType.SVG),
        (b"<!DOCTYPE svg PUBLIC '-//W3C' 'x' [<!ENTITY a 'b'>]><svg:svg x='1'>", MediaType.SVG),
        ("\ufeff<svg>".encode("utf-16-le"), MediaType.SVG),
        (b"<html><svg></svg>", None),
        (b"<!--" * 2_000, None),
        (b"fLaC\0\0\0\x22", MediaType.FLAC),
        (b"OggS\0\2", MediaType.OGG),
        (b"ply\nformat ascii 1.0\n", MediaType.PLY),
        (b"%PDF-1.7", None),
    ],
)
def test_the_types_of_results_are_found_by_their_content(
    content: bytes, media_type: MediaType | None
) -> None:
    assert sniff(content) is media_type
