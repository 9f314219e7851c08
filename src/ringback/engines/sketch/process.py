"""What the server asks of the drawing process; importable without drawing anything.

The server's own process never loads the arithmetic: it stays small, and a picture that breaks a
decoder or takes all memory breaks only this process.
"""

from __future__ import annotations

import msgspec

from ringback.errors import EngineError


def draw(request: bytes) -> bytes:
    """Return ``+`` and a PNG, or ``-`` and the sentence why there is none."""
    from ringback.engines.sketch.render import Drawing, draw_png, limit_memory

    limit_memory()
    try:
        return b"+" + draw_png(msgspec.msgpack.decode(request, type=Drawing))
    except EngineError as exc:
        return b"-" + str(exc).encode()
    except MemoryError:
        return b"-The picture needs more memory than it may have."


def wake() -> None:
    """Load what drawing needs."""
    import ringback.engines.sketch.render  # noqa: F401
