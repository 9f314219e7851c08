"""Enhancement: larger, cleaner and sharper images, with tiles equal to the whole."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.engines.sketch.enhance import pipeline
from ringback.engines.sketch.enhance.enhancement import Enhancement, Treatment
from ringback.engines.sketch.enhance.parameters import factor_of, format_of, size_of, treatment_of
from ringback.engines.sketch.enhance.pipeline import enhance
from ringback.engines.sketch.enhance.saving import save
from ringback.engines.sketch.enhance.tiles import plan_of, source_of, tiles_of
from ringback.errors import EngineError
from tests.clips import ReporterLog

Pixels = NDArray[np.float32]
PLAIN = Treatment()


def drawn(size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return an image with edges, curves and a soft background."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.ellipse((width * 0.2, height * 0.2, width * 0.6, height * 0.8), fill=(220, 90, 40))
    draw.rectangle((width * 0.65, height * 0.3, width * 0.9, height * 0.9), fill=(30, 60, 160))
    draw.line((0, height, width, 0), fill=(250, 250, 250), width=2)
    return image


def enhanced(image: Image.Image, tmp_path: Path, **changes: Any) -> Image.Image:
    picture, out = tmp_path / "picture", tmp_path / "out"
    save = changes.pop("save", {"format": "PNG"})
    image.save(picture, **save)
    fields = {"width": image.width * 2, "height": image.height * 2, "format": "png", **changes}
    enhance(Enhancement(picture=str(picture), out=str(out), **fields), ReporterLog())
    with Image.open(out) as made:
        made.load()
        return made


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"), dtype=np.float32)


def error(one: Image.Image, other: Image.Image) -> float:
    return float(np.sqrt(((pixels(one) - pixels(other)) ** 2).mean()))


def test_an_enlarged_image_resembles_a_larger_original(tmp_path: Path) -> None:
    large = drawn((640, 480))
    small = large.resize((320, 240), Image.Resampling.LANCZOS)
    nearest = small.resize((640, 480), Image.Resampling.NEAREST)
    assert error(enhanced(small, tmp_path), large) < 0.85 * error(nearest, large)


def test_noise_is_removed_and_edges_are_kept(tmp_path: Path) -> None:
    clean = drawn()
    rng = np.random.default_rng(3)
    noisy = pixels(clean) + rng.normal(0, 12, (120, 160, 3))
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    size = {"width": 160, "height": 120}
    cleaned = enhanced(image, tmp_path, treatment=Treatment(denoise=0.8), **size)
    blurred = image.filter(ImageFilter.GaussianBlur(2))
    assert error(cleaned, clean) < 0.6 * error(image, clean)
    assert error(cleaned, clean) < error(blurred, clean)


def test_the_block_edges_of_a_jpeg_are_smoothed(tmp_path: Path) -> None:
    clean = Image.linear_gradient("L").resize((160, 160), Image.Resampling.BICUBIC).convert("RGB")
    output = BytesIO()
    clean.save(output, "JPEG", quality=10)
    size = {"width": 160, "height": 160, "save": {"format": "JPEG", "quality": 10}}
    blocky = Image.open(output)
    smooth = enhanced(clean, tmp_path, treatment=Treatment(deblock=1.0), **size)

    def steps(image: Image.Image) -> float:
        light = pixels(image)[..., 0]
        return float(np.abs(light[8::8] - light[7:-1:8]).mean())

    assert steps(smooth) < 0.6 * steps(blocky)


@pytest.mark.parametrize(
    ("treatment", "grows"),
    [
        (Treatment(sharpen=1.0), lambda p: np.abs(np.diff(p, axis=1)).max()),
        (Treatment(detail=1.0), lambda p: np.abs(p[:, 6:] - p[:, :-6]).mean()),
        (Treatment(vivid=1.0), lambda p: np.abs(p - p.mean(axis=2, keepdims=True)).mean()),
        (Treatment(texture=1.0), lambda p: np.abs(np.diff(p[:20], axis=0)).mean()),
    ],
)
def test_each_treatment_has_its_effect(
    tmp_path: Path, treatment: Treatment, grows: Callable[[Pixels], float]
) -> None:
    soft = drawn().filter(ImageFilter.GaussianBlur(1.2))
    soft = Image.blend(soft, Image.new("RGB", soft.size, (128, 128, 128)), 0.4)
    plain, treated = (pixels(enhanced(soft, tmp_path, treatment=one)) for one in (PLAIN, treatment))
    assert grows(treated) > 1.03 * grows(plain)
    assert np.abs(treated - plain).mean() < 16


def test_strength_is_the_share_of_the_treated_image(tmp_path: Path) -> None:
    plain, half, whole = (
        pixels(enhanced(drawn(), tmp_path, treatment=Treatment(sharpen=1.0, strength=strength)))
        for strength in (0.0, 0.5, 1.0)
    )
    assert np.abs((plain + whole) / 2 - half).max() < 2


def test_the_treatment_can_be_limited_to_the_background(tmp_path: Path) -> None:
    image = drawn().convert("RGBA")
    cut_out = Image.new("L", image.size, 40)  # faint, since a colour that nobody sees is not kept
    cut_out.paste(255, (80, 0, 160, 120))
    image.putalpha(cut_out)
    plain, treated = (
        np.asarray(enhanced(image, tmp_path, treatment=one), dtype=np.float32)
        for one in (PLAIN, Treatment(texture=1.0, where="Background"))
    )
    changed = np.abs(treated - plain)[..., :3].mean(axis=(0, 2))
    assert changed[:120].mean() > 10 * changed[220:].mean()


def test_tiles_equal_the_whole_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    treatment = Treatment(denoise=0.6, deblock=0.5, detail=0.7, sharpen=0.8, vivid=0.4)
    image = drawn((200, 150))
    kind = {"save": {"format": "JPEG", "quality": 40}, "treatment": treatment}
    whole = enhanced(image, tmp_path, **kind)
    monkeypatch.setattr(pipeline, "TILE", 64)
    tiled = enhanced(image, tmp_path, **kind)
    assert np.abs(pixels(whole) - pixels(tiled)).max() <= 2


def test_transparency_is_kept_except_in_a_jpeg(tmp_path: Path) -> None:
    image = drawn().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    for form in ("png", "webp"):
        made = enhanced(image, tmp_path, format=form)
        assert made.mode == "RGBA"
        assert np.asarray(made.getchannel("A")).min() < 6
    assert enhanced(image, tmp_path, format="jpg").mode == "RGB"


def test_the_colour_profile_and_the_orientation_are_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save = {"format": "JPEG", "exif": exif, "icc_profile": b"a profile" * 9}
    made = enhanced(drawn((80, 40)), tmp_path, width=80, height=160, save=save)
    assert made.size == (80, 160)
    assert made.info["icc_profile"] == b"a profile" * 9


@pytest.mark.parametrize(("crops", "corner"), [(True, (200, 10, 10)), (False, (0, 0, 0))])
def test_another_ratio_is_cropped_or_bordered(
    tmp_path: Path, crops: bool, corner: tuple[int, int, int]
) -> None:
    red = Image.new("RGB", (60, 30), (200, 10, 10))
    made = enhanced(red, tmp_path, width=100, height=100, crops=crops)
    assert made.size == (100, 100)
    assert made.getpixel((2, 2)) == corner
    assert made.getpixel((50, 50)) == (200, 10, 10)


def test_a_factor_overrides_the_size(tmp_path: Path) -> None:
    assert enhanced(drawn(), tmp_path, factor=1.5).size == (240, 180)


def test_an_image_can_be_shrunk(tmp_path: Path) -> None:
    treatment = Treatment(denoise=0.5, sharpen=0.5)
    made = enhanced(drawn(), tmp_path, width=33, height=25, treatment=treatment)
    assert made.size == (33, 25)
    assert error(made, drawn().resize((33, 25), Image.Resampling.LANCZOS)) < 30


def test_a_format_with_too_small_limits_is_refused_with_advice(tmp_path: Path) -> None:
    strip = Image.new("RGB", (400, 1))
    with pytest.raises(EngineError, match=r"webp image has at most 16,383 .* output_format"):
        enhanced(strip, tmp_path, factor=42.0, format="webp")


@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.booleans(),
)
def test_tiles_cover_the_image_exactly_once(
    picture: tuple[int, int], requested: tuple[int, int], crops: bool
) -> None:
    plan = plan_of(picture, requested, factor=None, crops=crops)
    left, top, right, bottom = plan.inner
    covered = 0
    for tile in tiles_of(plan, rim=16, side=512):
        x, y, end_x, end_y = tile.inside
        covered += (end_x - x) * (end_y - y)
        source = source_of(plan, tile.rimmed)
        assert source[0] >= -1e-6 <= source[1]
        assert source[2] <= picture[0] + 1e-6
        assert source[3] <= picture[1] + 1e-6
    assert covered == (right - left) * (bottom - top)
    assert plan.size == requested


PICTURES_ENHANCED = (
    "krea/enhance",
    "krea/legacy-enhance",
    "magnific/creative-enhance",
    "magnific/precise-enhance",
    "topaz/bloom-2-enhance",
    "topaz/bloom-enhance",
    "topaz/generative-enhance",
    "topaz/standard-enhance",
    "topaz/wonder-35-enhance",
)


@pytest.mark.parametrize("model_id", PICTURES_ENHANCED)
def test_every_enhance_models_example_is_a_treatment(model_id: str) -> None:
    catalogue = Catalogue.load()
    model = catalogue.find("enhance", model_id)
    fields = catalogue.validate(model, example_of(model)).input
    treatment = treatment_of(fields, model=model_id)
    strengths = (treatment.detail, treatment.sharpen, treatment.texture, treatment.vivid)
    assert all(0 <= strength <= 1 for strength in strengths)
    assert treatment.sharpen > 0
    assert format_of(fields) == fields.get("output_format", "jpg")
    assert min(size_of(fields)) >= 1
    assert factor_of(fields) in (None, 2)


def test_a_model_without_a_size_scales_by_its_factor() -> None:
    assert factor_of({"image_scaling_factor": 2}) == 2
    assert factor_of({"image_scaling_factor": 0.5}) == 0.5
    assert factor_of({"image_scaling_factor": 2, "width": 64, "height": 64}) is None


def test_other_names_of_a_strength_have_their_own_range() -> None:
    precise = {"sharpen": 50, "ultra_detail": 100, "smart_grain": 25}
    treatment = treatment_of(precise, model="magnific/precise-enhance")
    assert (treatment.sharpen, treatment.detail, treatment.texture) == (0.5, 1.0, 0.25)
    plain = treatment_of({"creativity": -10}, model="magnific/creative-enhance")
    assert plain.vivid == 0
    vivid = treatment_of({"ai_strength": 1, "sharpness": 1.5}, model="krea/enhance")
    assert (vivid.vivid, vivid.sharpen) == (0.5, 1.0)


def test_grain_is_added_where_it_is_asked_for() -> None:
    model = "topaz/bloom-2-enhance"
    assert treatment_of({"grain": True, "grain_strength": 0.5}, model=model).texture == 0.5
    assert treatment_of({"grain": False, "grain_strength": 0.5}, model=model).texture == 0


def test_parameters_have_their_effects() -> None:
    def of(model: str = "topaz/generative-enhance", **fields: Any) -> Treatment:
        return treatment_of(fields, model=model)

    assert of(denoise=0.9).denoise > of(denoise=0.1).denoise
    assert of(fix_compression=1).deblock > of(fix_compression=0).deblock == 0
    assert of(creativity=6).detail > of(creativity=1).detail
    assert of(texture=5).texture == 1 > of(texture=1).texture == 0
    assert of(creativity=6, color_preservation=True).vivid == 0 < of(creativity=6).vivid
    assert of("topaz/bloom-enhance", creativity=9).vivid == of(creativity=6).vivid
    assert of(model="topaz/standard-enhance", strength=0.25).strength == 0.5
    assert of(subject_detection="Foreground").where == "Foreground"
    assert factor_of({"upscaling_activated": True, "image_scaling_factor": 3}) == 3
    assert factor_of({"upscaling_activated": False, "image_scaling_factor": 3}) is None


def test_a_text_model_sharpens_more_than_a_faithful_one() -> None:
    fields = {"sharpen": 0.5, "denoise": 0.5}
    text, faithful = (
        treatment_of({**fields, "model": name}, model="topaz/standard-enhance")
        for name in ("Text Refine", "High Fidelity V2")
    )
    assert text.sharpen > faithful.sharpen
    assert text.denoise > faithful.denoise


def test_an_image_too_large_for_webp_is_refused(tmp_path: Path) -> None:
    """The format limits the modes of all blocks to half a megabyte; large noise exceeds it."""
    noise = Image.effect_noise((1000, 1000), 120).resize((6_400, 6_400), Image.Resampling.NEAREST)
    with pytest.raises(EngineError, match=r"6,400 x 6,400 .* webp; ask for another output_format"):
        save(noise.convert("RGB"), tmp_path / "out.webp", form="webp", profile=None)
