"""The verbs: what can be done to jobs, deliveries and endpoints, one transaction each."""

from ringback.service.jobs import (
    DEATHS_MAX,
    DEATHS_MAX_WITH_MEMO,
    IDEMPOTENCY_KEPT_MS,
    Service,
)
from ringback.service.requests import GenerationRequest
from ringback.service.telling import result_document, webhook_body

__all__ = [
    "DEATHS_MAX",
    "DEATHS_MAX_WITH_MEMO",
    "IDEMPOTENCY_KEPT_MS",
    "GenerationRequest",
    "Service",
    "result_document",
    "webhook_body",
]
