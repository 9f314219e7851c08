"""Receiver health: destinations and endpoints after attempts, and the operator's notices."""

from __future__ import annotations

from typing import Any

from ringback.egress.answer import Reason
from ringback.webhooks.breaker import CLOSED, Breaker, BreakerSettings
from ringback.webhooks.endpoints import Endpoint, FailingSettings
from ringback.webhooks.events import OPERATOR, EventType
from ringback.webhooks.model import Attempt, Delivery, DeliveryStatus, Destination
from ringback.webhooks.outbox import AttemptRecord
from ringback.webhooks.receiver_health import (
    destinations_after,
    endpoints_after,
    exhausted_notices,
)
from tests.builders import a_delivery, a_job, a_listener, an_endpoint

NOW = 1_800_000_000_000
DAY_MS = 86_400_000


def a_record(delivery: Delivery | None = None, **changes: Any) -> AttemptRecord:
    known: dict[str, Any] = {
        "delivery": delivery or a_delivery(a_job(), destination_id=1),
        "attempt": Attempt(number=1, started_at_ms=NOW, duration_ms=1, reason="status"),
        "healthy": False,
        "now_ms": NOW,
        "breaker": BreakerSettings(failures_max=2),
        "failing": FailingSettings(disable_after_s=10 * 86_400),
    }
    return AttemptRecord(**{**known, **changes})


def a_destination(**changes: Any) -> Destination:
    known = {"workspace_id": "studio", "origin": "https://shop.example:443", "breaker": CLOSED}
    return Destination(destination_id=1, **{**known, **changes})


def of_endpoint(endpoint: Endpoint, **changes: Any) -> Delivery:
    return a_delivery(a_job(), endpoint_id=endpoint.endpoint_id, **changes)


def types_of(notices: list[tuple[EventType, dict[str, Any]]]) -> list[EventType]:
    return [event_type for event_type, _ in notices]


def test_a_destination_opens_once_for_failures_that_share_a_commit() -> None:
    after, notices = destinations_after([a_record()] * 3, {1: a_destination()})
    assert not after[1].breaker.is_closed
    assert types_of(notices) == [EventType.DESTINATION_PAUSED]


def test_success_closes_a_breaker_whose_probe_it_was_and_the_operator_hears_of_it() -> None:
    probing = a_destination(
        breaker=Breaker(open_until_ms=NOW, openings_count=1, flight=8, flying=1)
    )
    after, notices = destinations_after([a_record(healthy=True)], {1: probing})
    assert after[1].breaker == CLOSED
    assert types_of(notices) == [EventType.DESTINATION_RECOVERED]


def test_the_operator_gets_no_notice_of_its_own_destination_nor_of_a_listener() -> None:
    listener = a_listener()
    for quiet in (
        a_destination(workspace_id=OPERATOR),
        a_destination(origin=listener.destination),
    ):
        after, notices = destinations_after([a_record()] * 2, {1: quiet})
        assert not after[1].breaker.is_closed
        assert notices == []


def test_an_endpoint_that_fails_is_warned_of_and_disabled_when_its_time_is_over() -> None:
    endpoint = an_endpoint()
    seen = []
    for day in range(0, 12, 2):
        record = a_record(of_endpoint(endpoint), now_ms=NOW + day * DAY_MS)
        after, notices = endpoints_after([record], {endpoint.endpoint_id: endpoint})
        endpoint = after[endpoint.endpoint_id]
        seen.append((endpoint.warned_percent, endpoint.disabled_reason, types_of(notices)))
    failing, disabled = [EventType.ENDPOINT_FAILING], [EventType.ENDPOINT_DISABLED]
    assert seen == [
        (0, None, []),
        (0, None, []),
        (0, None, []),
        (50, None, failing),
        (70, None, failing),
        (70, "failing", disabled),
    ]
    assert endpoint.failing_since_ms == NOW


def test_an_endpoint_that_answers_gone_is_disabled_at_once_and_only_once() -> None:
    endpoint = an_endpoint()
    gone = a_record(of_endpoint(endpoint), gone=True)
    after, notices = endpoints_after([gone, gone], {endpoint.endpoint_id: endpoint})
    assert after[endpoint.endpoint_id].disabled_reason == "gone"
    assert types_of(notices) == [EventType.ENDPOINT_DISABLED]


def test_a_delivered_event_ends_an_endpoints_failing() -> None:
    endpoint = an_endpoint(failing_since_ms=1, warned_percent=70)
    delivered = a_record(of_endpoint(endpoint, status=DeliveryStatus.DELIVERED), healthy=True)
    after, notices = endpoints_after([delivered], {endpoint.endpoint_id: endpoint})
    assert after[endpoint.endpoint_id].failing_since_ms is None
    assert after[endpoint.endpoint_id].warned_percent == 0
    assert notices == []


def test_failures_that_the_lab_made_count_against_no_endpoint() -> None:
    endpoint = an_endpoint()
    attempt = Attempt(number=1, started_at_ms=NOW, duration_ms=1, reason=Reason.LAB)
    record = a_record(of_endpoint(endpoint), attempt=attempt)
    after, _ = endpoints_after([record], {endpoint.endpoint_id: endpoint})
    assert after == {endpoint.endpoint_id: endpoint}


def test_attempts_of_endpoints_that_were_deleted_change_nothing() -> None:
    assert endpoints_after([a_record(of_endpoint(an_endpoint()))], {}) == ({}, [])


def test_exhausted_deliveries_are_noticed_but_for_the_operators_own() -> None:
    exhausted = {"status": DeliveryStatus.EXHAUSTED}
    records = [
        a_record(a_delivery(a_job(), **exhausted)),
        a_record(a_delivery(a_job(), workspace_id=OPERATOR, **exhausted)),
        a_record(a_delivery(a_job())),
    ]
    assert types_of(exhausted_notices(records)) == [EventType.DELIVERY_EXHAUSTED]
