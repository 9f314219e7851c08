"""One field of a model's input, as the data files write it, and its JSON Schema."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

# A number without bounds of its own must still fit the databases and engines behind us; 64 bits,
# signed or not, hold every seed in use.
NUMBER_MIN = -(2**63)
NUMBER_MAX = 2**64 - 1

_MEDIA = {
    "type": "string",
    "format": "uri",
    "pattern": "^([hH][tT]{2}[pP][sS]?://[^/?#]|[dD][aA][tT][aA]:)",
}


def looks_like_media(text: str) -> bool:
    """Say whether a text begins as a field of type ``media`` must."""
    return re.match(_MEDIA["pattern"], text) is not None


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, eq=False):
    """One field of a model's input: its type, bounds, default and meaning.

    ``media`` is a string with an http(s) URL or a ``data:`` URI; a ``union`` has exactly one of the
    forms of ``one_of``. In a file, ``items`` and ``one_of`` may name the file's shapes; in a loaded
    model they are always parameters.
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
        """Say whether a value is filled in when the field is left out."""
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
        """What a union may be; nothing for another type."""
        return tuple(form for form in self.one_of or () if isinstance(form, Parameter))

    def _type_schema(self) -> dict[str, Any]:
        if self.type == "union":
            null = [{"type": "null"}] if self.nullable else []
            return {"oneOf": [*(form.schema for form in self.forms), *null]}
        schema: dict[str, Any] = dict(_MEDIA) if self.type == "media" else {"type": self.type}
        if self.nullable:
            schema["type"] = [schema["type"], "null"]
        return schema


def object_schema(properties: dict[str, Parameter]) -> dict[str, Any]:
    """Return the schema of an object with these fields; unknown ones are not forbidden."""
    schema: dict[str, Any] = {
        "properties": {name: parameter.schema for name, parameter in properties.items()}
    }
    if required := [name for name, parameter in properties.items() if parameter.required]:
        schema["required"] = required
    return schema
