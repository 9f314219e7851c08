"""Public fakes for tests: time moved by hand; receivers, resolvers and engines that are scripted.

```python
async with FakeReceiver([503, reset(), 200]) as receiver:
    ...  # point a webhook at receiver.url
    first, second, third = await receiver.wait_for(3)
```
"""

from ringback.testing.clock import FakeClock, settle
from ringback.testing.engine import EngineScript, RecordingIO, ScriptedEngine, never_ends
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
