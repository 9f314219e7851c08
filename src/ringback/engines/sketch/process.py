"""What the server asks of the drawing process; importable without drawing anything.

The server's own process never loads the arithmetic: it stays small, and a picture that breaks a
decoder or takes all memory breaks only this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from ringback.errors import EngineError
from ringback.media.process import limit_memory


def draw(request: bytes) -> bytes:
    """Return ``+`` and a PNG, or ``-`` and the sentence why there is none."""
    wake()
    from ringback.engines.sketch.render import Drawing, draw_png

    return _answered(lambda: draw_png(msgspec.msgpack.decode(request, type=Drawing)))


def take_in(content: bytes) -> bytes:
    """Return ``+`` and a stranger's picture as a small PNG, or ``-`` and why it is refused."""
    wake()
    from ringback.engines.sketch.pictures import shrink

    return _answered(lambda: shrink(content))


def study(content: bytes) -> bytes:
    """Return ``+`` and what a stranger's picture is like, or ``-`` and why it is refused."""
    wake()
    from ringback.engines.sketch.style.learned import encoded
    from ringback.engines.sketch.style.study import studied

    return _answered(lambda: encoded(studied(content)))


def combine(facts: bytes) -> bytes:
    """Return ``+`` and the style that pictures have in common, given what each is like."""
    wake()
    from ringback.engines.sketch.style.learned import decoded, encoded
    from ringback.engines.sketch.style.study import combined

    each = msgspec.msgpack.decode(facts, type=list[bytes])
    return _answered(lambda: encoded(combined([decoded(one) for one in each])))


def wake() -> None:
    """Load what drawing needs, and keep this process within its memory from then on."""
    # One thread draws: a pool of threads would only take address space, on a large machine all.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    limit_memory()


def _answered(work: Callable[[], bytes]) -> bytes:
    try:
        return b"+" + work()
    except EngineError as exc:
        return b"-" + str(exc).encode()
    except MemoryError:
        return b"-The picture needs more memory than it may have."
