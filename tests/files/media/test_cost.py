"""The cost of decoding is estimated from a file's structure, and a high one is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ringback.engines.sketch.pictures import decode, decode_whole
from ringback.errors import EngineError, InvalidMedia
from ringback.files.media.content import PICTURE_PARTS_MAX, PICTURES, MediaType
from ringback.files.media.cost import COST_S_MAX, SCANS_MAX, TIME_S_MAX, jpeg_s, time_limit_s
from ringback.files.media.parsing import PICTURE_PIXELS_MAX, parse, parse_picture
from tests import hostile_media as hostile
from tests import media_files as files


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    output = BytesIO()
    image.save(output, kind, **how)
    return output.getvalue()


def test_a_jpeg_with_two_thousand_scans_is_refused_with_one_sentence() -> None:
    content = hostile.jpeg_with_scans(2_000)
    with pytest.raises(InvalidMedia, match=rf"has 2000 scans; at most {SCANS_MAX} are decoded"):
        parse(content)


def test_a_jpeg_may_have_the_limit_of_scans_and_no_more() -> None:
    for scans in (60, SCANS_MAX):
        assert parse(hostile.jpeg_with_scans(scans)).cost_s < 1
    with pytest.raises(InvalidMedia, match="scans"):
        parse(hostile.jpeg_with_scans(SCANS_MAX + 1))


def test_the_cost_of_a_jpeg_grows_with_the_samples_of_its_scans() -> None:
    def cost_s(scans: int, side: int) -> float:
        return parse(hostile.jpeg_with_scans(scans, size=(side, side))).cost_s

    assert cost_s(100, 1000) > 4 * cost_s(20, 1000)
    assert cost_s(100, 2000) - cost_s(20, 2000) > 3 * (cost_s(100, 1000) - cost_s(20, 1000))
    assert cost_s(100, 1000) > 100 * 1000 * 1000 * 1e-9


def test_uploads_and_inputs_have_the_same_limits() -> None:
    content = hostile.jpeg_with_scans(2_000)
    with pytest.raises(InvalidMedia) as uploaded:
        parse(content)
    for door in (decode, decode_whole):
        with pytest.raises(EngineError) as named:
            door(content)
        assert str(uploaded.value) in str(named.value)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_with_too_many_frames_is_refused(kind: str) -> None:
    assert parse(hostile.moving(kind, 20)).facts.frames == 20
    with pytest.raises(InvalidMedia, match=r"1001 frames; at most 1000"):
        parse(hostile.moving(kind, 1_001, size=(1, 1)))


def test_a_png_of_too_many_chunks_is_refused() -> None:
    assert parse(hostile.png_of_chunks(10_000)).cost_s < 1
    with pytest.raises(InvalidMedia, match="too many chunks"):
        parse(hostile.png_of_chunks(PICTURE_PARTS_MAX))


def test_a_gif_with_too_many_blocks_is_refused_before_decoding() -> None:
    assert decode(hostile.gif_of_blocks(1_000)).size == (64, 48)
    with pytest.raises(EngineError, match="too many parts"):
        decode(hostile.gif_of_blocks(PICTURE_PARTS_MAX + 1))


def test_a_heic_counts_a_tile_for_each_reference_to_it() -> None:
    one = parse(hostile.heic_of({1: [2]}, side=1000)).cost_s
    many = parse(hostile.heic_of({1: [2] * 101}, side=1000)).cost_s
    assert many - one > 100 * 1000 * 1000 * 1e-9
    with pytest.raises(InvalidMedia, match="too much work to decode"):
        parse(hostile.heic_of({1: [2] * 1_000}, side=1000))


def test_a_tiny_tile_costs_the_decoders_minimum() -> None:
    with pytest.raises(InvalidMedia, match="too much work to decode"):
        parse(hostile.heic_of({1: [2] * 10_000}, side=1))


def test_a_heic_counts_its_layers() -> None:
    plain = parse(hostile.heic_of({1: [2]}, side=4000)).cost_s
    layered = parse(hostile.heic_of({1: [2], 3: [4, 4]}, side=4000, layers=(3,))).cost_s
    assert layered > 2 * plain


@pytest.mark.parametrize("part", ["reference", "property", "place"])
def test_a_heic_with_too_many_parts_is_refused(part: str) -> None:
    assert parse(hostile.heic_of_parts(part, 10)).facts.media_type is MediaType.HEIC
    with pytest.raises(InvalidMedia, match="too many parts"):
        parse(hostile.heic_of_parts(part, PICTURE_PARTS_MAX + 1))


class Counted(bytes):
    """The content of a file; it counts reads."""

    reads = 0

    def __getitem__(self, key: Any) -> Any:
        self.reads += 1
        return super().__getitem__(key)


@pytest.mark.parametrize(
    ("filling", "at"),
    [
        pytest.param(b"\xff", 2, id="fill bytes before a segment"),
        pytest.param(b"\xff", -2, id="fill bytes after a scan"),
        pytest.param(b"\xff\x00", -2, id="stuffed bytes in a scan"),
        pytest.param(b"\xff\xd0", -2, id="restarts in a scan"),
    ],
)
def test_filler_bytes_do_not_cause_more_reads_of_a_jpeg(filling: bytes, at: int) -> None:
    picture = files.picture("JPEG")

    def reads(count: int) -> int:
        content = Counted(picture[:at] + count * filling + picture[at:])
        parse(content)
        return content.reads

    assert reads(10_000) == reads(10)


def test_derived_images_that_multiply_are_refused() -> None:
    doubling = {number: [number + 1] * 60 for number in range(1, 6)}
    with pytest.raises(InvalidMedia, match="too much work to decode"):
        parse(hostile.heic_of(doubling, side=64))


@pytest.mark.parametrize(
    "pictures", [{1: [1]}, {1: [2], 2: [1]}, {one: [one + 1] for one in range(1, 40)}]
)
def test_derived_images_in_cycles_or_too_deep_are_refused(
    pictures: dict[int, list[int]],
) -> None:
    with pytest.raises(InvalidMedia, match="too deeply"):
        parse(hostile.heic_of(pictures, side=64))


def test_a_movie_that_declares_more_samples_than_bytes_is_refused_at_once() -> None:
    assert parse(hostile.movie_of_chunks(10, 10)).facts.media_type is MediaType.MP4
    with pytest.raises(InvalidMedia, match="too many samples"):
        parse(hostile.movie_of_chunks(1_000, 1_000_000))


def test_a_3d_model_with_overlapping_images_is_refused() -> None:
    assert parse(files.glb(images=9_000)).facts.media_type is MediaType.GLB
    with pytest.raises(InvalidMedia, match="overlap"):
        parse(hostile.model_of_views(1_000))


@pytest.mark.parametrize("media_type", sorted(PICTURES))
def test_small_files_have_a_low_cost_and_a_short_time_limit(media_type: MediaType) -> None:
    cost_s = parse(files.FILES[media_type]).cost_s
    assert 0 < cost_s < 0.1
    assert time_limit_s(cost_s) < TIME_S_MAX / 2
    assert time_limit_s(COST_S_MAX) == TIME_S_MAX


def test_the_largest_photo_of_a_camera_is_accepted() -> None:
    # 50 megapixels with all colours, in ten scans, in as many bytes as a file may have.
    cost_s = jpeg_s(
        pixels=PICTURE_PIXELS_MAX,
        components=3,
        samples_of_scans=14 * PICTURE_PIXELS_MAX,
        scan_bytes=75 << 20,
        metadata_bytes=1 << 20,
        parts=40,
        is_arithmetic=False,
    )
    assert cost_s < COST_S_MAX


_NOISE = Image.effect_noise((200, 200), 90).convert("RGB")


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("JPEG", {"quality": 100, "subsampling": 0}),
        ("JPEG", {"quality": 95, "progressive": True, "optimize": True}),
        ("JPEG", {"quality": 60, "restart_marker_blocks": 1}),
        ("PNG", {"compress_level": 0}),
        ("PNG", {"optimize": True}),
        ("WEBP", {"quality": 100, "method": 6}),
        ("WEBP", {"lossless": True, "exact": True}),
        ("HEIF", {"quality": 100}),
        ("HEIF", {"quality": -1}),
        ("GIF", {}),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "P"])
def test_the_output_of_usual_encoders_is_never_refused(
    kind: str, how: dict[str, object], mode: str
) -> None:
    taken = {
        "JPEG": ("RGB", "L", "CMYK"),
        "PNG": ("RGB", "L", "RGBA", "P"),
        "GIF": ("RGB", "L", "P"),
        "HEIF": ("RGB", "L", "RGBA"),
        "WEBP": ("RGB", "L", "RGBA"),
    }
    image = _NOISE.convert(mode if mode in taken[kind] else "RGB")
    content = saved(image, kind, **how)
    assert 0 < parse_picture(content).cost_s < 1
    assert decode(content).size == (200, 200)


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    wrong=st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 255)), max_size=4),
    progressive=st.booleans(),
)
def test_a_cost_is_never_below_a_linear_bound_of_the_pixels_and_the_bytes(
    kind: str, width: int, height: int, wrong: list[tuple[int, int]], progressive: bool
) -> None:
    how = {"progressive": progressive} if kind == "JPEG" else {}
    content = bytearray(saved(_NOISE.crop((0, 0, width, height)), kind, **how))
    for offset, byte in wrong:
        content[offset % len(content)] = byte
    try:
        cost_s = parse_picture(bytes(content)).cost_s
        image = Image.open(BytesIO(content), formats=("JPEG", "PNG", "WEBP", "GIF"))
        image.load()
    except Exception:  # noqa: BLE001 - what is refused, by us or by a decoder, costs nothing
        return
    scans = content.count(b"\xff\xda") if kind == "JPEG" else 1
    least_ns = image.width * image.height * max(1, 0.25 * scans)
    assert cost_s * 1e9 >= least_ns
