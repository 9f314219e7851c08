"""The cost of a job, by the variant of its model."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.example import example_of
from ringback.catalogue.pricing import cost_of, fields_of
from ringback.catalogue.toml_files import provider_models
from ringback.errors import SetupError

CATALOGUE = Catalogue.of_day(date(2026, 5, 27))  # the newest description states no prices
MODELS = {f"{model.kind}/{model.id}": model for model in CATALOGUE}
PRICED = [model for model in CATALOGUE if model.costs]
URL = "https://example.com/a.png"


@pytest.mark.parametrize(("steps", "units"), [(1, 8.3), (100, 830.0)])
def test_a_training_costs_by_its_steps(steps: int, units: float) -> None:
    model = CATALOGUE.training({"model": "qwen"})
    body = {"model": "qwen", "name": "Ink", "urls": [URL], "max_train_steps": steps}
    valid = CATALOGUE.validate(model, body)
    assert cost_of(model, valid.input) == pytest.approx(units)


def asked_for(model: Model, variant: tuple[str, ...]) -> dict[str, Any]:
    """Return an input that selects a variant."""
    values: dict[str, Any] = {}
    for column, text in zip(model.cost_by, variant, strict=True):
        for name in fields_of(model, column)[:1]:
            parameter = model.parameters[name]
            match parameter.type:
                case "boolean":
                    values[name] = text == "Yes"
                case "number" | "integer":
                    values[name] = float(text.removesuffix("s"))
                case "array":
                    values[name] = [URL] * (int(text) if text.isdecimal() else text == "Yes")
                case "object":
                    values |= {name: {"url": URL}} if text == "Yes" else {}
                case _:
                    values[name] = text
    return values


@pytest.mark.parametrize("model", PRICED, ids=lambda model: model.id)
def test_every_variant_of_every_model_has_the_cost_of_its_row(model: Model) -> None:
    for row in model.costs:
        assert cost_of(model, asked_for(model, row.variant)) == row.compute_units, row.variant


@pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: model.id)
def test_every_models_example_has_a_price_of_the_table(model: Model) -> None:
    cost = cost_of(model, CATALOGUE.validate(model, example_of(model)).input)
    assert cost in {row.compute_units for row in model.costs} or {model.compute_units or 0.0}
    assert cost >= 0


@pytest.mark.parametrize("model", PRICED, ids=lambda model: model.id)
def test_every_column_is_decided_by_the_input_or_constant(model: Model) -> None:
    for number, column in enumerate(model.cost_by):
        values = {row.variant[number] for row in model.costs}
        assert fields_of(model, column) or len(values) == 1, column


@pytest.mark.parametrize(
    ("name", "values", "cost"),
    [
        ("image/bfl/flux-1-dev", {}, 3),
        ("image/ringback/null", {}, 0),
        ("image/krea/krea-2/medium", {}, 0),
        ("enhance/topaz/bloom-enhance", {"width": 9000}, 0),
        ("image/google/nano-banana-pro", {"resolution": "4K"}, 120),
        ("image/google/imagen-3", {}, 22.9),
        ("image/luma/uni-1", {"mode": "max"}, 57.3),
        ("image/luma/uni-1", {"mode": "max", "style_images": [{}] * 2}, 60.7),
        ("image/luma/uni-1", {"mode": "standard", "style_images": []}, 23.1),
        ("image/ideogram/ideogram-3", {"character_reference_images": []}, 34.4),
        ("video/kling/kling-1", {"mode": "pro", "duration": 10}, 421),
        ("video/kling/kling-o1", {"duration": 5, "video_reference": {"url": URL}}, 481),
        ("video/kling/kling-o1", {"duration": 4.5}, 321),
        ("video/kling/kling-3.0", {"mode": "std", "generate_audio": True, "duration": 3}, 433),
        ("video/minimax/hailuo", {}, 246),
        ("video/alibaba/wan-2.1", {"width": 1, "height": 1}, 270),
        ("video/lightricks/ltx-video-2.3-22b", {"duration": 5}, 103),
        ("video/lightricks/ltx-video-2.3-22b", {"duration": 5, "has_lora": True}, 116),
        ("video/lightricks/ltx-video-2.3-22b", {"duration": 20, "styles": [{"id": "x"}]}, 459),
        ("video/google/veo-3", {"duration": 4, "resolution": "720p"}, 573),
        ("video/bytedance/seedance-1.0-pro", {"resolution": "720p", "duration": 3}, 207),
        ("video/bytedance/seedance-1.0-pro", {"resolution": "720p", "duration": 7}, 389),
        ("video/bytedance/seedance-1.0-pro", {"resolution": "720p", "duration": 20}, 778),
        ("video/bytedance/seedance-1.0-pro-fast", {"resolution": "480p", "duration": 7}, 61),
        ("video/runway/aleph", {}, 0),
    ],
)
def test_a_job_has_the_cost_in_the_table(name: str, values: dict[str, Any], cost: float) -> None:
    assert cost_of(MODELS[name], values) == pytest.approx(cost)


def test_an_undecided_column_costs_as_its_most_expensive_row() -> None:
    assert cost_of(MODELS["video/kling/kling-1"], {"mode": "new", "duration": 10}) == 421
    assert cost_of(MODELS["image/google/nano-banana-2"], {"resolution": "16K"}) == 86.5


def test_cost_from_must_name_columns_and_parameters() -> None:
    provider = {
        "provider": "studio",
        "engine": "null",
        "type": "studio",
        "models": [
            {
                "name": "poster",
                "kind": "image",
                "title": "Poster",
                "description": "Ours.",
                "parameters": {"prompt": {"type": "string", "required": True}},
                "cost_by": ["Size"],
                "costs": [["A4", 1]],
                "cost_from": {"Size": ["paper"]},
            }
        ],
    }
    with pytest.raises(SetupError, match="cost_from has columns of cost_by"):
        provider_models(provider)
