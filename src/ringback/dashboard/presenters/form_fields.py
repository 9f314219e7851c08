"""Conversion of a model's parameters to form fields, and of a submitted form to input. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec.json
from msgspec import UNSET, Struct

from ringback.catalogue.model import Model
from ringback.catalogue.parameter import Parameter
from ringback.errors import FieldError, InvalidRequest

Control = Literal[
    "text", "short_text", "slider", "number", "choice", "switch", "picture", "pictures", "json"
]

PREFIX = "input."
_SLIDER_STEPS_MAX = 10_000
_LONG = ("prompt", "negative_prompt")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_ACRONYMS = ("URL", "ID", "CFG", "FPS", "JSON", "HDR", "RGB")
_WORDS = {
    **{word.lower(): word for word in _ACRONYMS},
    **{f"{word.lower()}s": f"{word}s" for word in ("URL", "ID")},
    "lora": "LoRA",
    "loras": "LoRAs",
}


class Field(Struct, frozen=True, kw_only=True):
    """One field of the form: its control and its value."""

    name: str
    control: Control
    value: str
    required: bool
    description: str
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    min: float | int | None = None
    max: float | int | None = None
    step: float | int | None = None
    length_max: int | None = None
    default: str = ""

    @property
    def options(self) -> list[tuple[str, str]]:
        """The choices, each with its name for people."""
        return list(zip(self.choices, self.labels or self.choices, strict=False))


def fields_of(model: Model, values: Mapping[str, Any]) -> list[Field]:
    """Return the fields of a model, required ones first."""
    found = [_field(name, p, values.get(name, UNSET)) for name, p in model.parameters.items()]
    return sorted(found, key=lambda field: (not field.required, field.control == "json"))


def title_of(name: str) -> str:
    """Return a parameter's name in words: ``image_url`` is "Image URL"."""
    words = [_WORDS.get(word.lower(), word) for word in _WORD.findall(name)]
    if not words:
        return name
    first, *rest = words
    return " ".join([first[:1].upper() + first[1:], *rest])


def body_of(model: Model, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the input that a form contains, without its empty fields.

    Raises ``InvalidRequest`` for a text that is no value of its parameter's type; the catalogue
    checks everything else.
    """
    body: dict[str, Any] = {}
    for name, parameter in model.parameters.items():
        texts = [text for text in form.get(PREFIX + name, []) if text.strip()]
        if not texts:
            continue
        value = _value(name, parameter, texts)
        if not (parameter.has_default and not parameter.required and value == parameter.default):
            body[name] = value
    return body


def elided(value: Any, length_max: int = 120) -> Any:
    """Return a value for display, with long ``data:`` URIs shortened."""
    if isinstance(value, str) and value[:5].lower() == "data:" and len(value) > length_max:
        return f"{value[:60]}… ({len(value):,} characters)"
    if isinstance(value, list):
        return [elided(one, length_max) for one in value]
    if isinstance(value, dict):
        return {name: elided(one, length_max) for name, one in value.items()}
    return value


def _field(name: str, parameter: Parameter, value: Any) -> Field:
    control = _control(name, parameter)
    default = parameter.default if parameter.has_default else UNSET
    shown = default if value is UNSET else value
    return Field(
        name=name,
        control=control,
        value=_text(control, shown),
        required=parameter.required,
        description=parameter.description or "",
        choices=tuple(map(str, parameter.enum or ())),
        labels=parameter.labels or (),
        min=parameter.min,
        max=parameter.max,
        step=_step(parameter),
        length_max=parameter.max_length,
        default=_text(control, default),
    )


def _control(name: str, parameter: Parameter) -> Control:
    if parameter.enum is not None:
        return "choice"
    match parameter.type:
        case "media":
            return "picture"
        case "boolean":
            return "switch"
        case "number" | "integer":
            return "slider" if _step(parameter) is not None else "number"
        case "string":
            return "text" if name in _LONG or (parameter.max_length or 0) > 200 else "short_text"
        case "array" if isinstance(parameter.items, Parameter) and parameter.items.type == "media":
            return "pictures"
        case _:
            return "json"


def _step(parameter: Parameter) -> float | int | None:
    """Return the step of a slider, or None where a range is open or has too many steps."""
    low, high = parameter.min, parameter.max
    if low is None or high is None or high <= low:
        return None
    whole = parameter.type == "integer" or (
        high - low >= 20 and all(float(x).is_integer() for x in (low, high))
    )
    step: float | int = 1 if whole else 0.01 if high - low <= 5 else 0.1
    return step if (high - low) / step <= _SLIDER_STEPS_MAX else None


def _text(control: Control, value: Any) -> str:
    if value is UNSET or value is None:
        return ""
    if control == "switch":
        return "true" if value else "false"
    if control == "pictures":
        return "\n".join(map(str, value)) if isinstance(value, list) else ""
    if control == "json":
        return "" if value == [] else json.dumps(value, ensure_ascii=False)
    return str(value)


def _value(name: str, parameter: Parameter, texts: list[str]) -> Any:
    text = texts[-1].strip()
    match _control(name, parameter):
        case "number" | "slider":
            return _number(name, text)
        case "switch":
            return text == "true"
        case "pictures":
            return [url.strip() for url in "\n".join(texts).split("\n") if url.strip()]
        case "json":
            return _json(name, text)
        case "text":
            return texts[-1]
        case "choice" if parameter.type in ("number", "integer"):
            return _number(name, text)
        case _:
            return text


def _number(name: str, text: str) -> int | float:
    try:
        number = float(text)
        if math.isfinite(number):
            return int(text) if text.lstrip("+-").isdecimal() else number
    except (ValueError, OverflowError):
        pass
    raise _invalid(name, "must be a number")


def _json(name: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)  # as strict as the API's reader
    except (ValueError, RecursionError) as exc:
        raise _invalid(name, "must be JSON") from exc


def _invalid(name: str, requirement: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {requirement}.", [FieldError(f"/{name}", requirement)])


def pictures_in(model: Model, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the parameter's name and the URL of every picture in an input."""
    for name, parameter in model.parameters.items():
        value = values.get(name)
        for text in value if isinstance(value, list) else [value]:
            is_media = parameter.type == "media" or (
                isinstance(parameter.items, Parameter) and parameter.items.type == "media"
            )
            if is_media and isinstance(text, str):
                yield name, text
