"""Sentences for the violations of a JSON Schema, field by field.

The compiled schemas do the validation. The search for sentences enters only the values that a
schema has refused and yields one violation at a time, so that a body with a million wrong fields
costs no more than the few violations that the error names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Any

from ringback.catalogue.parameter import MEDIA_PATTERN, looks_like_media
from ringback.catalogue.schemas import compiled
from ringback.errors import FieldError, InvalidRequest
from ringback.wire.nesting import NESTING_MAX, is_too_deep

Schema = Mapping[str, Any]

_DETAILS_MAX = 20
_NAMED_MAX = 3  # wrong fields that the sentence itself names
_ECHO_MAX = 80  # characters of the request that an error repeats
_NAMES = {
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_FORMATS = {
    "uuid": "must be a UUID",
    "uri": "must be an http(s) URL, with other characters percent-encoded",
    "date-time": "must be an ISO 8601 time with its zone, like 2027-01-15T08:00:00Z",
}
_MEDIA = "must be an http(s) URL or a data: URI"


def invalid(violations: list[FieldError]) -> InvalidRequest:
    """Return the error of some violations: its sentence names the first, its details have more."""
    named = "; ".join(
        f"{one.path[1:] or 'The body'} {one.message}" for one in violations[:_NAMED_MAX]
    )
    more = len(violations) - _NAMED_MAX
    if len(violations) > _DETAILS_MAX:
        named += "; and many more fields are wrong"
    elif more > 0:
        named += f"; and {more} more field{'s are' if more > 1 else ' is'} wrong"
    return InvalidRequest(f"{named}.", violations[:_DETAILS_MAX])


def too_deep() -> InvalidRequest:
    """Return the error of a value that cannot be validated."""
    message = f"is nested more than {NESTING_MAX} levels deep, or is not text"
    return invalid([FieldError("", message)])


class SchemaCheck:
    """Checks values against one schema; sentences are searched for wrong values only."""

    def __init__(self, schema: Schema, *, owner: str) -> None:
        self._is_valid = compiled(dict(schema)).is_valid
        self._schema = schema
        self._owner = owner

    @cached_property
    def _rule(self) -> _Rule:
        return _Rule(self._schema, self._owner)

    def __call__(self, value: Any, spelled: Mapping[str, str] | None = None) -> None:
        """Raise ``InvalidRequest`` naming each wrong field of a value that does not fit.

        ``spelled`` has the old names that the value had instead of the schema's.
        """
        if is_too_deep(value):
            raise too_deep()
        try:
            if not self._is_valid(value):
                violations = self._rule.violations(value, "", spelled)
                raise invalid(list(islice(violations, _DETAILS_MAX + 1)))
        except ValueError as exc:
            # The compiled schema raises for text with half of a surrogate pair, which the JSON
            # reader refuses before.
            raise too_deep() from exc


class _Rule:
    """A compiled schema and the rules of its members."""

    def __init__(self, schema: Schema, owner: str) -> None:
        self.schema = schema
        self._owner = owner
        self._is_valid = compiled(dict(schema)).is_valid
        self._properties = {
            name: _Rule(inner, owner) for name, inner in schema.get("properties", {}).items()
        }
        self._items = self._rule_of("items")
        self._values = self._rule_of("additionalProperties")
        self._keys = self._rule_of("propertyNames")
        self._forms = [
            _Rule(form, owner)
            for form in (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
            if form != {"type": "null"}
        ]

    def _rule_of(self, keyword: str) -> _Rule | None:
        inner = self.schema.get(keyword)
        return _Rule(inner, self._owner) if isinstance(inner, dict) else None

    def violations(
        self, value: Any, path: str, spelled: Mapping[str, str] | None = None
    ) -> Iterator[FieldError]:
        """Yield the violations of the value or of its members."""
        if self._is_valid(value):
            return
        schema = self.schema
        if self._forms:
            yield from self._form_violations(value, path)
        elif not any(_has_type(name, value) for name in _types(schema)):
            yield FieldError(path, _wrong_type(schema, value))
        elif "enum" in schema and not isinstance(value, list | dict):
            yield FieldError(path, _wrong_choice(one for one in schema["enum"] if one is not None))
        elif isinstance(value, list):
            yield from self._list_violations(value, path)
        elif isinstance(value, dict):
            yield from self._object_violations(value, path, spelled or {})
        elif isinstance(value, str):
            yield FieldError(path, _wrong_text(schema, value))
        else:
            yield FieldError(path, _wrong_number(schema, value))

    def _form_violations(self, value: Any, path: str) -> Iterator[FieldError]:
        """Yield the violations of the form that the union's tag names, or that no form fits."""
        tags = _tags([form.schema for form in self._forms])
        if not tags or not isinstance(value, dict):
            wrong = "must be an object" if tags else "has none of the forms that it may have"
            yield FieldError(path, wrong)
            return
        name, choices = tags
        for form, choice in zip(self._forms, choices, strict=True):
            if value.get(name) == choice:
                yield from form.violations(value, path)
                return
        yield FieldError(pointer(path, name), _wrong_choice(choices))

    def _list_violations(self, value: list[Any], path: str) -> Iterator[FieldError]:
        if wrong := _wrong_count(self.schema, len(value), "Items", "item"):
            yield FieldError(path, wrong)
        if self._items is not None:
            for index, item in enumerate(value):
                yield from self._items.violations(item, f"{path}/{index}")

    def _object_violations(
        self, value: dict[str, Any], path: str, spelled: Mapping[str, str]
    ) -> Iterator[FieldError]:
        if wrong := _wrong_count(self.schema, len(value), "Properties", "field"):
            yield FieldError(path, wrong)
        required = self.schema.get("required", ())
        for name, rule in self._properties.items():
            if name in value:
                yield from rule.violations(value[name], pointer(path, spelled.get(name, name)))
            elif name in required:
                yield FieldError(pointer(path, name), "is required")
        for name in value:
            if name not in self._properties:
                yield from self._other_violations(name, value[name], pointer(path, name))

    def _other_violations(self, name: str, value: Any, path: str) -> Iterator[FieldError]:
        """Yield the violations of a member that the schema does not name."""
        if self.schema.get("additionalProperties") is False:
            yield FieldError(path, self._unknown(name))
        if self._keys is not None:
            yield from self._keys.violations(name, path)
        if self._values is not None:
            yield from self._values.violations(value, path)

    def _unknown(self, name: str) -> str:
        # The search for a similar name takes time in proportion to the length.
        near = get_close_matches(name, self._properties, n=1) if len(name) <= _ECHO_MAX else []
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"is not a field of {self._owner}{hint}"


def _tags(forms: list[Schema]) -> tuple[str, list[str | int | float]] | None:
    """Return the property whose value differs in each form, and its values."""
    for name in forms[0].get("properties", ()) if forms else ():
        choices = [form.get("properties", {}).get(name, {}).get("enum", ()) for form in forms]
        values = [one[0] for one in choices if len(one) == 1]
        if len(set(values)) == len(forms):
            return name, values
    return None


def _types(schema: Schema) -> list[str]:
    """Return the types that a schema allows: those of its choices where it names none."""
    named = schema.get("type", "string")
    return [named] if isinstance(named, str) else list(named)


def _wrong_choice(choices: Iterable[str | int | float]) -> str:
    return f"must be one of {', '.join(map(str, choices))}"


def _has_type(type_name: str, value: Any) -> bool:
    match type_name:
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            # In JSON Schema 5.0 is an integer, and true is no number.
            is_int = isinstance(value, int) and not isinstance(value, bool)
            return is_int or (isinstance(value, float) and value.is_integer())
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "null":
            return value is None
        case _:
            return isinstance(value, str)


def _wrong_type(schema: Schema, value: Any) -> str:
    named = " or ".join(_NAMES[name] for name in _types(schema))
    return f"must be {named}, not {_name_of(value)}"


def _name_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float() if not value.is_integer():
            return str(value)
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _wrong_text(schema: Schema, value: str) -> str:
    if wrong := _wrong_count(schema, len(value), "Length", "character"):
        return wrong
    if schema.get("pattern") == MEDIA_PATTERN:
        length_max = schema.get("then", {}).get("maxLength")
        if length_max is None or not looks_like_media(value):
            return _MEDIA
        return f"must have at most {_counted(length_max, 'character')} as a URL, not {len(value)}"
    if "format" in schema:
        return _FORMATS[schema["format"]]
    return f"must match the pattern {schema['pattern']}"


def _wrong_count(schema: Schema, count: int, keyword: str, noun: str) -> str | None:
    at_least, at_most = schema.get(f"min{keyword}"), schema.get(f"max{keyword}")
    if at_least is not None and count < at_least:
        if count == 0 and at_least == 1:
            return "must not be empty"
        return f"must have at least {_counted(at_least, noun)}, not {count}"
    if at_most is not None and count > at_most:
        return f"must have at most {_counted(at_most, noun)}, not {count}"
    return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _wrong_number(schema: Schema, value: int | float) -> str:
    at_least, at_most = schema.get("minimum"), schema.get("maximum")
    more_than = schema.get("exclusiveMinimum")
    # A number with too many digits is not repeated: Python may refuse to write it.
    shown = f", not {value}" if abs(value) < 10**20 else ""
    if at_least is not None and value < at_least:
        return f"must be at least {at_least}{shown}"
    if more_than is not None and value <= more_than:
        return f"must be more than {more_than}{shown}"
    return f"must be at most {at_most}{shown}"


def pointer(parent: str, name: str) -> str:
    """Return the JSON Pointer of a member; a long name is cut."""
    shown = name if len(name) <= _ECHO_MAX else f"{name[:_ECHO_MAX]}…"
    return f"{parent}/{shown.replace('~', '~0').replace('/', '~1')}"
