"""The names of artifacts: unguessable, and strictly validated when they come from outside."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode

from ringback.errors import EngineError
from ringback.files.media.content import UNKNOWN
from ringback.ids import new_artifact_stem

MEDIA_TYPES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/tiff": ".tiff",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "model/gltf-binary": ".glb",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "model/ply": ".ply",
    "model/stl": ".stl",
    "application/zip": ".zip",  # an OBJ with its materials and textures
    "application/json": ".json",  # a style that sketch trained
    UNKNOWN: ".bin",
}
"""The media types of artifacts, and the suffix of each."""

FOLDER = "/artifacts/"
"""The path under which the server has its files."""

_STEM_LENGTH = 32
# A random name begins so with a chance of one in 2**48.
_SHARED = "shared--"
_INPUT = "inputs--"
_NAME = re.compile(rf"[A-Za-z0-9_-]{{{_STEM_LENGTH}}}(\.[a-z0-9]{{3,4}})", re.ASCII)
_STEM = re.compile(rf"[A-Za-z0-9_-]{{{_STEM_LENGTH}}}", re.ASCII)
TYPE_OF_SUFFIX = {suffix: media_type for media_type, suffix in MEDIA_TYPES.items()}
"""The media type of each suffix."""


def new_name(media_type: str) -> str:
    """Return a new name for a file of that type, or raise ``EngineError`` if it is unknown."""
    suffix = MEDIA_TYPES.get(media_type)
    if suffix is None:
        raise EngineError(f"The engine made a file of an unknown type, {media_type}.")
    return new_artifact_stem() + suffix


def shared_name(content: bytes, media_type: str) -> str:
    """Return the name of a file that many jobs share; equal bytes have one name."""
    digest = hashlib.sha256(content).hexdigest()
    return f"{_SHARED}{digest[: _STEM_LENGTH - len(_SHARED)]}{MEDIA_TYPES[media_type]}"


def content_name(content: bytes, media_type: str) -> str:
    """Return a name that equal bytes of one type have; no file is stored under it.

    An unknown type has the suffix of none.
    """
    suffix = MEDIA_TYPES.get(media_type, MEDIA_TYPES[UNKNOWN])
    return f"{hashlib.sha256(content).hexdigest()}{suffix}"


def input_name(content_name: str, *, key: str) -> str:
    """Return the name of a job's input file; equal keys and contents have one name.

    Without the content and the key nobody can guess it.
    """
    digest = hashlib.sha256(f"{key}\0{content_name}".encode("utf-8", "replace")).digest()
    stem = urlsafe_b64encode(digest)[: _STEM_LENGTH - len(_INPUT)].decode("ascii")
    return f"{_INPUT}{stem}.{content_name.rpartition('.')[2]}"


def is_shared(name: str) -> bool:
    """Return whether other jobs may share the file, so that it must outlive any one of them."""
    return name.startswith(_SHARED)


def media_type_of(name: str) -> str | None:
    """Return the media type of a name, or None if it is not an artifact's name."""
    match = _NAME.fullmatch(name)
    return None if match is None else TYPE_OF_SUFFIX.get(match[1])


def artifact_path(name: str) -> str:
    """Return the path of a file's URL."""
    return f"{FOLDER}{name}"


def artifact_url(name: str, *, base_url: str) -> str:
    """Return the URL of a file for a client that knows the server by the base URL."""
    return f"{base_url}{artifact_path(name)}"


def name_in(url: str, *, base_url: str) -> str | None:
    """Return the name in an ``artifact_url``, unchecked, or None for a URL of another server."""
    name = url.removeprefix(artifact_url("", base_url=base_url))
    return None if name == url else name


def is_stem(text: str) -> bool:
    """Return whether a text is a file's name without its suffix."""
    return _STEM.fullmatch(text) is not None


def relative_path(name: str) -> str:
    """Return the path of a file in a store, spread over folders by the name's first letters."""
    return f"{name[:2]}/{name}"
