"""The JSON documents of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ringback.errors import FieldError

Sentence = Annotated[str, Meta(description="The reason, in one sentence.")]
Date = Annotated[str, Meta(extra_json_schema={"format": "date"})]
Url = Annotated[str, Meta(extra_json_schema={"format": "uri"})]


class ErrorDocument(Struct, frozen=True, kw_only=True):
    """The reason why the request failed."""

    # Existing clients read one of the two, so both have the sentence.
    error: Sentence
    message: Annotated[str, Meta(description="The same sentence.")]
    code: Annotated[str, Meta(description="A stable name of the reason.")]
    details: Sequence[FieldError] | UnsetType = UNSET


class GoneDocument(Struct, frozen=True, kw_only=True):
    """The reason why a model is no longer served."""

    error: Literal["model_unavailable"]
    reason: Literal["deprecated"]
    message: Sentence
    code: Literal["model_unavailable"]
    sunset_date: Date
    replacement: Annotated[
        str | None, Meta(description="The model to use now, like `video/google/veo-3.1`.")
    ]
    migration_url: Url | None


def error_document(sentence: str, code: str, details: Sequence[FieldError] = ()) -> ErrorDocument:
    """Return the document of an error."""
    return ErrorDocument(error=sentence, message=sentence, code=code, details=details or UNSET)
