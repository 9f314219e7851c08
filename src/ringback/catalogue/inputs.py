"""Checks one model's bodies and completes them: aliases renamed, defaults filled in.

Every submission comes through here, so a good body costs one call into compiled code and one copy;
the words for a bad one are looked for only then. The caller's body is never changed.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any

from msgspec import Struct

from ringback.catalogue.defaults import Defaults
from ringback.catalogue.faults import Faults
from ringback.catalogue.model import Model
from ringback.catalogue.schemas import compiled
from ringback.errors import FieldError, InvalidRequest

_DETAILS_MAX = 20
_NAMED_MAX = 3  # wrong fields that the sentence itself names


class ValidInput(Struct, frozen=True, kw_only=True):
    """A body that the model takes, complete and in today's names, and the old names it used."""

    input: dict[str, Any]
    deprecated: tuple[str, ...] = ()


class InputCheck:
    """Checks and completes the bodies of one model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._is_valid = compiled(model.schema).is_valid
        self._new_names = {alias.old: alias.new for alias in model.aliases}
        self._old_names = frozenset(self._new_names)
        self._defaults = Defaults(model.parameters)

    def __call__(self, body: object) -> ValidInput:
        """Return the body completed, or raise ``InvalidRequest`` naming each wrong field."""
        if not isinstance(body, dict):
            raise InvalidRequest(
                'The body must be a JSON object, like {"prompt": "a lake at dawn"}.',
                [FieldError("", "must be an object")],
            )
        given = body
        deprecated: tuple[str, ...] = ()
        try:
            if not self._old_names.isdisjoint(body):
                given, deprecated = self._renamed(body)
            if not self._is_valid(given):
                raise self._refusal(given, body, deprecated)
        except (RecursionError, ValueError) as exc:
            # The only values that the compiled schema does not take: deeper than 255 levels, or
            # text with half of a surrogate pair, which the JSON reader has refused before.
            message = "is nested too deeply, or is not text"
            raise InvalidRequest(f"The body {message}.", [FieldError("", message)]) from exc
        return ValidInput(input=self._defaults.fill(given), deprecated=deprecated)

    @cached_property
    def _faults(self) -> Faults:
        return Faults(self._model.parameters)

    def _renamed(self, body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the body in today's names and the old names that it had."""
        given = dict(body)
        clashes: list[FieldError] = []
        used = tuple(old for old in self._new_names if old in body)
        for old in used:
            new = self._new_names[old]
            value = given.pop(old)
            if given.setdefault(new, value) != value:
                message = f"is the old name of {new} and has another value; send only {new}"
                clashes.append(FieldError(f"/{old}", message))
        if clashes:
            raise invalid(clashes)
        return given, used

    def _refusal(
        self, given: dict[str, Any], body: dict[str, Any], deprecated: tuple[str, ...]
    ) -> InvalidRequest:
        # Who sent an old name finds the fault under that name.
        spelled = {
            self._new_names[old]: old for old in deprecated if self._new_names[old] not in body
        }
        return invalid(list(islice(self._faults.of(given, spelled), _DETAILS_MAX + 1)))


def invalid(faults: list[FieldError]) -> InvalidRequest:
    """Return the error whose sentence names the first faults, and whose details more."""
    named = "; ".join(f"{fault.path[1:]} {fault.message}" for fault in faults[:_NAMED_MAX])
    more = len(faults) - _NAMED_MAX
    if len(faults) > _DETAILS_MAX:
        named += "; and many more fields are wrong"
    elif more > 0:
        named += f"; and {more} more field{'s are' if more > 1 else ' is'} wrong"
    return InvalidRequest(f"{named}.", faults[:_DETAILS_MAX])
