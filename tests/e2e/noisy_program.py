"""A server in which other people's code makes itself heard once it is ready.

``python noisy_program.py dev …`` is ``ringback dev …``, but for what the libraries say in it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import warnings
from typing import Any

from ringback.cli import main
from ringback.server.app import App

SECRET = "whsec_of_nobody"
FORGED = 'two lines\n{"event": "forged"}\r\x1b[31m\x85\u2028.'


class _Unraisable:
    def __del__(self) -> None:
        raise ValueError(FORGED)


async def _fails() -> None:
    raise RuntimeError(FORGED)


def _raise() -> None:
    raise KeyError(FORGED)


def make_noise(_app: Any) -> None:
    """Say all that libraries say, by every way to standard error there is."""
    library = logging.getLogger("some.library")
    library.info("a header: %s", SECRET)
    library.debug("a body: %s", SECRET)
    library.warning(FORGED)
    library.error("%d arguments", "no number")
    library.error("much: %s", "x" * 1_000_000)
    try:
        _raise()
    except KeyError:
        library.exception("it raised")
    warnings.warn(FORGED, stacklevel=1)
    threading.Thread(target=_raise).start()
    _Unraisable()
    asyncio.get_running_loop().call_soon(_raise)
    asyncio.get_running_loop().create_task(_fails())
    asyncio.get_running_loop().call_later(0.2, gc.collect)


if __name__ == "__main__":
    App.warm_up = make_noise  # type: ignore[assignment,method-assign]
    main()
