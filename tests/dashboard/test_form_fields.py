"""Form fields made from parameters, and input read from submitted forms."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

import pytest

from ringback.catalogue.catalogue import Model
from ringback.catalogue.example import example_of
from ringback.catalogue.parameter import Parameter
from ringback.dashboard.presenters.form_fields import PREFIX, body_of, elided, fields_of
from ringback.dashboard.presenters.snippets import submission
from ringback.errors import InvalidRequest
from tests.world import CATALOGUE

FLUX = CATALOGUE.find("image", "bfl/flux-1-dev")


@pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: f"{model.kind}/{model.id}")
def test_every_models_form_returns_the_input_of_its_example(model: Model) -> None:
    example = example_of(model)
    form = {PREFIX + field.name: [field.value] for field in fields_of(model, example)}

    body = body_of(model, form)

    assert CATALOGUE.validate(model, body).input == CATALOGUE.validate(model, example).input


def test_a_range_is_a_slider_and_an_enum_a_choice() -> None:
    fields = {field.name: field for field in fields_of(FLUX, {})}
    assert fields["steps"].control == "slider"
    assert (fields["steps"].min, fields["steps"].max, fields["steps"].step) == (1, 100, 1)
    assert fields["seed"].control == "number"
    assert fields["image_url"].control == "picture"
    assert fields["prompt"].control == "text"
    assert next(iter(fields)) == "prompt"
    controls = {one.control for model in CATALOGUE for one in fields_of(model, {})}
    assert {"choice", "switch", "pictures", "json"} <= controls


def test_a_choice_has_its_name_for_people() -> None:
    labelled = Parameter(type="string", enum=("apo-8", "chf-3"), labels=("Apollo", "Chronos Fast"))
    plain = Parameter(type="number", enum=(5, 10))
    model = replace(FLUX, parameters={"by": labelled, "seconds": plain})
    by, seconds = fields_of(model, {})
    assert by.options == [("apo-8", "Apollo"), ("chf-3", "Chronos Fast")]
    assert seconds.options == [("5", "5"), ("10", "10")]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "twelve", "0x10"])
def test_a_text_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body_of(FLUX, {"input.prompt": ["a"], "input.steps": [text]})
    assert caught.value.details[0].path == "/steps"


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, "[NaN]", "[1e999]", '["\\ud800"]', '[{"\\udfff": 1}]']
)
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        body_of(FLUX, {"input.styles": [text]})


def test_unchanged_defaults_are_left_out_of_the_input() -> None:
    form = {"input.prompt": ["a\n\nfox"], "input.steps": ["25"], "input.width": ["640"]}
    assert body_of(FLUX, form) == {"prompt": "a\n\nfox", "width": 640}


def test_a_data_uri_is_shortened_for_display() -> None:
    uri = "data:image/png;base64," + "A" * 5_000
    shown = elided({"a": [uri], "b": "data:x", "c": "x" * 5_000})
    assert len(shown["a"][0]) < 120
    assert shown["b"] == "data:x"
    assert len(shown["c"]) == 5_000


NASTY = 'it\'s "quoted" \\ $HOME `id` \u2028 </script>'


def test_snippets_quote_any_prompt_correctly() -> None:
    curl, python, node = submission(
        "http://127.0.0.1:7464",
        "/generate/image/bfl/flux-1-dev",
        {"prompt": NASTY},
        headers={"X-Webhook-URL": "http://x/'"},
    )
    parts = shlex.split(curl.code.replace("\\\n", " "))
    assert json.loads(parts[parts.index("-d") + 1]) == {"prompt": NASTY}
    assert "X-Webhook-URL: http://x/'" in parts
    compile(python.code, "snippet", "exec")
    sent = re.search(r"JSON\.stringify\((.*)\),\n\}\);", node.code, re.DOTALL)
    assert sent is not None
    assert json.loads(sent[1]) == {"prompt": NASTY}
    assert "\u2028" not in node.code
