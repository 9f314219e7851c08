"""The receiver kit: verify webhooks, handle each once, and answer before the work begins.

```python
from ringback.receiver import Receiver, SqliteLedger, WebhookEvent

receiver = Receiver("whsec_…", ledger=SqliteLedger("webhooks.db"))


@receiver.on("job.completed")
def fulfil(event: WebhookEvent) -> None:
    ship(event.job.job_id, event.job.urls)
```
"""

from ringback.receiver.answer import Answer
from ringback.receiver.errors import (
    BadSignature,
    Malformed,
    MissingHeader,
    NoJob,
    ReceiverError,
    ReceiverMisuse,
    TooNew,
    TooOld,
    WebhookVerificationError,
)
from ringback.receiver.event import WebhookEvent
from ringback.receiver.ledgers.contract import Ledger
from ringback.receiver.ledgers.memory import MemoryLedger
from ringback.receiver.ledgers.sqlite import SqliteLedger
from ringback.receiver.receiver import Receiver
from ringback.wire.names import EventName, StatusName

__all__ = [
    "Answer",
    "BadSignature",
    "EventName",
    "Ledger",
    "Malformed",
    "MemoryLedger",
    "MissingHeader",
    "NoJob",
    "Receiver",
    "ReceiverError",
    "ReceiverMisuse",
    "SqliteLedger",
    "StatusName",
    "TooNew",
    "TooOld",
    "WebhookEvent",
    "WebhookVerificationError",
]
