"""Input images of a request, including hostile values."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ringback.engines.sketch.inputs import INPUTS_MAX, images_of, number_of, share_of, styles_of
from ringback.engines.sketch.parameters import PIXELS_MAX, SIDE_MIN, size_of
from ringback.engines.sketch.pictures import shrink
from tests.media_files import picture

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.text())
)


def test_the_single_image_comes_first_and_then_the_list() -> None:
    fields = {"image_url": "https://x/a", "image_urls": ["https://x/b", None, "https://x/c"]}
    assert [one.url for one in images_of(fields)] == ["https://x/a", "https://x/b", "https://x/c"]


def test_only_the_input_images_that_are_used_are_listed() -> None:
    urls = [f"https://x/{number}" for number in range(20)]
    styles = [{"url": url, "strength": 1} for url in urls]
    assert len(images_of({"image_url": "https://x/a", "image_urls": urls})) == INPUTS_MAX
    fields = {"style_images": styles, "image_style_references": styles}
    assert len(styles_of(fields)) == INPUTS_MAX


def test_pictures_of_what_is_to_be_seen_give_their_colours() -> None:
    found = styles_of({"reference_images": ["https://example.com/a.png", {"url": "x"}]})
    assert [(one.url, one.strength) for one in found] == [("https://example.com/a.png", 0.5)]


def test_style_images_of_both_names_are_read_with_their_strengths() -> None:
    fields = {
        "style_images": [{"url": "https://x/a", "strength": -2}, {"strength": 1}, "no object"],
        "image_style_references": [{"url": "https://x/b"}],
    }
    assert [(one.url, one.strength) for one in styles_of(fields)] == [
        ("https://x/a", -2),
        ("https://x/b", 0.5),
    ]


@pytest.mark.parametrize(
    ("strength", "share"), [(0, 1), (1, 0.25), (7, 0.25), (-1, 1), (None, 0.625)]
)
def test_a_higher_strength_shows_less_of_the_input(strength: Any, share: float) -> None:
    assert share_of({"strength": strength}) == pytest.approx(share)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: ANYTHING
            for name in ("image_url", "image_urls", "style_images", "strength", "seed")
        },
    )
)
def test_any_request_is_read(fields: dict[str, Any]) -> None:
    assert len(images_of(fields)) <= INPUTS_MAX
    assert len(styles_of(fields)) <= INPUTS_MAX
    assert 0.25 <= share_of(fields) <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "3", None, []])
def test_a_value_that_is_not_a_number_gives_the_default(value: object) -> None:
    assert number_of(value, default=7) == 7


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_no_width_and_height_exceed_the_pixel_limit(width: float, height: float) -> None:
    across, down = size_of({"width": width, "height": height})
    assert min(across, down) >= SIDE_MIN
    assert across * down <= PIXELS_MAX


def test_a_missing_side_follows_from_the_ratio() -> None:
    assert size_of({"width": 800, "aspect_ratio": "16:9"}) == (800, 450)
    assert size_of({"height": 800}) == (800, 800)


def test_a_large_input_is_shrunk_with_its_ratio() -> None:
    output = BytesIO()
    Image.new("RGB", (3000, 1500), (9, 99, 200)).save(output, "JPEG")
    assert Image.open(BytesIO(shrink(output.getvalue()))).size == (1024, 512)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "HEIF"])
def test_an_image_of_every_asset_type_can_be_an_input(kind: str) -> None:
    small = Image.open(BytesIO(shrink(picture(kind, size=(64, 48), orientation=6))))
    assert small.size == (48, 64)  # the right way up


@pytest.mark.parametrize("colour", ["L", "LA", "P", "RGBA", "I;16", "1"])
def test_an_input_of_any_colour_mode_is_read(colour: str) -> None:
    output = BytesIO()
    Image.new(colour, (20, 20)).save(output, "PNG")
    assert Image.open(BytesIO(shrink(output.getvalue()))).mode == "RGB"


def test_the_servers_process_never_loads_the_drawing_libraries() -> None:
    code = (
        "import sys, ringback.engines.sketch.engine;"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
