"""The services: the operations on jobs, deliveries and endpoints, one transaction each."""

from ringback.service.intake import GenerationRequest
from ringback.service.job_events import result_document, webhook_body
from ringback.service.jobs import (
    DEATHS_MAX,
    JobService,
)
from ringback.service.key_age import IDEMPOTENCY_KEPT_MS

__all__ = [
    "DEATHS_MAX",
    "IDEMPOTENCY_KEPT_MS",
    "GenerationRequest",
    "JobService",
    "result_document",
    "webhook_body",
]
