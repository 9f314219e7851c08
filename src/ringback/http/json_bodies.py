"""JSON bodies as typed structs: the struct's JSON Schema checks a body before its conversion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request

from ringback.catalogue.violations import SchemaCheck, invalid
from ringback.errors import FieldError
from ringback.errors.wrong_values import explain_fault
from ringback.http.bodies import read_object, read_optional_object
from ringback.http.headers import headers_of
from ringback.http.schemas import inlined_schema_of

T = TypeVar("T", bound=msgspec.Struct)


class JsonBody(Generic[T]):
    """The body of an operation: its struct, its example and its checks."""

    def __init__(
        self,
        kind: type[T],
        example: Mapping[str, Any],
        *,
        owner: str,
        required: bool = True,
        members_min: int = 0,
    ) -> None:
        self.kind = kind
        self.example = example
        self.required = required
        self.bounds = {"minProperties": members_min} if members_min else {}
        self._owner = owner

    async def read(self, request: Request, *, bytes_max: int) -> T:
        """Return the request's body; raises ``InvalidRequest`` naming each wrong field.

        A body that is not required may be missing; the members then have their defaults.
        """
        read = read_object if self.required else read_optional_object
        like = json.dumps(self.example)
        return self.convert(
            await read(headers_of(request.scope), request.receive, bytes_max, like=like)
        )

    def convert(self, value: Mapping[str, Any]) -> T:
        """Return the struct of a decoded body; raises ``InvalidRequest`` like ``read``."""
        self._check(value)
        try:
            return msgspec.convert(value, self.kind, strict=False)
        except msgspec.ValidationError as exc:
            fault = explain_fault(exc, self.kind)
            raise invalid([FieldError("", f"has a wrong field: {fault}")]) from exc

    @cached_property
    def _check(self) -> SchemaCheck:
        return SchemaCheck({**inlined_schema_of(self.kind), **self.bounds}, owner=self._owner)
