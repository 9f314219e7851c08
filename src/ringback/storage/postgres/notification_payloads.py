"""Notifications of commits, for other processes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from ringback.jobs.model import Job, JobStatus
from ringback.storage.transactions import bulk_operations, deliveries, endpoints, jobs, steps
from ringback.storage.transactions.end import end_jobs
from ringback.storage.transactions.record import record_attempts
from ringback.storage.transactions.submit import submit
from ringback.storage.transactions.work import TransactionFunction
from ringback.webhooks.endpoints import is_listener
from ringback.webhooks.model import Delivery

PAYLOAD_BYTES_MAX = 7_900  # of the 8,000 that a notification may have


@dataclass(slots=True)
class News:
    """The wakeups that a commit causes in other processes."""

    queued: bool = False
    owed: bool = False
    ended: set[str] = field(default_factory=set)  # jobs
    events: set[str] = field(default_factory=set)  # workspaces with new events
    hooked: set[str] = field(
        default_factory=set
    )  # jobs with provider news; they have a channel of their own

    def __bool__(self) -> bool:
        return self.is_of_writes or bool(self.hooked)

    @property
    def is_of_writes(self) -> bool:
        """Say whether a commit wakes anything in other processes."""
        return self.queued or self.owed or bool(self.ended) or bool(self.events)

    def add(self, other: News) -> None:
        """Take other news in."""
        self.queued |= other.queued
        self.owed |= other.owed
        self.ended |= other.ended
        self.events |= other.events
        self.hooked |= other.hooked


def news_of(function: TransactionFunction, items: Sequence[Any], results: Sequence[Any]) -> News:
    """Return the wakeups of a committed transaction function."""
    news = News()
    tell = _TELLS.get(function.func if isinstance(function, partial) else function)
    if tell is not None:
        for item, result in zip(items, results, strict=True):
            tell(news, item, result)
    return news


def payloads(sender: str, news: News) -> list[str]:
    """Return the news as texts that a notification can carry, mostly one."""
    text = msgspec.json.encode(
        (sender, news.queued, news.owed, sorted(news.ended), sorted(news.events))
    ).decode()
    if len(text.encode()) <= PAYLOAD_BYTES_MAX:
        return [text]
    ended, events = sorted(news.ended), sorted(news.events)
    a, b = len(ended) // 2, len(events) // 2
    halves = (
        News(news.queued, news.owed, set(ended[:a]), set(events[:b])),
        News(ended=set(ended[a:]), events=set(events[b:])),
    )
    return [text for half in halves for text in payloads(sender, half)]


def read_payload(text: str) -> tuple[str, News]:
    """Return the sender of a payload, and its wakeups."""
    sender, queued, owed, ended, events = msgspec.json.decode(
        text, type=tuple[str, bool, bool, list[str], list[str]]
    )
    return sender, News(queued, owed, set(ended), set(events))


def _submitted(news: News, _item: Any, result: Any) -> None:
    news.queued |= not isinstance(result, Exception) and result.job.status is JobStatus.QUEUED


def _begun_step(news: News, _item: Any, result: Any) -> None:
    news.queued |= isinstance(result, Job)


def _requeued(news: News, _item: Any, result: Any) -> None:
    news.queued |= result


def _ended(news: News, item: Any, result: Any) -> None:
    if result:
        news.queued = news.owed = True  # a place is free, and a delivery is owed
        news.ended.add(item.after.job_id)
        news.events.add(item.after.workspace_id)


def _interim_event_added(news: News, item: Any, result: Any) -> None:
    if result:
        news.owed = True
        news.events.add(item[0].workspace_id)


def _owed(news: News, _item: Any, result: Any) -> None:
    news.owed |= result is not False and result != 0


def _begun(news: News, item: Any, result: Any) -> None:
    if result:
        news.owed = True
        _hand_out(news, item[0])


def _released(news: News, item: Any, result: Any) -> None:
    _owed(news, item, result)
    for delivery in item[0]:
        _hand_out(news, delivery)


def _recorded(news: News, item: Any, result: Any) -> None:
    if result.written:
        _hand_out(news, item.delivery)


def _hand_out(news: News, delivery: Delivery) -> None:
    """Wake the listener's programs: there is something for them, or they may take more."""
    if is_listener(delivery.url):
        news.events.add(delivery.workspace_id)


_TELLS: dict[Callable[..., Any], Callable[[News, Any, Any], None]] = {
    submit: _submitted,
    steps.submit_steps: _begun_step,
    jobs.requeue_jobs: _requeued,
    end_jobs: _ended,
    deliveries.add_interim_events: _interim_event_added,
    deliveries.begin_round: _begun,
    record_attempts: _recorded,
    deliveries.release_deliveries: _released,
    deliveries.rescue_deliveries: _owed,
    endpoints.add_endpoint_events: _owed,
    bulk_operations.step_bulk_operations: _owed,
}
