"""Fakes for tests: a clock that tests advance; scripted receivers, resolvers and engines.

```python
async with FakeReceiver([503, reset(), 200]) as receiver:
    ...  # point a webhook at receiver.url
    first, second, third = await receiver.wait_for(3)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.testing.clock import FakeClock, settle
    from ringback.testing.engine import EngineScript, RecordingIO, ScriptedEngine, never_ends
    from ringback.testing.fetcher import FakeFetcher
    from ringback.testing.provider import ScriptedProvider
    from ringback.testing.receiver import (
        FakeReceiver,
        ReceivedRequest,
        Script,
        close_after,
        drip,
        endless,
        half_close_after,
        hang,
        redirect,
        reset,
        respond,
    )
    from ringback.testing.resolver import FakeResolver

__all__ = [
    "EngineScript",
    "FakeClock",
    "FakeFetcher",
    "FakeReceiver",
    "FakeResolver",
    "ReceivedRequest",
    "RecordingIO",
    "Script",
    "ScriptedEngine",
    "ScriptedProvider",
    "close_after",
    "drip",
    "endless",
    "half_close_after",
    "hang",
    "never_ends",
    "redirect",
    "reset",
    "respond",
    "settle",
]

_MODULES = ("clock", "receiver", "resolver", "engine", "fetcher", "provider")


def __getattr__(name: str) -> Any:
    """Import a fake at its first use: engines need the server's packages, receivers do not."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
