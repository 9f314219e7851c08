"""Parsing of media files: types, sizes, durations, and removal of metadata."""

from __future__ import annotations

import wave
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from ringback.errors import InvalidMedia
from ringback.files.media.content import Copy, Facts, MediaType, Parsed
from ringback.files.media.parsing import (
    INPUTS,
    PICTURE_FRAMES_MAX,
    PICTURE_PIXELS_MAX,
    check_limits,
    parse,
    sniff,
)
from tests import media_files as files


def kept(content: bytes, parsed: Parsed) -> bytes:
    """Return the copy that is written of a file."""
    return b"".join(
        content[piece.offset : piece.offset + piece.length] if isinstance(piece, Copy) else piece
        for piece in parsed.pieces
    )


def clean(content: bytes) -> bytes:
    return kept(content, parse(content))


@pytest.mark.parametrize("media_type", sorted(INPUTS))
def test_each_media_type_is_detected_by_content(media_type: MediaType) -> None:
    assert parse(files.FILES[media_type]).facts.media_type is media_type


@pytest.mark.parametrize("media_type", sorted(INPUTS))
def test_metadata_about_the_author_is_removed(media_type: MediaType) -> None:
    content = files.FILES[media_type]
    assert files.MAKER in content
    assert files.MAKER not in clean(content)


@pytest.mark.parametrize("media_type", sorted(INPUTS))
def test_a_stripped_file_has_the_same_facts_and_is_not_stripped_further(
    media_type: MediaType,
) -> None:
    content = files.FILES[media_type]
    once = clean(content)
    assert parse(once).facts == parse(content).facts
    assert clean(once) == once


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_an_image_keeps_its_pixels_and_its_orientation(kind: str, orientation: int) -> None:
    content = files.picture(kind, orientation=orientation)
    before, after = (Image.open(BytesIO(one)) for one in (content, clean(content)))
    assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None
    assert after.size == before.size
    assert after.getexif().get(0x0112, 1) == before.getexif().get(0x0112, 1)
    assert not after.getexif().get_ifd(0x8825)


def test_locations_in_a_fragmented_movie_are_overwritten_and_its_frames_are_not() -> None:
    content = files.fragmented_with_locations()
    assert parse(content).facts.frames == 2
    once = clean(content)
    assert files.MAKER not in once
    assert b"PICTURES" * 4 in once
    assert len(once) == len(content)


def test_a_second_moov_box_is_overwritten() -> None:
    content = files.movie()
    at = content.index(b"moov") - 4
    again = content[at : at + int.from_bytes(content[at : at + 4])]
    once = clean(content + again)
    assert once == clean(content) + len(again).to_bytes(4) + b"free" + bytes(len(again) - 8)


def test_endlessly_nested_boxes_are_refused() -> None:
    with pytest.raises(InvalidMedia, match="nested too deeply"):
        parse(files.nested(3_001))


def test_metadata_in_the_images_of_a_3d_model_are_overwritten() -> None:
    for photograph in (files.png(), files.webp()):
        assert files.MAKER not in clean(files.glb(photograph))


def test_a_3d_model_with_too_many_images_is_refused() -> None:
    with pytest.raises(InvalidMedia, match="more than 10000 images"):
        parse(files.glb(images=10_001))


def test_an_image_keeps_its_colour_profile() -> None:
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    for kind in ("JPEG", "PNG", "WEBP"):
        found = Image.open(BytesIO(clean(files.picture(kind, icc_profile=profile))))
        assert found.info["icc_profile"] == profile


def test_every_frame_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90, 200)]
    for kind in ("PNG", "WEBP"):
        output = BytesIO()
        frames[0].save(output, kind, save_all=True, append_images=frames[1:], lossless=True)
        content = output.getvalue()
        assert parse(content).facts.frames == 3
        after = Image.open(BytesIO(clean(content)))
        after.seek(2)
        assert after.convert("RGB").getpixel((0, 0)) == (200, 0, 0)


def test_a_progressive_jpeg_keeps_all_its_scans() -> None:
    content = files.jpeg(progressive=True)
    before, after = (Image.open(BytesIO(one)).convert("RGB") for one in (content, clean(content)))
    assert ImageChops.difference(before, after).getbbox() is None


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (files.jpeg(), Facts(media_type=MediaType.JPEG, width=64, height=48, frames=1)),
        (
            files.movie(),
            Facts(media_type=MediaType.MP4, width=1280, height=720, duration_s=2.5, frames=2),
        ),
        (
            files.movie(b"qt  ", turned=True),
            Facts(media_type=MediaType.MOV, width=720, height=1280, duration_s=2.5, frames=2),
        ),
        (
            files.webm(),
            Facts(media_type=MediaType.WEBM, width=640, height=360, duration_s=0.08, frames=3),
        ),
        (
            files.webm(duration=False, unknown_sizes=True),
            Facts(media_type=MediaType.WEBM, width=640, height=360, duration_s=0.08, frames=3),
        ),
        (files.wav(), Facts(media_type=MediaType.WAV, duration_s=0.5)),
        (files.glb(), Facts(media_type=MediaType.GLB)),
    ],
)
def test_sizes_frames_and_durations_are_read_from_headers(content: bytes, facts: Facts) -> None:
    assert parse(content).facts == facts


@pytest.mark.parametrize(
    ("shown", "size"), [((853, 360), (853, 360)), ((16, 9), (640, 360)), ((60_000, 1), (640, 360))]
)
def test_a_film_has_the_size_in_which_it_is_displayed(
    shown: tuple[int, int], size: tuple[int, int]
) -> None:
    facts = parse(files.webm(shown=shown)).facts
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize("each_says", [False, True])
def test_the_duration_of_a_fragmented_movie_is_that_of_its_fragments(each_says: bool) -> None:
    facts = parse(files.fragmented(each_says=each_says)).facts
    assert (facts.duration_s, facts.frames, facts.width) == (2.0, 50, 320)


def test_the_duration_of_an_mp3_is_that_of_its_frames() -> None:
    assert parse(files.mp3(frames=100)).facts.duration_s == pytest.approx(100 * 1152 / 44_100)


def test_the_bytes_and_offsets_of_a_movies_frames_do_not_change() -> None:
    content = files.movie()
    after = clean(content)
    assert len(after) == len(content)
    assert after[24:60] == content[24:60]
    assert b"+48.1351" in content
    assert b"+48.1351" not in after


def test_a_wav_of_unknown_length_extends_to_the_end_of_the_file() -> None:
    sound = clean(files.wav())
    endless = sound[:4] + b"\xff" * 4 + sound[8:40] + b"\xff" * 4 + sound[44:]
    assert parse(endless).facts.duration_s == 0.5
    with wave.open(BytesIO(clean(endless))) as file:
        assert file.getnframes() == 4000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html><script>alert(1)</script>", "type is not supported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "type is not supported"),
        (b"GIF89a" + bytes(20), "broken between"),
        (b"fLaC" + bytes(20), "cut short"),
        (b"RIFF\x04\x00\x00\x00AVI ", "type is not supported"),
        (b"\x00\x00\x00\x10ftypavif" + bytes(8), "no image"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "no sound"),
        (b"MZ" + bytes(100), "type is not supported"),
    ],
)
def test_unsupported_types_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidMedia, match=message):
        parse(content)


STREAMS = {MediaType.MP3, MediaType.FLAC}  # they say nowhere how much there should be


@pytest.mark.parametrize("media_type", sorted(INPUTS - STREAMS))
def test_a_truncated_file_is_refused(media_type: MediaType) -> None:
    content = clean(files.FILES[media_type])
    with pytest.raises(InvalidMedia):
        parse(content[: len(content) // 2])


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    bomb = bytearray(files.png())
    bomb[16:24] = (60_000).to_bytes(4) + (60_000).to_bytes(4)
    with pytest.raises(InvalidMedia, match="60000 x 60000 pixels"):
        parse(bytes(bomb))


def test_too_many_frames_are_refused() -> None:
    facts = Facts(media_type=MediaType.PNG, width=4, height=4, frames=PICTURE_FRAMES_MAX + 1)
    with pytest.raises(InvalidMedia, match="frames"):
        check_limits(facts)
    with pytest.raises(InvalidMedia, match="together"):
        check_limits(Facts(media_type=MediaType.WEBP, width=7000, height=7000, frames=100))
    check_limits(Facts(media_type=MediaType.JPEG, width=PICTURE_PIXELS_MAX, height=1, frames=1))


@given(st.binary(max_size=300), st.sampled_from(sorted(INPUTS)))
def test_any_bytes_after_a_signature_are_parsed_or_refused(
    tail: bytes, media_type: MediaType
) -> None:
    content = files.FILES[media_type][:16] + tail
    with suppress(InvalidMedia):
        parse(content)


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(INPUTS)),
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), max_size=6),
    st.integers(0, 2**31),
)
def test_a_corrupt_file_is_parsed_or_refused(
    media_type: MediaType, wrong: list[tuple[int, int]], end: int
) -> None:
    content = bytearray(files.FILES[media_type])
    for offset, byte in wrong:
        content[offset % min(len(content), 700)] = byte
    torn = bytes(content[: end % len(content) or None])
    with suppress(InvalidMedia):
        parsed = parse(torn)
        assert len(kept(torn, parsed)) <= len(torn) + 200


def test_a_file_that_ends_before_its_brand_has_no_type() -> None:
    assert sniff(b"\x00\x00\x00\x14ftyp") is None


@given(st.binary(max_size=64))
def test_any_first_bytes_have_a_type_or_none(content: bytes) -> None:
    with suppress(InvalidMedia):
        assert sniff(content) in (*MediaType, None)
