"""A model's parameters as options."""

from __future__ import annotations

from typing import Any

import pytest

from ringback.cli.console.model_options import ParameterError, kinds_of, read_parameters

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "width": {"type": "integer", "minimum": 512},
        "strength": {"type": "number"},
        "seed": {"type": ["number", "null"]},
        "raw": {"type": "boolean"},
        "no_text": {"type": "boolean"},
        "image_urls": {"type": "array", "items": {"type": "string"}},
        "steps_each": {"type": "array", "items": {"type": "integer"}},
        "styles": {"type": "array", "items": {"type": "object"}},
        "camera": {"type": "object"},
        "size": {"anyOf": [{"type": "integer"}, {"enum": ["small", "large"]}]},
        "duration": {"enum": [5, 10]},
        "words": {"anyOf": [{"type": "string"}, {"type": "array"}]},
    },
}


def values(*tokens: str) -> dict[str, Any]:
    return read_parameters(tokens, SCHEMA).values


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["--width", "1024"], {"width": 1024}),
        (["--width=1024"], {"width": 1024}),
        (["--strength", "-0.5"], {"strength": -0.5}),
        (["--strength", "1e-2"], {"strength": 0.01}),
        (["--strength", "2"], {"strength": 2}),
        (["--seed", "null"], {"seed": None}),
        (["--seed", "18446744073709551615"], {"seed": 18446744073709551615}),
        (["--raw"], {"raw": True}),
        (["--raw", "false"], {"raw": False}),
        (["--no-raw"], {"raw": False}),
        (["--no-text"], {"no_text": True}),
        (["--no-no-text"], {"no_text": False}),
        (["--image-urls", "https://a/?x=1,2"], {"image_urls": ["https://a/?x=1,2"]}),
        (["--image_urls", "a", "--image-urls", "b"], {"image_urls": ["a", "b"]}),
        (["--image-urls", '["a", "b"]'], {"image_urls": ["a", "b"]}),
        (["--steps-each", "3", "--steps-each", "4"], {"steps_each": [3, 4]}),
        (["--styles", '{"id": "s", "strength": 1}'], {"styles": [{"id": "s", "strength": 1}]}),
        (["--camera", '{"pan": 3}'], {"camera": {"pan": 3}}),
        (["--size", "3"], {"size": 3}),
        (["--size", "large"], {"size": "large"}),
        (["--duration", "10"], {"duration": 10}),
        (["--words", "a fox"], {"words": "a fox"}),
        (["--words", '["a", "fox"]'], {"words": ["a", "fox"]}),
        (["--prompt", "7"], {"prompt": "7"}),
        (["--prompt", "--raw"], {"prompt": "--raw"}),
    ],
)
def test_a_value_is_what_the_description_says(tokens: list[str], expected: dict[str, Any]) -> None:
    found = values(*tokens)
    assert found == expected
    assert [type(one) for one in found.values()] == [type(one) for one in expected.values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("7.5", 7.5),
        ("true", True),
        ("null", None),
        ('{"a": [1]}', {"a": [1]}),
        ("a fox", "a fox"),
        ("NaN", "NaN"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_what_the_description_does_not_know_is_sent_as_it_looks(text: str, expected: Any) -> None:
    assert values("--unheard-of", text) == {"unheard_of": expected}


def test_an_unknown_option_without_a_value_is_a_flag() -> None:
    assert values("--frob", "--width", "600") == {"frob": True, "width": 600}
    assert values("--frob") == {"frob": True}


def test_the_prompt_may_stand_anywhere() -> None:
    for tokens in (["a fox", "--raw", "--width", "600"], ["--width", "600", "--raw", "a fox"]):
        assert read_parameters(tokens, SCHEMA) == ("a fox", {"width": 600, "raw": True})


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["--width", "many"], "--width takes a whole number; 'many' is none."),
        (["--width", "10.5"], "a whole number"),
        (["--strength", "inf"], "a number"),
        (["--camera", "left"], "a JSON object"),
        (["--raw=perhaps"], "true or false"),
        (["--width"], "--width needs a value."),
        (["--width", "1", "--width", "2"], "twice"),
        (["a", "red fox"], "'red fox' is a second prompt"),
        (["--=3"], "no option"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tokens: list[str], says: str) -> None:
    with pytest.raises(ParameterError) as raised:
        read_parameters(tokens, SCHEMA)
    assert says in str(raised.value)


@pytest.mark.parametrize("schema", [{}, None, 7, {"properties": []}, {"properties": {"a": 7}}])
def test_a_description_that_is_none_hides_nothing(schema: Any) -> None:
    known = schema if isinstance(schema, dict) else {}
    assert read_parameters(["--a", "3"], known) == (None, {"a": 3})
    assert kinds_of(schema) == ()


def test_a_description_without_end_is_left() -> None:
    endless: dict[str, Any] = {}
    endless["anyOf"] = [endless]
    assert kinds_of(endless) == ()
