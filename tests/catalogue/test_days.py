"""The catalogue by day: routes, fields, choices and old names come and go by their own dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ringback.catalogue.catalogue import Catalogue
from ringback.catalogue.days import DESCRIPTIONS, Description
from ringback.catalogue.model import Model
from ringback.catalogue.toml_files import read_built_in_file, read_file
from ringback.errors import InvalidRequest, ModelNotFound, ModelUnavailable, SetupError

BEFORE, NEWEST = (one.day for one in DESCRIPTIONS)
OLD, NEW = (Catalogue.of_day(day) for day in (BEFORE, NEWEST))
FLUX = ("image", "bfl/flux-1-dev")
HEAD = 'provider = "studio"\nengine = "null"\ntype = "studio"\n'
MODEL = '[[models]]\nname = "poster"\nkind = "image"\ntitle = "Poster"\ndescription = "Ours."\n'


def studio(tmp_path: Path, parameters: str, *, before: str = "", after: str = "") -> Path:
    file = tmp_path / "studio.toml"
    file.write_text(f"{HEAD}{MODEL}{before}[models.parameters]\n{parameters}\n{after}\n")
    return file


def poster(tmp_path: Path, parameters: str, *, day: date = NEWEST) -> tuple[Catalogue, Model]:
    studio(tmp_path, parameters)
    catalogue = Catalogue.load(tmp_path, as_of=day)
    return catalogue, catalogue.find("image", "studio/poster")


def faults(catalogue: Catalogue, model: Model, body: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        catalogue.validate(model, body)
    return [(one.path, one.message) for one in caught.value.details]


def test_the_newest_known_day_is_the_default() -> None:
    assert {one.path for one in Catalogue.load()} == {one.path for one in NEW}
    assert {one.path for one in OLD} != {one.path for one in NEW}


def test_an_unknown_day_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        SetupError, match="known of 2026-10-10; there are 2026-05-27 and 2026-10-09"
    ):
        Catalogue.of_day(date(2026, 10, 10))


def test_a_route_of_a_later_day_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        OLD.find("video", "vidu/q3")
    assert NEW.find("video", "vidu/q3").title == "Vidu Q3"


def test_a_route_that_ended_is_unavailable_from_its_last_day_on() -> None:
    assert OLD.find("image", "google/imagen-4").title == "Imagen 4"
    with pytest.raises(ModelUnavailable) as caught:
        NEW.find("image", "google/imagen-4")
    assert caught.value.sunset_date == "2026-10-09"


def test_a_route_that_ended_names_its_replacement_and_a_page(tmp_path: Path) -> None:
    ending = 'until = 2026-10-09\nreplacement = "image/bfl/flux-1-dev"\n'
    ending += 'migration_url = "https://example.com/move"\n'
    studio(tmp_path, 'prompt = { type = "string" }', before=ending)
    with pytest.raises(ModelUnavailable) as caught:
        Catalogue.load(tmp_path).find("image", "studio/poster")
    assert caught.value.replacement == "image/bfl/flux-1-dev"
    assert caught.value.migration_url == "https://example.com/move"
    assert Catalogue.load(tmp_path, as_of=BEFORE).find("image", "studio/poster")


def test_a_renamed_field_is_taken_by_its_old_name_as_deprecated() -> None:
    body = {"prompt": "a fox", "guidance_scale_flux": 7}
    before = OLD.validate(OLD.find(*FLUX), body)
    assert (before.input["guidance_scale_flux"], before.deprecated) == (7, ())
    after = NEW.validate(NEW.find(*FLUX), body)
    assert (after.input["guidance_scale"], after.deprecated) == (7, ("guidance_scale_flux",))
    assert "guidance_scale_flux" not in after.input


def test_a_field_that_ended_is_unknown_from_then_on() -> None:
    body = {"prompt": "a fox", "start_video": "https://example.com/a.mp4"}
    video = ("video", "google/veo-3")
    assert OLD.validate(OLD.find(*video), body)
    assert faults(NEW, NEW.find(*video), body)[0][0] == "/start_video"


def test_an_old_spelling_ends_with_its_field() -> None:
    aliases = {
        catalogue: catalogue.find("video", "google/veo-3").aliases for catalogue in (OLD, NEW)
    }
    assert "startVideo" in {one.old for one in aliases[OLD]}
    assert "startVideo" not in {one.old for one in aliases[NEW]}


def test_a_choice_is_refused_before_its_day() -> None:
    model = ("enhance", "topaz/generative-enhance")
    body = {"width": 9, "height": 9, "image_url": "https://example.com/a.png", "model": "Detail"}
    assert faults(OLD, OLD.find(*model), body)[0][0] == "/model"
    assert NEW.validate(NEW.find(*model), body)


@pytest.mark.parametrize(("day", "default"), [(BEFORE, 25), (NEWEST, 28)])
def test_a_field_has_the_version_of_the_day(day: date, default: int) -> None:
    model = Catalogue.of_day(day).find("image", "bfl/flux-1-kontext-dev")
    assert model.parameters["steps"].default == default


def test_a_file_of_ours_without_a_day_is_new_on_the_newest(tmp_path: Path) -> None:
    file = studio(tmp_path, 'prompt = { type = "string" }')
    counts = [len(read_built_in_file(file, one).models) for one in DESCRIPTIONS]
    assert counts == [0, 1]
    assert [len(read_file(file, one).models) for one in DESCRIPTIONS] == [1, 1]


def test_the_bound_of_urls_is_the_day_s_and_not_that_of_your_own_models(tmp_path: Path) -> None:
    url = "https://example.com/".ljust(1025, "a")
    body = {"prompt": "a fox", "image_url": url}
    assert OLD.validate(OLD.find(*FLUX), body)
    sentence = "must have at most 1024 characters as a URL, not 1025"
    assert faults(NEW, NEW.find(*FLUX), body) == [("/image_url", sentence)]
    catalogue, model = poster(tmp_path, 'image_url = { type = "media" }')
    assert catalogue.validate(model, {"image_url": url})


def test_members_choices_and_forms_inside_a_field_have_their_days(tmp_path: Path) -> None:
    parameters = """
[models.parameters.scenes]
type = "array"
items.type = "object"
[models.parameters.scenes.items.properties]
mood = { type = "string", enum = ["calm", "wild"], enum_since = { wild = 2026-10-09 } }
sound = { type = "media", since = 2026-10-09 }
"""
    body = {"scenes": [{"mood": "wild", "sound": "https://example.com/a.mp3"}]}
    catalogue, model = poster(tmp_path, parameters)
    assert catalogue.validate(model, body)
    catalogue, model = poster(tmp_path, parameters, day=BEFORE)
    assert faults(catalogue, model, body) == [("/scenes/0/mood", "must be one of calm")]


def test_a_choice_that_another_field_rules_out_is_refused_in_a_sentence(tmp_path: Path) -> None:
    parameters = """
scan = { type = "string", enum = ["whole", "halves"], default = "whole" }
[models.parameters.restorer]
type = "string"
enum = ["a", "b", "c"]
labels = ["Anna", "Bert", "Cleo"]
default = "a"
enum_by.field = "scan"
enum_by.choices.whole = [{ value = "a", label = "A" }]
enum_by.choices.halves = [{ value = "b", label = "B" }]
"""
    catalogue, model = poster(tmp_path, parameters)
    assert catalogue.validate(model, {"scan": "halves", "restorer": "b"})
    assert catalogue.validate(model, {"scan": "halves"})
    assert catalogue.validate(model, {"scan": "halves", "restorer": "c"})
    sentence = "must be one of a where scan is whole"
    assert faults(catalogue, model, {"restorer": "b"}) == [("/restorer", sentence)]
    published = model.schema["properties"]["restorer"]
    assert published["x-krea-enum-labels"] == ["Anna", "Bert", "Cleo"]
    assert published["x-krea-dependent-enum"] == {
        "field": "scan",
        "optionsByValue": {
            "whole": [{"value": "a", "label": "A"}],
            "halves": [{"value": "b", "label": "B"}],
        },
    }


def test_a_hint_for_forms_refuses_nothing(tmp_path: Path) -> None:
    parameters = """
grain = { type = "boolean", default = false }
grain_size = { type = "number", visible_when = [{ field = "grain", equals = true }] }
"""
    catalogue, model = poster(tmp_path, parameters)
    assert catalogue.validate(model, {"grain_size": 2})
    hint = [{"field": "grain", "equals": True}]
    assert model.schema["properties"]["grain_size"]["x-krea-visible-when"] == hint


def test_a_deprecated_field_is_taken_and_reported(tmp_path: Path) -> None:
    catalogue, model = poster(tmp_path, 'sound = { type = "boolean", deprecated = 2026-10-09 }')
    valid = catalogue.validate(model, {"sound": True})
    assert (valid.input, valid.deprecated) == ({"sound": True}, ("sound",))
    assert catalogue.validate(model, {}).deprecated == ()
    assert model.schema["properties"]["sound"]["deprecated"] is True


def test_a_bound_may_itself_be_excluded(tmp_path: Path) -> None:
    catalogue, model = poster(
        tmp_path, 'far = { type = "number", exclusive_min = 0, required = true }'
    )
    assert catalogue.validate(model, {"far": 0.001})
    assert faults(catalogue, model, {"far": 0}) == [("/far", "must be more than 0, not 0")]


def test_both_spellings_of_a_size_are_choices_of_their_own() -> None:
    capital = NEW.find("image", "google/nano-banana-2.1").parameters["resolution"].enum
    small = NEW.find("video", "bytedance/seedance-2").parameters["resolution"].enum
    assert capital is not None
    assert small is not None
    assert "4K" in capital
    assert "4k" in small


def test_labels_come_with_their_choices(tmp_path: Path) -> None:
    parameters = """
[models.parameters.size]
type = "string"
enum = ["1K", "4K"]
labels = ["Small", "Large"]
enum_since = { "4K" = 2026-10-09 }
"""
    _, model = poster(tmp_path, parameters, day=BEFORE)
    assert model.parameters["size"].labels == ("Small",)


def test_days_are_in_order_and_differ() -> None:
    days = [one.day for one in DESCRIPTIONS]
    assert days == sorted(set(days))
    assert all(isinstance(one, Description) for one in DESCRIPTIONS)
