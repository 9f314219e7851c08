"""The catalogue: its models, finding them, and adding one's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ringback.catalogue.catalogue import Catalogue, Model
from ringback.catalogue.example import example_of
from ringback.catalogue.media_fields import media_in
from ringback.catalogue.toml_files import check_models
from ringback.errors import ModelNotFound, SetupError

CATALOGUE = Catalogue.load()

OWN_FILE = """
provider = "studio"
engine = "sketch"
type = "studio"

[shapes.corner]
type = "object"
[shapes.corner.properties]
x = { type = "integer", required = true, min = 0 }
label = { type = "string", default = "corner" }

[shapes.picture]
type = "media"

[shapes.none]
type = "string"
enum = ["no"]

[[models]]
name = "poster"
kind = "image"
title = "Poster"
description = "Ours."
[models.parameters]
prompt = { type = "string", required = true }
palette = { type = "array", items = { type = "string" }, default = ["red"] }
corners = { type = "array", items = "corner" }
frame = { type = "union", one_of = ["corner", "picture", "none"] }
"""


def own(tmp_path: Path, content: str) -> Catalogue:
    (tmp_path / "studio.toml").write_text(content)
    return Catalogue.load(tmp_path)


def test_every_built_in_model_passes_the_check_for_own_files() -> None:
    check_models(list(CATALOGUE))


@pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: model.id)
def test_every_model_accepts_its_own_example(model: Model) -> None:
    taken = CATALOGUE.validate(model, example_of(model))
    assert taken.input.items() >= example_of(model).items()
    assert taken.deprecated == ()


@pytest.mark.parametrize("model", list(CATALOGUE), ids=lambda model: model.id)
def test_every_model_is_found_by_its_kind_and_id(model: Model) -> None:
    assert CATALOGUE.find(model.kind, model.id) is model
    assert model.path == f"/generate/{model.kind}/{model.id}"
    assert model.id.startswith(f"{model.provider}/")


def test_two_and_three_segments_both_name_models() -> None:
    assert CATALOGUE.find("image", "bfl/flux-1-dev").type == "flux"
    assert CATALOGUE.find("image", "krea/krea-2/medium").title == "Krea 2 Medium"


def test_sketch_serves_all_models_but_null() -> None:
    engines = {model.engine for model in CATALOGUE if model.id != "ringback/null"}
    assert engines == {"sketch"}
    assert CATALOGUE.find("image", "ringback/null").engine == "null"


def test_an_unknown_model_suggests_similar_ones() -> None:
    with pytest.raises(ModelNotFound, match="Did you mean bfl/flux-1-dev") as caught:
        CATALOGUE.find("image", "bfl/flux1-dev")
    assert caught.value.near[0] == "bfl/flux-1-dev"
    assert len(caught.value.near) <= 3


def test_an_unknown_kind_suggests_the_model_of_the_right_kind() -> None:
    with pytest.raises(ModelNotFound) as caught:
        CATALOGUE.find("video", "bfl/flux-1-dev")
    assert caught.value.near[0] == "image/bfl/flux-1-dev"


def test_an_unlike_name_gets_no_suggestion_and_is_shortened() -> None:
    with pytest.raises(ModelNotFound, match="GET /models lists them") as caught:
        CATALOGUE.find("image", "?" * 10_000)
    assert caught.value.near == ()
    assert len(str(caught.value)) < 200


def test_own_models_are_added_to_the_built_in_ones(tmp_path: Path) -> None:
    catalogue = own(tmp_path, OWN_FILE)
    assert len(catalogue) == len(CATALOGUE) + 1
    poster = catalogue.find("image", "studio/poster")
    body = {"prompt": "x", "corners": [{"x": 1}, {"x": 2, "label": "top"}]}
    assert catalogue.validate(poster, body).input == {
        "prompt": "x",
        "palette": ["red"],
        "corners": [{"x": 1, "label": "corner"}, {"x": 2, "label": "top"}],
    }
    assert body == {"prompt": "x", "corners": [{"x": 1}, {"x": 2, "label": "top"}]}


def test_a_form_of_an_own_union_is_filled_in_and_its_media_found(tmp_path: Path) -> None:
    catalogue = own(tmp_path, OWN_FILE)
    poster = catalogue.find("image", "studio/poster")
    for given, completed in (
        ({"x": 1}, {"x": 1, "label": "corner"}),
        ("no", "no"),
        ("https://example.com/a.png", "https://example.com/a.png"),
    ):
        body = {"prompt": "x", "frame": given}
        valid = catalogue.validate(poster, body).input
        assert valid["frame"] == completed
        media = list(media_in(poster.parameters, valid))
        assert media == ([("/frame", given)] if str(given).startswith("http") else [])


def test_a_mutable_default_is_not_shared_between_jobs(tmp_path: Path) -> None:
    catalogue = own(tmp_path, OWN_FILE)
    poster = catalogue.find("image", "studio/poster")
    catalogue.validate(poster, {"prompt": "x"}).input["palette"].append("blue")
    assert catalogue.validate(poster, {"prompt": "x"}).input["palette"] == ["red"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[[models]]", "[[models", r"studio\.toml cannot be used"),
        ('title = "Poster"', "", r"missing required field `title`"),
        ('kind = "image"', 'kind = "image"\ncolour = 3', r"unknown field `colour`"),
        ('name = "poster"', 'name = "a/b/c"', r"\$\.models\[0\]\.name"),
        ('items = "corner"', 'items = "edge"', r"poster, parameter corners: items must be"),
        ('default = ["red"]', "default = [1]", r"studio/poster, parameter palette: the default"),
        ('default = "corner"', "default = 1", r"parameter corners, items, property label"),
        ('prompt = { type = "string"', 'prompt = { pattern = "(", type = "string"', r"prompt: "),
        (
            'prompt = { type = "string"',
            'prompt = { pattern = "^[0-9]+$", type = "string"',
            r"refuses its own example",
        ),
        (
            "[models.parameters]",
            "aliases = {old = {to = 'new'}}\n[models.parameters]",
            r"alias old",
        ),
        ("[models.parameters]", "costs = [['1K', 2]]\n[models.parameters]", r"each of costs"),
        (
            "[models.parameters]",
            "sunset = {date = 2027-01-01}\n[models.parameters]",
            r"poster: its sunset needs `since`",
        ),
        (
            "[models.parameters]",
            "sunset = {date = 2027-01-01, since = 2026-01-01, replacement = 'image/a/b'}\n"
            "[models.parameters]",
            r"replacement of image/studio/poster is 'image/a/b', which is not a model",
        ),
        (
            "[models.parameters]",
            "sunset = {date = 2027-01-01, since = 2026-01-01, migration_url = 'a b'}\n"
            "[models.parameters]",
            r"migration_url",
        ),
        ('"corner", "picture"', '"edge"', r"parameter frame: one_of must have"),
        (
            'enum = ["no"]',
            "enum = [1]",
            r"parameter frame, form 3: not every choice is of its type",
        ),
    ],
)
def test_an_invalid_model_file_is_refused_with_the_place(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in OWN_FILE
    with pytest.raises(SetupError, match=complaint):
        own(tmp_path, OWN_FILE.replace(old, new, 1))


def test_a_missing_folder_of_own_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no folder"):
        Catalogue.load(tmp_path / "nowhere")


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    content = OWN_FILE.replace('"studio"', '"ringback"', 1).replace('"poster"', '"null"')
    with pytest.raises(SetupError, match="image/ringback/null"):
        own(tmp_path, content)


def test_a_provider_in_the_settings_file_equals_a_model_file(tmp_path: Path) -> None:
    content = tomllib.loads(OWN_FILE)
    catalogue = Catalogue.load(None, [content])
    assert catalogue.find("image", "studio/poster").title == "Poster"
    with pytest.raises(SetupError, match=r"providers, studio, cannot be used: .*`title`"):
        Catalogue.load(None, [{**content, "models": [{"name": "x", "kind": "image"}]}])
    with pytest.raises(SetupError, match="Two models are called image/studio/poster"):
        Catalogue.load(own_folder(tmp_path), [content])


def own_folder(tmp_path: Path) -> Path:
    (tmp_path / "studio.toml").write_text(OWN_FILE)
    return tmp_path
