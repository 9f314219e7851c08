"""Maps frozen values to rows and back.

The columns that are read are those of ``statements``, in the order of the struct's fields; those
that are written stand in the statement of ``queries`` that takes the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ringback.files.artifacts.names import name_in
from ringback.files.assets.model import Asset
from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.node_apps.model import AppVersion
from ringback.signing.rotation import SigningKey
from ringback.webhooks.breaker import Breaker
from ringback.webhooks.endpoints import Endpoint
from ringback.webhooks.events import Event, EventType
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.webhooks.store import BulkOperation, BulkOperationKind, DeliveryFilter

Row = Sequence[Any]

_encode = msgspec.json.Encoder().encode
_decode_input = msgspec.json.Decoder(dict[str, Any]).decode
_decode_result = msgspec.json.Decoder(JobResult).decode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_marks = msgspec.json.Decoder(tuple[tuple[str, int], ...]).decode
_decode_selection = msgspec.json.Decoder(DeliveryFilter).decode
_decode_schedule = msgspec.json.Decoder(tuple[float, ...]).decode
_decode_timings = msgspec.json.Decoder(
    tuple[float | None, float | None, float | None, float | None]
).decode

_JOB_STATUS = {status.value: status for status in JobStatus}
_DELIVERY_STATUS = {status.value: status for status in DeliveryStatus}
_EVENT_TYPE = {event_type.value: event_type for event_type in EventType}


def as_json(value: object) -> str:
    """Return a value as JSON text, to be bound to a statement that unfolds it."""
    return _encode(value).decode()


def result_json(result: JobResult | None) -> str | None:
    """Return a result as it is kept."""
    return None if result is None else _encode(result).decode()


def input_of(text: str) -> dict[str, Any]:
    """Return a job's input from how it is kept."""
    return _decode_input(text)


def files_of(result: str | None, base_url: str, input_files: str | None) -> tuple[str, ...]:
    """Return the names of the files that go with a job, by its columns.

    A URL that does not begin as this server wrote it then is somebody else's.
    """
    urls = () if result is None else _decode_result(result).files
    made = (name_in(url, base_url=base_url) for url in urls)
    return (*(name for name in made if name is not None), *_names_of(input_files))


def _names_of(text: str | None) -> tuple[str, ...]:
    return () if text is None else _decode_names(text)


def marks_json(marks: tuple[tuple[str, int], ...]) -> str:
    """Return the beginnings of a job's statuses as they are kept."""
    return _encode(marks).decode() if marks else "[]"


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
        _encode(job.webhook_events).decode() if job.webhook_events else "[]",
        job.lab,
        job.priority,
        marks_json(job.marks),
        job.resume_state,
        job.compute_units,
        job.token_id,
        job.run_id,
        job.step,
        as_json(job.input_files) if job.input_files else None,
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
        webhook_events=() if row[16] == "[]" else _decode_names(row[16]),
        lab=row[17],
        priority=row[18],
        marks=() if row[19] == "[]" else _decode_marks(row[19]),
        resume_state=row[20],
        compute_units=row[21],
        token_id=row[22],
        run_id=row[23],
        step=row[24],
        input_files=_names_of(row[25]),
    )


def delivery_row(
    delivery: Delivery, *, destination_id: int, event_seq: int, event_id: str
) -> tuple[Any, ...]:
    """Return a delivery's columns."""
    return (
        delivery.delivery_id,
        delivery.workspace_id,
        delivery.job_id,
        delivery.event,
        delivery.url,
        delivery.destination,
        delivery.created_at_ms,
        delivery.endpoint_id,
        delivery.lab,
        delivery.status.value,
        delivery.reason,
        delivery.attempts_count,
        delivery.round_attempts_count,
        delivery.round_started_at_ms,
        delivery.next_attempt_at_ms,
        delivery.ended_at_ms,
        delivery.epoch,
        destination_id,
        event_seq,
        event_id,
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
        endpoint_id=row[9],
        lab=row[10],
        status=_DELIVERY_STATUS[row[11]],
        reason=row[12],
        attempts_count=row[13],
        round_attempts_count=row[14],
        round_started_at_ms=row[15],
        next_attempt_at_ms=row[16],
        ended_at_ms=row[17],
        epoch=row[18],
        destination_id=row[19],
    )


def event_row(event: Event) -> tuple[Any, ...]:
    """Return an event's columns."""
    return (
        event.event_id,
        event.workspace_id,
        event.job_id,
        event.type.value,
        event.engine,
        event.model,
        event.created_at_ms,
        event.body.decode(),
    )


def event_from(row: Row) -> Event:
    """Return the event of a row."""
    return Event(
        seq=row[0],
        event_id=row[1],
        workspace_id=row[2],
        job_id=row[3],
        type=_EVENT_TYPE[row[4]],
        engine=row[5],
        model=row[6],
        created_at_ms=row[7],
        body=row[8].encode(),
    )


def destination_from(row: Row) -> Destination:
    """Return the destination of a row."""
    return Destination(
        destination_id=row[0],
        workspace_id=row[1],
        origin=row[2],
        breaker=Breaker(
            failures_count=row[3],
            open_until_ms=row[4],
            openings_count=row[5],
            flight=row[6],
            flying=row[7],
        ),
        next_due_at_ms=row[8],
        paused_at_ms=row[9],
    )


def breaker_row(destination_id: int, breaker: Breaker) -> tuple[Any, ...]:
    """Return a destination's number and its breaker's columns."""
    return (
        destination_id,
        breaker.failures_count,
        breaker.open_until_ms,
        breaker.openings_count,
        breaker.flight,
        breaker.flying,
    )


def endpoint_row(endpoint: Endpoint) -> dict[str, Any]:
    """Return an endpoint's columns by name."""
    return {
        **msgspec.structs.asdict(endpoint),
        "events": as_json(endpoint.events),
        "models": as_json(endpoint.models),
        "header_names": as_json(endpoint.header_names),
        "schedule_s": None if endpoint.schedule_s is None else as_json(endpoint.schedule_s),
    }


def endpoint_from(row: Row) -> Endpoint:
    """Return the endpoint of a row."""
    return Endpoint(
        endpoint_id=row[0],
        workspace_id=row[1],
        url=row[2],
        destination=row[3],
        created_at_ms=row[4],
        description=row[5],
        events=_decode_names(row[6]),
        models=_decode_names(row[7]),
        headers=row[8],
        header_names=_decode_names(row[9]),
        schedule_s=None if row[10] is None else _decode_schedule(row[10]),
        disabled_at_ms=row[11],
        disabled_reason=row[12],
        failing_since_ms=row[13],
        warned_percent=row[14],
        missed_since_ms=row[15],
        listener=row[16],
        heard_at_ms=row[17],
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
        as_json((attempt.dns_ms, attempt.connect_ms, attempt.tls_ms, attempt.first_byte_ms)),
        attempt.request_headers,
        attempt.response_headers,
        attempt.reused,
        attempt.truncated,
        attempt.response.hex(),
    )


def attempt_from(row: Row) -> Attempt:
    """Return the attempt of a row."""
    dns_ms, connect_ms, tls_ms, first_byte_ms = _decode_timings(row[6] or b"[null,null,null,null]")
    return Attempt(
        number=row[0],
        started_at_ms=row[1],
        duration_ms=row[2],
        address=row[3],
        status_code=row[4],
        reason=row[5],
        dns_ms=dns_ms,
        connect_ms=connect_ms,
        tls_ms=tls_ms,
        first_byte_ms=first_byte_ms,
        request_headers=row[7] or "",
        response_headers=row[8] or "",
        reused=bool(row[9]),
        truncated=bool(row[10]),
        response=row[11],
    )


def key_from(row: Row) -> SigningKey:
    """Return the signing key of a row."""
    return SigningKey(
        key_id=row[0],
        kind=row[1],
        sealed=row[2],
        public=row[3],
        created_at_ms=row[4],
        retires_at_ms=row[5],
    )


def bulk_operation_row(bulk_operation: BulkOperation) -> dict[str, Any]:
    """Return a bulk operation's columns by name."""
    columns = msgspec.structs.asdict(bulk_operation)
    del columns["selection"]
    return {
        **columns,
        "kind": bulk_operation.kind.value,
        "wanted": as_json(bulk_operation.selection),
        "cancelled": int(bulk_operation.cancelled),
    }


def bulk_operation_from(row: Row) -> BulkOperation:
    """Return the bulk operation of a row."""
    return BulkOperation(
        bulk_operation_id=row[0],
        workspace_id=row[1],
        kind=BulkOperationKind(row[2]),
        selection=_decode_selection(row[3]),
        created_at_ms=row[4],
        rate=row[5],
        first_seq=row[6],
        cursor=row[7],
        last_seq=row[8],
        done_count=row[9],
        ended_at_ms=row[10],
        cancelled=bool(row[11]),
    )


def asset_from(row: Row) -> Asset:
    """Return the asset of a row."""
    return Asset(**dict(zip(Asset.__struct_fields__, row, strict=True)))


def app_from(row: Row) -> AppVersion:
    """Return the version of a node app of a row."""
    return AppVersion(**dict(zip(AppVersion.__struct_fields__, row, strict=True)))
