"""Which pictures a request names, and that hostile values among them hurt nobody."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import picture
from PIL import Image

from ringback.engines.sketch.asked import PIXELS_MAX, SIDE_MIN, size_of
from ringback.engines.sketch.inputs import INPUTS_MAX, images_of, number_of, share_of, styles_of
from ringback.engines.sketch.pictures import shrink

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.text())
)


def test_the_single_image_comes_first_and_then_the_list() -> None:
    asked = {"image_url": "https://x/a", "image_urls": ["https://x/b", None, "https://x/c"]}
    assert [one.url for one in images_of(asked)] == ["https://x/a", "https://x/b", "https://x/c"]


def test_no_more_pictures_are_named_than_are_used() -> None:
    urls = [f"https://x/{number}" for number in range(20)]
    styles = [{"url": url, "strength": 1} for url in urls]
    assert len(images_of({"image_url": "https://x/a", "image_urls": urls})) == INPUTS_MAX
    asked = {"style_images": styles, "image_style_references": styles}
    assert len(styles_of(asked)) == INPUTS_MAX


def test_style_images_of_both_names_are_read_with_their_strengths() -> None:
    asked = {
        "style_images": [{"url": "https://x/a", "strength": -2}, {"strength": 1}, "no object"],
        "image_style_references": [{"url": "https://x/b"}],
    }
    assert [(one.url, one.strength) for one in styles_of(asked)] == [
        ("https://x/a", -2),
        ("https://x/b", 0.5),
    ]


@pytest.mark.parametrize(
    ("strength", "share"), [(0, 1), (1, 0.25), (7, 0.25), (-1, 1), (None, 0.625)]
)
def test_the_stronger_the_model_the_less_of_the_input_shows(strength: Any, share: float) -> None:
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
def test_whatever_a_request_names_is_read(asked: dict[str, Any]) -> None:
    assert len(images_of(asked)) <= INPUTS_MAX
    assert len(styles_of(asked)) <= INPUTS_MAX
    assert 0.25 <= share_of(asked) <= 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "3", None, []])
def test_what_is_no_number_counts_as_none(value: object) -> None:
    assert number_of(value, otherwise=7) == 7


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_no_width_and_height_make_more_pixels_than_are_allowed(width: float, height: float) -> None:
    across, down = size_of({"width": width, "height": height})
    assert min(across, down) >= SIDE_MIN
    assert across * down <= PIXELS_MAX


def test_one_side_alone_takes_the_other_from_the_ratio() -> None:
    assert size_of({"width": 800, "aspect_ratio": "16:9"}) == (800, 450)
    assert size_of({"height": 800}) == (800, 800)


def test_a_large_input_is_made_small_with_its_ratio_kept() -> None:
    output = BytesIO()
    Image.new("RGB", (3000, 1500), (9, 99, 200)).save(output, "JPEG")
    assert Image.open(BytesIO(shrink(output.getvalue()))).size == (1024, 512)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "HEIF"])
def test_a_picture_of_every_type_that_an_asset_has_is_an_input(kind: str) -> None:
    small = Image.open(BytesIO(shrink(picture(kind, size=(64, 48), orientation=6))))
    assert small.size == (48, 64)  # the right way up


@pytest.mark.parametrize("colour", ["L", "LA", "P", "RGBA", "I;16", "1"])
def test_an_input_of_any_colour_mode_is_read(colour: str) -> None:
    output = BytesIO()
    Image.new(colour, (20, 20)).save(output, "PNG")
    assert Image.open(BytesIO(shrink(output.getvalue()))).mode == "RGB"


def test_the_server_s_process_never_loads_what_draws() -> None:
    code = (
        "import sys, ringback.engines.sketch.engine;"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
