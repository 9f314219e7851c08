"""What a file is, whoever made it: types, sizes, durations, and nothing kept of its maker."""

from __future__ import annotations

import wave
from contextlib import suppress
from io import BytesIO

import media_files as files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from ringback.errors import InvalidMedia
from ringback.media.content import Copy, Facts, Looked, MediaType
from ringback.media.looking import (
    PICTURE_FRAMES_MAX,
    PICTURE_PIXELS_MAX,
    judge,
    look,
    media_type_of,
)


def kept(content: bytes, looked: Looked) -> bytes:
    """What is written of a file."""
    return b"".join(
        content[piece.offset : piece.offset + piece.length] if isinstance(piece, Copy) else piece
        for piece in looked.pieces
    )


def clean(content: bytes) -> bytes:
    return kept(content, look(content))


@pytest.mark.parametrize("media_type", MediaType)
def test_a_file_of_each_type_is_known_by_its_content(media_type: MediaType) -> None:
    assert look(files.FILES[media_type]).facts.media_type is media_type


@pytest.mark.parametrize("media_type", MediaType)
def test_nothing_is_kept_of_who_made_a_file(media_type: MediaType) -> None:
    content = files.FILES[media_type]
    assert files.MAKER in content
    assert files.MAKER not in clean(content)


@pytest.mark.parametrize("media_type", MediaType)
def test_what_was_kept_is_a_file_of_the_same_facts_and_is_kept_whole(media_type: MediaType) -> None:
    content = files.FILES[media_type]
    once = clean(content)
    assert look(once).facts == look(content).facts
    assert clean(once) == once


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_keeps_every_pixel_and_which_way_up_it_is(kind: str, orientation: int) -> None:
    content = files.picture(kind, orientation=orientation)
    before, after = (Image.open(BytesIO(one)) for one in (content, clean(content)))
    assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None
    assert after.size == before.size
    assert after.getexif().get(0x0112, 1) == before.getexif().get(0x0112, 1)
    assert not after.getexif().get_ifd(0x8825)


def test_the_places_in_a_movie_in_fragments_are_written_over_and_its_pictures_are_not() -> None:
    content = files.fragmented_places()
    assert look(content).facts.frames == 2
    once = clean(content)
    assert files.MAKER not in once
    assert b"PICTURES" * 4 in once
    assert len(once) == len(content)


def test_a_second_description_of_a_movie_is_written_over() -> None:
    content = files.movie()
    at = content.index(b"moov") - 4
    again = content[at : at + int.from_bytes(content[at : at + 4])]
    once = clean(content + again)
    assert once == clean(content) + len(again).to_bytes(4) + b"free" + bytes(len(again) - 8)


def test_boxes_in_boxes_without_end_are_refused() -> None:
    with pytest.raises(InvalidMedia, match="nested too deeply"):
        look(files.nested(3_000))


def test_pictures_of_every_kind_on_a_model_tell_nothing_of_themselves() -> None:
    for photograph in (files.png(), files.webp()):
        assert files.MAKER not in clean(files.glb(photograph))


def test_a_model_with_more_pictures_than_are_looked_at_is_refused() -> None:
    with pytest.raises(InvalidMedia, match="more pictures"):
        look(files.glb(images=10_001))


def test_the_colours_of_a_picture_keep_their_profile() -> None:
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    for kind in ("JPEG", "PNG", "WEBP"):
        found = Image.open(BytesIO(clean(files.picture(kind, icc_profile=profile))))
        assert found.info["icc_profile"] == profile


def test_every_frame_of_a_moving_picture_is_kept() -> None:
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90, 200)]
    for kind in ("PNG", "WEBP"):
        output = BytesIO()
        frames[0].save(output, kind, save_all=True, append_images=frames[1:], lossless=True)
        content = output.getvalue()
        assert look(content).facts.frames == 3
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
    assert look(content).facts == facts


@pytest.mark.parametrize("each_says", [False, True])
def test_a_movie_in_fragments_lasts_as_long_as_they_do(each_says: bool) -> None:
    facts = look(files.fragmented(each_says=each_says)).facts
    assert (facts.duration_s, facts.frames, facts.width) == (2.0, 50, 320)


def test_the_duration_of_an_mp3_is_that_of_its_frames() -> None:
    assert look(files.mp3(frames=100)).facts.duration_s == pytest.approx(100 * 1152 / 44_100)


def test_no_byte_of_a_movie_moves_and_none_of_its_pictures_changes() -> None:
    content = files.movie()
    after = clean(content)
    assert len(after) == len(content)
    assert after[24:60] == content[24:60]
    assert b"+48.1351" in content
    assert b"+48.1351" not in after


def test_a_wav_that_says_nothing_of_its_length_goes_to_its_end() -> None:
    sound = clean(files.wav())
    endless = sound[:4] + b"\xff" * 4 + sound[8:40] + b"\xff" * 4 + sound[44:]
    assert look(endless).facts.duration_s == 0.5
    with wave.open(BytesIO(clean(endless))) as file:
        assert file.getnframes() == 4000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<html><script>alert(1)</script>", "no type that is taken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no type that is taken"),
        (b"GIF89a" + bytes(20), "no type that is taken"),
        (b"RIFF\x04\x00\x00\x00AVI ", "no type that is taken"),
        (b"\x00\x00\x00\x10ftypavif" + bytes(8), "no type that is taken"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "no sound"),
        (b"MZ" + bytes(100), "no type that is taken"),
    ],
)
def test_what_is_none_of_the_ten_types_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidMedia, match=said):
        look(content)


@pytest.mark.parametrize("media_type", [one for one in MediaType if one is not MediaType.MP3])
def test_a_file_that_is_cut_short_is_refused(media_type: MediaType) -> None:
    content = clean(files.FILES[media_type])
    with pytest.raises(InvalidMedia):
        look(content[: len(content) // 2])


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = bytearray(files.png())
    bomb[16:24] = (60_000).to_bytes(4) + (60_000).to_bytes(4)
    with pytest.raises(InvalidMedia, match="60000 x 60000 pixels"):
        look(bytes(bomb))


def test_too_many_frames_are_refused() -> None:
    facts = Facts(media_type=MediaType.PNG, width=4, height=4, frames=PICTURE_FRAMES_MAX + 1)
    with pytest.raises(InvalidMedia, match="frames"):
        judge(facts)
    with pytest.raises(InvalidMedia, match="together"):
        judge(Facts(media_type=MediaType.WEBP, width=7000, height=7000, frames=100))
    judge(Facts(media_type=MediaType.JPEG, width=PICTURE_PIXELS_MAX, height=1, frames=1))


@given(st.binary(max_size=300), st.sampled_from(MediaType))
def test_whatever_follows_a_beginning_is_looked_at_or_refused(
    tail: bytes, media_type: MediaType
) -> None:
    content = files.FILES[media_type][:16] + tail
    with suppress(InvalidMedia):
        look(content)


@settings(max_examples=400)
@given(
    st.sampled_from(MediaType),
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), max_size=6),
    st.integers(0, 2**31),
)
def test_a_file_with_wrong_bytes_is_looked_at_or_refused(
    media_type: MediaType, wrong: list[tuple[int, int]], end: int
) -> None:
    content = bytearray(files.FILES[media_type])
    for place, byte in wrong:
        content[place % min(len(content), 700)] = byte
    torn = bytes(content[: end % len(content) or None])
    with suppress(InvalidMedia):
        looked = look(torn)
        assert len(kept(torn, looked)) <= len(torn) + 200


def test_a_file_that_ends_before_its_brand_is_of_no_type() -> None:
    assert media_type_of(b"\x00\x00\x00\x14ftyp") is None


@given(st.binary(max_size=64))
def test_any_beginning_is_of_a_type_or_of_none(content: bytes) -> None:
    with suppress(InvalidMedia):
        assert media_type_of(content) in (*MediaType, None)
