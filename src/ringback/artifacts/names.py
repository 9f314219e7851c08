"""The names of artifacts: unguessable, and all that a stranger's name is compared with."""

from __future__ import annotations

import hashlib
import re

from ringback.errors import EngineError
from ringback.ids import new_artifact_stem

MEDIA_TYPES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "model/gltf-binary": ".glb",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "application/json": ".json",  # what sketch learned of a style
}
"""The types that artifacts may have, and the ending of each."""

_STEM_LENGTH = 32
_SHARED = "shared--"  # no other name begins so, but by a chance of one in 2**48
_NAME = re.compile(rf"[A-Za-z0-9_-]{{{_STEM_LENGTH}}}(\.[a-z0-9]{{3,4}})", re.ASCII)
_TYPE_OF = {ending: media_type for media_type, ending in MEDIA_TYPES.items()}


def new_name(media_type: str) -> str:
    """Return a new name for a file of that type, or raise ``EngineError`` if there is no such."""
    ending = MEDIA_TYPES.get(media_type)
    if ending is None:
        raise EngineError(f"The engine made a file of an unknown type, {media_type}.")
    return new_artifact_stem() + ending


def shared_name(content: bytes, media_type: str) -> str:
    """Return the one name of a file that any number of jobs may share."""
    digest = hashlib.sha256(content).hexdigest()
    return f"{_SHARED}{digest[: _STEM_LENGTH - len(_SHARED)]}{MEDIA_TYPES[media_type]}"


def is_shared(name: str) -> bool:
    """Say whether other jobs may have the file too, so that it does not go with one of them."""
    return name.startswith(_SHARED)


def media_type_of(name: str) -> str | None:
    """Return the type of the file that has such a name; None when no artifact can have it."""
    match = _NAME.fullmatch(name)
    return None if match is None else _TYPE_OF.get(match[1])


def place_of(name: str) -> str:
    """Return where in a store a file lies: spread over folders by the name's first letters."""
    return f"{name[:2]}/{name}"
