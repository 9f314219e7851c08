"""The input that an engine gets: as it was given, or completed, with a seed of the job's own."""

from __future__ import annotations

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.example import example_of
from ringback.catalogue.inputs import EngineInputs
from ringback.catalogue.model import Model
from ringback.catalogue.parameter import Parameter
from ringback.catalogue.seeds import SeedRange, seed_range

BUILT_IN = Catalogue.load()
MODELS = list(BUILT_IN)
OURS = EngineInputs(drawing=frozenset({"sketch"}))
UPSTREAM = BUILT_IN.routed(
    {f"{kind}/*": "studio" for kind in {model.kind for model in MODELS}},
    inputs=EngineInputs(upstream=frozenset({"studio"}), drawing=frozenset({"sketch"})),
)
DRAWN = BUILT_IN.routed({}, inputs=OURS)
JOB = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"


def name_of(model: Model) -> str:
    return f"{model.kind}/{model.id}"


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_provider_gets_what_a_job_gave_and_no_default(model: Model) -> None:
    body = example_of(model)
    valid = UPSTREAM.validate(UPSTREAM.find(model.kind, model.id), body)
    assert valid.input == body
    assert valid.seeds is None
    # Prices, checks and idempotency keys go by the completed input for any engine.
    assert valid.completed == BUILT_IN.validate(model, body).input


def test_a_catalogue_without_prices_keeps_the_inputs_of_its_engines() -> None:
    free = UPSTREAM.without_prices_of(lambda _: True)
    for model in free:
        body = example_of(model)
        assert free.validate(model, body).input == body


def test_a_provider_gets_no_default_inside_a_list_and_only_current_names() -> None:
    model = UPSTREAM.find("image", "krea/krea-2/medium")
    reference = {"url": "https://example.com/fox.png"}
    body = {
        "prompt": "x",
        "aspect_ratio": "1:1",
        "resolution": "1K",
        "image_style_references": [reference],
    }
    valid = UPSTREAM.validate(model, body)
    assert valid.input["image_style_references"] == [reference]
    assert "strength" in valid.completed["image_style_references"][0]
    flux = UPSTREAM.find("image", "bfl/flux-1-dev")
    valid = UPSTREAM.validate(flux, {"prompt": "x", "imageUrl": reference["url"]})
    assert valid.input == {"prompt": "x", "image_url": reference["url"]}


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_drawing_has_every_default_but_the_seed(model: Model) -> None:
    body = example_of(model)
    valid = DRAWN.validate(model, body)
    completed = BUILT_IN.validate(model, body).input
    if model.engine != "sketch" or "seed" not in model.parameters:
        assert (valid.input, valid.seeds) == (completed, None)
        return
    assert valid.input == {name: value for name, value in completed.items() if name != "seed"}
    assert valid.seeds is not None
    drawn = {"seed": valid.seeds.drawn(JOB)}
    assert DRAWN.validate(model, body | drawn).input == completed | drawn


@pytest.mark.parametrize("given", [0, 7, 3317551338])
def test_a_seed_that_was_given_stays(given: int) -> None:
    valid = DRAWN.validate(DRAWN.find("image", "bfl/flux-1-dev"), {"prompt": "x", "seed": given})
    assert (valid.input["seed"], valid.seeds) == (given, None)


def test_null_gives_no_seed() -> None:
    body = {"prompt": "x", "aspect_ratio": "1:1", "resolution": "1K", "seed": None}
    valid = DRAWN.validate(DRAWN.find("image", "krea/krea-2/medium"), body)
    assert "seed" not in valid.input
    assert valid.seeds is not None


def test_each_job_has_a_seed_of_its_own_the_same_in_each_of_its_runs() -> None:
    seeds = SeedRange()
    assert seeds.drawn(JOB) == seeds.drawn(JOB) != seeds.drawn(OTHER)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Parameter(type="number"), (0, 2**32 - 1)),
        (Parameter(type="integer", min=-1, max=2147483647), (0, 2147483647)),
        (Parameter(type="integer", min=5, max=7), (5, 7)),
        (Parameter(type="number", nullable=True, max=2**64), (0, 2**32 - 1)),
        (Parameter(type="integer", max=-1), None),
        (Parameter(type="string"), None),
        (Parameter(type="integer", enum=(1, 2)), None),
    ],
)
def test_a_drawn_seed_is_one_that_the_model_takes(
    parameter: Parameter, expected: tuple[int, int] | None
) -> None:
    seeds = seed_range({"seed": parameter})
    assert (seeds and (seeds.lowest, seeds.highest)) == expected
    if seeds is not None:
        drawn = {seeds.drawn(f"job-{number}") for number in range(200)}
        assert min(drawn) >= seeds.lowest
        assert max(drawn) <= seeds.highest
        assert len(drawn) > 2 or seeds.highest - seeds.lowest < 3
