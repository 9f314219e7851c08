"""Wrong values are explained in plain words: the rule, the place, the names that there are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from ringback.catalogue.parameter import Parameter
from ringback.engines.upstream.registry import TYPES
from ringback.errors.wrong_values import explain_fault
from ringback.lab.script import Script
from ringback.mcp import arguments


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, le=9)]
    ratio: Annotated[float, Meta(gt=0)] = 1.0
    short: Annotated[str, Meta(max_length=3)] = ""
    spelled: Annotated[str, Meta(pattern="^a")] = "a"
    kind: Literal["film", "picture"] = "film"
    color: Color | None = None
    names: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    weights: dict[str, float] = {}
    genuine: Annotated[bool | None, Meta(description="Whether it was.")] = None
    file: Path | None = None


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    inner: tuple[Inner, ...] = ()
    one: Inner | None = None


def clause(value: Any, into: Any = Outer) -> str:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, into, dec_hook=lambda kind, one: kind(one))
    return explain_fault(raised.value, into)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "it must be a table of names and values"),
        ({"x": 1}, "x is no field; there are inner, one"),
        ({"iner": 1}, "iner is no field; the nearest is inner"),
        ({"inner": 1}, "inner must be a list, each a table of names and values"),
        ({"inner": [1]}, "inner[0] must be a table of names and values"),
        ({"inner": [{}]}, "inner[0] needs number"),
        ({"one": {"number": 1, "kinds": 1}}, "kinds is no field of one; the nearest is kind"),
    ],
)
def test_a_wrong_shape_is_explained_with_the_names_that_there_are(value: Any, says: str) -> None:
    assert clause(value) == says


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("number", 0, "a whole number from 1 to 9"),
        ("number", "5", "a whole number from 1 to 9"),
        ("ratio", 0, "a number above 0"),
        ("short", "long", "a text of at most 3 characters"),
        ("spelled", "b", "a text that matches ^a"),
        ("kind", "sound", "film or picture"),
        ("kind", 5, "film or picture"),
        ("color", "green", "red or blue"),
        ("names", [1], "a text"),
        ("names", ["a", "b", "c"], "a list of at most 2, each a text"),
        ("weights", {"a": "b"}, "a number"),
        ("genuine", "perhaps", "true or false"),
    ],
)
def test_a_wrong_value_is_explained_with_its_place_and_rule(
    name: str, value: Any, rule: str
) -> None:
    says = clause({"inner": [{"number": 1}, {"number": 1, name: value}]})
    assert says.startswith(f"inner[1].{name}")
    assert says.endswith(f" must be {rule}")


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_KINDS = (
    *(Outer, Script, Parameter, arguments.ListModels, arguments.GenerateImage),
    *(one.settings for one in TYPES.values()),
)


@given(st.sampled_from(_KINDS), st.data())
def test_no_wrong_value_is_explained_in_the_words_of_a_library(
    kind: Any, data: st.DataObject
) -> None:
    names = st.sampled_from(msgspec.structs.fields(kind)).map(lambda field: field.encode_name)
    value = data.draw(st.dictionaries(names | st.text(), _anything) | _anything)
    try:
        msgspec.convert(value, kind, dec_hook=lambda into, one: into(one))
    except msgspec.ValidationError as exc:
        clause = explain_fault(exc, kind)
        assert len(clause) <= 400
        assert not any(word in clause for word in ("Expected `", "Object ", "enum value", "$."))
    except (ValueError, TypeError):
        return  # by the type's own rules, which have sentences of their own
