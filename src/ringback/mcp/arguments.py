"""What each tool is asked with. Pure; the descriptions are for the model that calls them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

WAIT_S = 50.0  # hosts commonly give a call a minute
WAIT_S_MAX = 600.0
_JOB_ID = r"^[0-9A-Za-z_-]{1,64}$"

Kind = Literal["image", "video", "enhance"]
Text = Annotated[str, Meta(max_length=100_000)]
ModelId = Annotated[
    str,
    Meta(max_length=200, description="A model's id, like bfl/flux-1-dev; list_models has them."),
]
Input = Annotated[
    dict[str, Any],
    Meta(description="The model's other parameters, as get_model_schema describes them."),
]
WaitS = Annotated[
    float,
    Meta(
        ge=0,
        le=WAIT_S_MAX,
        description="How many seconds to wait for the job's end; after that its id is returned, "
        "and get_job goes on waiting.",
    ),
]

A = TypeVar("A", bound=Struct)


class ListModels(Struct, frozen=True, forbid_unknown_fields=True):
    """Which models."""

    kind: Annotated[Kind | None, Meta(description="Only models of this kind.")] = None


class GetModelSchema(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which model."""

    model: ModelId


class GenerateImage(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture that is wanted."""

    prompt: Annotated[Text, Meta(description="What the picture shows.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class GenerateVideo(Struct, frozen=True, forbid_unknown_fields=True):
    """A film that is wanted."""

    prompt: Annotated[Text, Meta(description="What happens in the film.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class EnhanceImage(Struct, frozen=True, forbid_unknown_fields=True):
    """A picture that is to be larger or clearer."""

    image_url: Annotated[Text, Meta(description="The picture: an asset's URL or any other.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class GetJob(Struct, frozen=True, forbid_unknown_fields=True):
    """Which job, and whether to wait for it."""

    job_id: Annotated[str, Meta(pattern=_JOB_ID, description="As another tool returned it.")]
    wait_s: WaitS = 0.0


class UploadAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """A file to be used by jobs: one of url and data."""

    url: Annotated[Text | None, Meta(description="Where the server fetches the file.")] = None
    data: Annotated[str | None, Meta(description="The file itself, in base64.")] = None
    description: Annotated[Text | None, Meta(description="What it shows.")] = None


class UploadLocalAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """A file to be used by jobs: one of path, url and data."""

    path: Annotated[Text | None, Meta(description="The file's path on this machine.")] = None
    url: Annotated[Text | None, Meta(description="Where the server fetches the file.")] = None
    data: Annotated[str | None, Meta(description="The file itself, in base64.")] = None
    description: Annotated[Text | None, Meta(description="What it shows.")] = None


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, an object at its root."""
    found = msgspec.json.schema(kind)
    (schema,) = found["$defs"].values()
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


def read(kind: type[A], arguments: dict[str, Any]) -> A:
    """Return the arguments as their type; raises ``msgspec.ValidationError``, in a sentence."""
    return msgspec.convert(arguments, kind)
