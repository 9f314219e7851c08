"""The arguments of real hosts, against the tools' own."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.mcp import arguments
from ringback.mcp.host_habits import adapted, typed

IMAGE = arguments.GenerateImage
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("kind", "sent", "taken"),
    [
        (IMAGE, {"prompt": "a fox"}, {"prompt": "a fox"}),
        (
            IMAGE,
            {"prompt": "a fox", "input": '{"width":512}'},
            {"prompt": "a fox", "input": {"width": 512}},
        ),
        (IMAGE, {"prompt": "a fox", "input": None}, {"prompt": "a fox"}),
        (IMAGE, {"prompt": "a fox", "input": ""}, {"prompt": "a fox"}),
        (IMAGE, {"prompt": "a fox", "wait_s": "20"}, {"prompt": "a fox", "wait_s": 20.0}),
        (IMAGE, {"prompt": "a fox", "waitS": 5}, {"prompt": "a fox", "wait_s": 5}),
        (IMAGE, {"prompt": "a fox", "wait_s": None}, {"prompt": "a fox"}),
        (IMAGE, {"prompt": "a fox", "sync": False}, {"prompt": "a fox", "wait_s": 0.0}),
        (IMAGE, {"prompt": "a fox", "sync": True}, {"prompt": "a fox"}),
        (IMAGE, {"prompt": "a fox", "input": {"seed": None}}, {"prompt": "a fox"}),
        (IMAGE, {"prompt": "a fox", "model": ""}, {"prompt": "a fox"}),
        (
            IMAGE,
            {"modelId": "bfl/flux-1-dev", "input": {"prompt": "a fox", "width": 512}},
            {"prompt": "a fox", "model": "bfl/flux-1-dev", "input": {"width": 512}},
        ),
        (
            IMAGE,
            {"prompt": "a fox", "width": 512, "seed": None},
            {"prompt": "a fox", "input": {"width": 512}},
        ),
        (IMAGE, {"prompt": "a fox", "input": {"prompt": "a fox"}}, {"prompt": "a fox"}),
        (
            arguments.EnhanceImage,
            {"imageUrl": "https://x/y.png", "width": 2048},
            {"image_url": "https://x/y.png", "input": {"width": 2048}},
        ),
        (arguments.EnhanceImage, {"image": "https://x/y.png"}, {"image_url": "https://x/y.png"}),
        (arguments.GetJob, {"jobId": "j"}, {"job_id": "j"}),
        (arguments.GetJob, {"jobId": "j", "timeoutSeconds": 5}, {"job_id": "j", "wait_s": 5}),
        (arguments.CancelJob, {"jobId": "j"}, {"job_id": "j"}),
        (arguments.GetJob, {"id": "j", "wait_s": " 1.5 "}, {"job_id": "j", "wait_s": 1.5}),
        (arguments.ListModels, {"kind": None}, {}),
        (arguments.ListModels, {"kind": ""}, {}),
        (
            arguments.UploadAsset,
            {"filename": "fox.png", "mimeType": "image/png", "fileData": "aGk="},
            {"data": "aGk=", "description": "fox.png"},
        ),
        (
            arguments.UploadAsset,
            {"url": None, "data": "aGk=", "description": None},
            {"data": "aGk="},
        ),
    ],
)
def test_the_arguments_that_hosts_send_are_taken(
    kind: Any, sent: dict[str, Any], taken: dict[str, Any]
) -> None:
    assert arguments.read(kind, adapted(kind, sent)) == arguments.read(kind, taken)


@pytest.mark.parametrize(
    "sent",
    [
        {"input": {}},  # without a prompt
        {"prompt": None},
        {"prompt": "a fox", "input": "512"},
        {"prompt": "a fox", "input": "[1]"},
        {"prompt": "a fox", "input": "{"},
        {"prompt": "a fox", "input": '{"seed": NaN}'},
        {"prompt": "a fox", "wait_s": "soon"},
        {"prompt": 5},
    ],
)
def test_wrong_arguments_stay_wrong(sent: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Expected|missing|Object"):
        arguments.read(IMAGE, adapted(IMAGE, sent))


@given(st.dictionaries(st.sampled_from(["prompt", "input", "wait_s", "model", "sync", "x"]), JSON))
def test_any_json_is_taken_or_refused_in_a_sentence(sent: dict[str, Any]) -> None:
    with suppress(ValueError):  # which the tools turn into a sentence
        arguments.read(IMAGE, adapted(IMAGE, sent))


@pytest.mark.parametrize(
    ("schema", "sent", "taken"),
    [
        ({"type": "integer"}, "512", 512),
        ({"type": ["integer", "null"]}, "512", 512),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "0.5", 0.5),
        ({"type": "boolean"}, "true", True),
        ({"type": "array"}, '["a"]', ["a"]),
        ({"type": "string"}, "512", "512"),
        ({"type": "integer"}, "many", "many"),
        ({"type": "array"}, "[", "["),
        ({"type": "array"}, '["\\ud800"]', '["\\ud800"]'),
        ({}, "512", "512"),
    ],
)
def test_a_models_parameters_get_the_types_of_its_schema(
    schema: dict[str, Any], sent: object, taken: object
) -> None:
    read = typed({"it": sent, "open": None}, {"properties": {"it": schema}})
    assert read == {"it": taken}
    assert json.dumps(read["it"]) == json.dumps(taken)  # True is no 1
