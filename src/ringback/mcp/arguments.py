"""The arguments of each tool. Pure; the descriptions are for the model that calls the tool."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from ringback.wire.names import ModelKind

WAIT_S = 50.0  # hosts commonly give a call a minute
WAIT_S_MAX = 600.0
_JOB_ID = r"^[0-9A-Za-z_-]{1,64}$"

Text = Annotated[str, Meta(max_length=100_000)]
# As long as the body may be: a data: URI is a URL too.
MediaUrl = Annotated[str, Meta(description="The picture: an asset's URL, any other, or data:.")]
FileUrl = Annotated[
    str, Meta(description="The URL from which the server fetches the file, or a data: URI.")
]
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
        description="Seconds to wait for the job's end; after that its id is returned, "
        "and get_job continues to wait.",
    ),
]

A = TypeVar("A", bound=Struct)


class ListModels(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``list_models``."""

    kind: Annotated[ModelKind | None, Meta(description="Only models of this kind.")] = None


class GetModelSchema(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``get_model_schema``."""

    model: ModelId


class GenerateImage(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``generate_image``."""

    prompt: Annotated[Text, Meta(description="A description of the picture.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class GenerateVideo(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``generate_video``."""

    prompt: Annotated[Text, Meta(description="A description of the film.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class GenerateAudio(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``generate_audio``."""

    prompt: Annotated[Text, Meta(description="The text to speak, or a description of the sound.")]
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class EnhanceImage(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``enhance_image``."""

    image_url: MediaUrl
    model: ModelId | None = None
    input: Input = {}
    wait_s: WaitS = WAIT_S


class GetJob(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``get_job``."""

    job_id: Annotated[str, Meta(pattern=_JOB_ID, description="As another tool returned it.")]
    wait_s: WaitS = 0.0


class UploadAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``upload_asset`` over HTTP: one of url and data."""

    url: FileUrl | None = None
    data: Annotated[str | None, Meta(description="The file itself, in base64.")] = None
    description: Annotated[Text | None, Meta(description="A description of its content.")] = None


class UploadLocalAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of ``upload_asset`` over stdio: one of path, url and data."""

    path: Annotated[Text | None, Meta(description="The file's path on this machine.")] = None
    url: FileUrl | None = None
    data: Annotated[str | None, Meta(description="The file itself, in base64.")] = None
    description: Annotated[Text | None, Meta(description="A description of its content.")] = None


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments, an object at its root."""
    found = msgspec.json.schema(kind)
    (schema,) = found["$defs"].values()
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


def read(kind: type[A], arguments: dict[str, Any]) -> A:
    """Return the arguments as their type, or raise ``msgspec.ValidationError``."""
    return msgspec.convert(arguments, kind)
