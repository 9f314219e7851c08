"""A field of a model's input as the data files define it, and its JSON Schema."""

from __future__ import annotations

import re
from datetime import date as Day
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

# A number without bounds must still fit our databases and engines; 64 bits, signed or unsigned,
# hold every seed in use.
NUMBER_MIN = -(2**63)
NUMBER_MAX = 2**64 - 1

MEDIA_PATTERN = "^\\s*([hH][tT]{2}[pP][sS]?://[^/?#]|[dD][aA][tT][aA]:)"
_WEB_PATTERN = "^\\s*[hH]"  # of the two, the one that is not inline
_MEDIA = {"type": "string", "format": "uri", "pattern": MEDIA_PATTERN}


def looks_like_media(text: str) -> bool:
    """Return whether a text begins like a field of type ``media`` must."""
    return re.match(MEDIA_PATTERN, text) is not None


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field and the value that it must have for another field to count."""

    field: str
    equals: str | int | float | bool

    @property
    def schema(self) -> dict[str, Any]:
        """The condition as the description has it."""
        return {"field": self.field, "equals": self.equals}


class Choice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One choice and its name for people."""

    value: str
    label: str

    @property
    def schema(self) -> dict[str, Any]:
        """The choice as the description has it."""
        return {"value": self.value, "label": self.label}


class DependentChoices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The choices that are left, by the value of another field."""

    field: str
    choices: dict[str, tuple[Choice, ...]]

    @property
    def schema(self) -> dict[str, Any]:
        """The choices as the description has them."""
        by_value = {
            value: [one.schema for one in choices] for value, choices in self.choices.items()
        }
        return {"field": self.field, "optionsByValue": by_value}


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One field of a model's input: its type, bounds, default and meaning.

    ``media`` is a string with an http(s) URL or a ``data:`` URI; a ``union`` has exactly one of the
    forms of ``one_of``. In a file, ``items`` and ``one_of`` may name shapes of the file; in
    a loaded model they are always parameters.
    """

    type: Literal[
        "string", "media", "number", "integer", "boolean", "null", "array", "object", "union"
    ]
    required: bool = False
    nullable: bool = False
    default: Any = UNSET
    example: Any = UNSET
    enum: tuple[str | int | float, ...] | None = None
    labels: tuple[str, ...] | None = None  # names of the choices for people, in their order
    enum_by: DependentChoices | None = None
    visible_when: tuple[Condition, ...] = ()  # a hint for forms; the field is always accepted
    min: int | float | None = None
    exclusive_min: int | float | None = None
    max: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: Literal["uuid"] | None = None
    items: Parameter | str | None = None
    min_items: int | None = None
    max_items: int | None = None
    properties: dict[str, Parameter] | None = None
    one_of: tuple[Parameter | str, ...] | None = None
    description: str | None = None
    deprecated: Day | None = None  # the day since which its use is discouraged
    since: Day | None = None  # the first day that has the field in this version
    until: Day | None = None  # the first day that has it no longer
    enum_since: dict[str, Day] = {}  # the first days of later choices

    @property
    def has_default(self) -> bool:
        """Return whether a missing field gets a value."""
        return not isinstance(self.default, UnsetType)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of the field's value."""
        schema = self._type_schema()
        if self.enum is not None:
            schema["enum"] = [*self.enum, None] if self.nullable else [*self.enum]
        elif self.type in ("number", "integer"):
            if self.exclusive_min is None:
                schema["minimum"] = NUMBER_MIN if self.min is None else self.min
            schema["maximum"] = NUMBER_MAX if self.max is None else self.max
        if isinstance(self.items, Parameter):
            schema["items"] = self.items.schema
        if self.properties is not None:
            schema |= object_schema(self.properties)
        for keyword, value in (
            ("exclusiveMinimum", self.exclusive_min),
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
            ("pattern", self.pattern),
            ("format", self.format),
            ("minItems", self.min_items),
            ("maxItems", self.max_items),
            ("description", self.description),
        ):
            if value is not None:
                schema[keyword] = value
        if self.has_default:
            schema["default"] = self.default
        return schema | self._hints()

    @property
    def forms(self) -> tuple[Parameter, ...]:
        """The forms of a union; empty for other types."""
        return tuple(form for form in self.one_of or () if isinstance(form, Parameter))

    def _hints(self) -> dict[str, Any]:
        """Return the keywords that forms and programs read, and that refuse no value."""
        hints: dict[str, Any] = {}
        if self.deprecated is not None:
            hints["deprecated"] = True
        if self.labels is not None:
            hints["x-krea-enum-labels"] = [*self.labels]
        if self.visible_when:
            hints["x-krea-visible-when"] = [one.schema for one in self.visible_when]
        if self.enum_by is not None:
            hints["x-krea-dependent-enum"] = self.enum_by.schema
        return hints

    def _type_schema(self) -> dict[str, Any]:
        if self.type == "union":
            null = [{"type": "null"}] if self.nullable else []
            return {"oneOf": [*(form.schema for form in self.forms), *null]}
        schema: dict[str, Any] = dict(_MEDIA) if self.type == "media" else {"type": self.type}
        if self.nullable:
            schema["type"] = [schema["type"], "null"]
        return schema


def as_checked(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes more texts of media than the published one.

    The format ``uri`` refuses letters beyond ASCII and the line breaks of base64: the intake reads
    such a text and refuses it with a sentence. A length bounds http(s) URLs; ``data:`` URIs have
    the whole body for themselves.
    """
    if schema.get("pattern") == MEDIA_PATTERN:
        checked = {
            key: value for key, value in schema.items() if key not in ("format", "maxLength")
        }
        if "maxLength" in schema:
            longest = {"maxLength": schema["maxLength"]}
            checked |= {"if": {"type": "string", "pattern": _WEB_PATTERN}, "then": longest}
        return checked
    return {key: _as_checked(value) for key, value in schema.items()}


def _as_checked(value: Any) -> Any:
    if isinstance(value, dict):
        return as_checked(value)
    return [_as_checked(one) for one in value] if isinstance(value, list) else value


def object_schema(properties: dict[str, Parameter]) -> dict[str, Any]:
    """Return the schema of an object with these fields; it allows unknown ones."""
    schema: dict[str, Any] = {
        "properties": {name: parameter.schema for name, parameter in properties.items()}
    }
    if required := [name for name, parameter in properties.items() if parameter.required]:
        schema["required"] = required
    return schema
