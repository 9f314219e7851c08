"""Between frozen values and rows; the column orders are those of ``statements``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus

Row = Sequence[Any]

_encode = msgspec.json.Encoder().encode
_decode_input = msgspec.json.Decoder(dict[str, Any]).decode
_decode_result = msgspec.json.Decoder(JobResult).decode

_JOB_STATUS = {status.value: status for status in JobStatus}
_DELIVERY_STATUS = {status.value: status for status in DeliveryStatus}


def as_json(value: object) -> str:
    """Return a value as JSON text, to be bound to a statement that unfolds it."""
    return _encode(value).decode()


def result_json(result: JobResult | None) -> str | None:
    """Return a result as it is kept."""
    return None if result is None else _encode(result).decode()


def job_row(job: Job) -> tuple[Any, ...]:
    """Return a job's columns."""
    return (
        job.job_id,
        job.workspace_id,
        job.kind,
        job.model,
        job.type,
        job.engine,
        _encode(job.input).decode(),
        job.created_at_ms,
        job.base_url,
        job.status.value,
        job.webhook_url,
        job.completed_at_ms,
        result_json(job.result),
        job.progress,
        job.epoch,
        job.deaths,
    )


def job_from(row: Row) -> Job:
    """Return the job of a row."""
    result = row[12]
    return Job(
        job_id=row[0],
        workspace_id=row[1],
        kind=row[2],
        model=row[3],
        type=row[4],
        engine=row[5],
        input=_decode_input(row[6]),
        created_at_ms=row[7],
        base_url=row[8],
        status=_JOB_STATUS[row[9]],
        webhook_url=row[10],
        completed_at_ms=row[11],
        result=None if result is None else _decode_result(result),
        progress=row[13],
        epoch=row[14],
        deaths=row[15],
    )


def delivery_row(delivery: Delivery) -> tuple[Any, ...]:
    """Return a delivery's columns."""
    return (
        delivery.delivery_id,
        delivery.workspace_id,
        delivery.job_id,
        delivery.event,
        delivery.engine,
        delivery.url,
        delivery.destination,
        delivery.body.decode(),
        delivery.created_at_ms,
        delivery.status.value,
        delivery.attempts_count,
        delivery.next_attempt_at_ms,
        delivery.ended_at_ms,
        delivery.epoch,
    )


def delivery_from(row: Row) -> Delivery:
    """Return the delivery of a row."""
    return Delivery(
        delivery_id=row[0],
        workspace_id=row[1],
        job_id=row[2],
        event=row[3],
        engine=row[4],
        url=row[5],
        destination=row[6],
        body=row[7].encode(),
        created_at_ms=row[8],
        status=_DELIVERY_STATUS[row[9]],
        attempts_count=row[10],
        next_attempt_at_ms=row[11],
        ended_at_ms=row[12],
        epoch=row[13],
    )


def attempt_row(delivery: Delivery, attempt: Attempt) -> tuple[Any, ...]:
    """Return an attempt's columns; the answer's bytes travel as hexadecimal."""
    return (
        delivery.delivery_id,
        attempt.number,
        attempt.started_at_ms,
        attempt.duration_ms,
        attempt.address,
        attempt.status_code,
        attempt.reason,
        attempt.response.hex(),
    )


def attempt_from(row: Row) -> Attempt:
    """Return the attempt of a row."""
    return Attempt(
        number=row[0],
        started_at_ms=row[1],
        duration_ms=row[2],
        address=row[3],
        status_code=row[4],
        reason=row[5],
        response=row[6],
    )
