"""A field of a model's input as the data files define it, and its JSON Schema."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

# A number without bounds must still fit our databases and engines; 64 bits, signed or unsigned,
# hold every seed in use.
NUMBER_MIN = -(2**63)
NUMBER_MAX = 2**64 - 1

MEDIA_PATTERN = "^\\s*([hH][tT]{2}[pP][sS]?://[^/?#]|[dD][aA][tT][aA]:)"
_MEDIA = {"type": "string", "format": "uri", "pattern": MEDIA_PATTERN}


def looks_like_media(text: str) -> bool:
    """Return whether a text begins like a field of type ``media`` must."""
    return re.match(MEDIA_PATTERN, text) is not None


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
    min: int | float | None = None
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
            schema["minimum"] = NUMBER_MIN if self.min is None else self.min
            schema["maximum"] = NUMBER_MAX if self.max is None else self.max
        if isinstance(self.items, Parameter):
            schema["items"] = self.items.schema
        if self.properties is not None:
            schema |= object_schema(self.properties)
        for keyword, value in (
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
        return schema

    @property
    def forms(self) -> tuple[Parameter, ...]:
        """The forms of a union; empty for other types."""
        return tuple(form for form in self.one_of or () if isinstance(form, Parameter))

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

    The format ``uri`` refuses letters beyond ASCII and the line breaks of base64, and a length is
    meant for plain URLs: the intake reads such a text and refuses it with a sentence.
    """
    if schema.get("pattern") == MEDIA_PATTERN:
        return {key: value for key, value in schema.items() if key not in ("format", "maxLength")}
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
