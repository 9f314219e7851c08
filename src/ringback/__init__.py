"""Ringback: generation jobs that call you back.

```python
from ringback import Ringback

with Ringback() as client:
    job = client.image("bfl/flux-1-dev", prompt="a red fox in snow").wait()
    job.save("pictures")
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringback.client.aio.client import AsyncRingback
    from ringback.client.aio.job import AsyncJob
    from ringback.client.errors import (
        ApiError,
        AuthenticationError,
        ClientError,
        ConfigurationError,
        ConflictError,
        ConnectionFailed,
        JobCancelled,
        JobEnded,
        JobFailed,
        ModelUnavailableError,
        NotFoundError,
        PaymentRequiredError,
        RateLimitError,
        SaveFailed,
        ServerError,
        ValidationError,
        WaitTimeout,
    )
    from ringback.client.sync.client import Ringback
    from ringback.client.sync.job import Job

__version__ = "0.1.0"
__all__ = [
    "ApiError",
    "AsyncJob",
    "AsyncRingback",
    "AuthenticationError",
    "ClientError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailed",
    "Job",
    "JobCancelled",
    "JobEnded",
    "JobFailed",
    "ModelUnavailableError",
    "NotFoundError",
    "PaymentRequiredError",
    "RateLimitError",
    "Ringback",
    "SaveFailed",
    "ServerError",
    "ValidationError",
    "WaitTimeout",
    "__version__",
]

_ELSEWHERE = {
    "AsyncJob": "ringback.client.aio.job",
    "AsyncRingback": "ringback.client.aio.client",
    "Job": "ringback.client.sync.job",
    "Ringback": "ringback.client.sync.client",
}


def __getattr__(name: str) -> Any:
    """Return a public name from where it is, imported now: the server's commands need none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_ELSEWHERE.get(name, "ringback.client.errors")), name)
    globals()[name] = found
    return found
