"""A clock and signed webhooks for the receiver's tests."""

from __future__ import annotations

import json
from typing import Any

from ringback.wire.signature import Signer, webhook_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_ZmlmdGVlbiBzZWNyZXQgYnl0ZXMgb2YgYSBraW5k"
NOW_S = 1_790_000_000


class StillClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at_s = float(NOW_S)

    def now_s(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s


def a_job(job_id: str = "job-1", status: str = "completed", **more: Any) -> bytes:
    result = {"urls": ["https://x.example/1.png"]} if status == "completed" else {"error": "Broke."}
    job = {
        "job_id": job_id,
        "status": status,
        "created_at": "2026-09-21T14:13:20.000Z",
        "completed_at": "2026-09-21T14:13:21.000Z",
        "result": result,
    }
    return json.dumps({**job, **more}).encode()


def signed(
    body: bytes,
    *,
    webhook_id: str = "delivery-1",
    secrets: tuple[str, ...] = (SECRET,),
    at_s: float = NOW_S,
    event: str = "job.completed",
) -> dict[str, str]:
    headers = webhook_headers(
        [Signer(secret) for secret in secrets],
        webhook_id=webhook_id,
        timestamp_s=int(at_s),
        body=body,
    )
    named = {name.decode(): value.decode() for name, value in headers}
    return {**named, "ringback-event": event, "content-type": "application/json"}
