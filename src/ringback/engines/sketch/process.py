"""The functions that the server runs in a drawing process; imports no numerical libraries.

The server's process never loads these libraries, so it stays small, and an image that crashes a
decoder or exhausts the memory affects only the drawing process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import msgspec

from ringback.errors import EngineError
from ringback.files.media.process import confine


def prepare() -> bytes:
    """Configure numpy's threads and limit the memory of this process."""
    # One thread suffices; on a large machine a thread pool would use up the address space.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    confine()
    return b""


def _confined(work: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Make a function limit its process, and return ``+`` and its result or ``-`` and an error."""

    @wraps(work)
    def run(argument: bytes) -> bytes:
        prepare()
        try:
            return b"+" + work(argument)
        except EngineError as exc:
            return b"-" + str(exc).encode()
        except MemoryError:
            return b"-The image needs too much memory."

    return run


@_confined
def draw(request: bytes) -> bytes:
    """Return a PNG."""
    from ringback.engines.sketch.render import Drawing, draw_png

    return draw_png(msgspec.msgpack.decode(request, type=Drawing))


@_confined
def estimate_cost(path: bytes) -> bytes:
    """Return the cost of decoding an untrusted image; nothing is decoded."""
    from ringback.engines.sketch.image_cost import cost_s_of

    return msgspec.msgpack.encode(cost_s_of(_content(path)))


@_confined
def shrink_image(path: bytes) -> bytes:
    """Return an untrusted image as a small PNG."""
    from ringback.engines.sketch.pictures import shrink

    return shrink(_content(path))


@_confined
def study(path: bytes) -> bytes:
    """Return the style features of an untrusted image."""
    from ringback.engines.sketch.style.features import encode_features
    from ringback.engines.sketch.style.study import extract_features

    return encode_features(extract_features(_content(path)))


@_confined
def combine(facts: bytes) -> bytes:
    """Return the common style features of several images."""
    from ringback.engines.sketch.style.features import decode_features, encode_features
    from ringback.engines.sketch.style.study import combine_features

    each = msgspec.msgpack.decode(facts, type=list[bytes])
    return encode_features(combine_features([decode_features(one) for one in each]))


@_confined
def still(path: bytes) -> bytes:
    """Return a still of an untrusted mesh, a JPEG."""
    from ringback.engines.sketch.mesh.reading import colours_of, read_scene, single_mesh
    from ringback.engines.sketch.mesh.still import still_jpeg

    mesh = single_mesh(read_scene(Path(os.fsdecode(path))))
    return still_jpeg(mesh.vertices, mesh.faces, colours_of(mesh))


def _content(path: bytes) -> bytes:
    return Path(os.fsdecode(path)).read_bytes()
