"""Rows of the delivery log: the job, and how the last attempt ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ringback.dashboard.presenters.results import results_of
from ringback.dashboard.rendering import shown_status_of
from ringback.jobs.model import Job
from ringback.jobs.prompts import prompt_of
from ringback.webhooks.model import Delivery


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """One delivery in a list."""

    delivery: Delivery
    status_code: int | None  # of the last attempt; None: no answer, or it was pruned
    prompt: str
    thumbnail: str | None  # the path of the job's first picture on this server

    @property
    def shown_status(self) -> str:
        """Return the status, or ``retrying`` for a delivery that waits after a failed attempt."""
        return shown_status_of(self.delivery)

    @property
    def grade(self) -> str:
        """Return how the last attempt went: ``good``, ``bad``, or ``none`` before the first."""
        if not self.delivery.attempts_count:
            return "none"
        return "bad" if self.delivery.reason else "good"


def rows_of(
    deliveries: Iterable[Delivery], *, jobs: Mapping[str, Job], status_codes: Mapping[str, int]
) -> list[DeliveryRow]:
    """Return the rows of deliveries, with the facts of their jobs."""
    return [
        _row(one, jobs.get(one.job_id), status_codes.get(one.delivery_id)) for one in deliveries
    ]


def _row(delivery: Delivery, job: Job | None, status_code: int | None) -> DeliveryRow:
    results = results_of(job) if job else []
    pictures = [one.path for one in results if one.path and one.kind == "picture"]
    return DeliveryRow(
        delivery=delivery,
        status_code=status_code,
        prompt=prompt_of(job.input) if job else "",
        thumbnail=pictures[0] if pictures else None,
    )
