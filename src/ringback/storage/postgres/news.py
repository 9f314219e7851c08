"""What other processes are to be told of what was committed here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from ringback.jobs.model import Job, JobStatus
from ringback.storage.sql import (
    chore_verbs,
    delivery_verbs,
    endpoint_verbs,
    job_verbs,
    step_verbs,
)
from ringback.storage.sql.work import Verb
from ringback.webhooks.endpoints import is_listener
from ringback.webhooks.model import Delivery

PAYLOAD_BYTES_MAX = 7_900  # of the 8,000 that a notification may have


@dataclass(slots=True)
class News:
    """Which bells are to be rung elsewhere."""

    queued: bool = False
    owed: bool = False
    ended: set[str] = field(default_factory=set)  # jobs
    told: set[str] = field(default_factory=set)  # workspaces
    hooked: set[str] = field(default_factory=set)  # jobs; told apart, see the telegraph

    def __bool__(self) -> bool:
        return self.is_of_writes or bool(self.hooked)

    @property
    def is_of_writes(self) -> bool:
        """Say whether something was committed that others are to be told of."""
        return self.queued or self.owed or bool(self.ended) or bool(self.told)

    def add(self, other: News) -> None:
        """Take other news in."""
        self.queued |= other.queued
        self.owed |= other.owed
        self.ended |= other.ended
        self.told |= other.told
        self.hooked |= other.hooked


def news_of(verb: Verb, items: Sequence[Any], results: Sequence[Any]) -> News:
    """Return what a committed verb is news of."""
    news = News()
    tell = _TELLS.get(verb.func if isinstance(verb, partial) else verb)
    if tell is not None:
        for item, result in zip(items, results, strict=True):
            tell(news, item, result)
    return news


def telegrams(sender: str, news: News) -> list[str]:
    """Return the news as texts that a notification can carry, mostly one."""
    text = msgspec.json.encode(
        (sender, news.queued, news.owed, sorted(news.ended), sorted(news.told))
    ).decode()
    if len(text.encode()) <= PAYLOAD_BYTES_MAX:
        return [text]
    ended, told = sorted(news.ended), sorted(news.told)
    a, b = len(ended) // 2, len(told) // 2
    halves = (
        News(news.queued, news.owed, set(ended[:a]), set(told[:b])),
        News(ended=set(ended[a:]), told=set(told[b:])),
    )
    return [text for half in halves for text in telegrams(sender, half)]


def read_telegram(text: str) -> tuple[str, News]:
    """Return who sent a telegram, and its news."""
    sender, queued, owed, ended, told = msgspec.json.decode(
        text, type=tuple[str, bool, bool, list[str], list[str]]
    )
    return sender, News(queued, owed, set(ended), set(told))


def _submitted(news: News, _item: Any, result: Any) -> None:
    news.queued |= not isinstance(result, Exception) and result.job.status is JobStatus.QUEUED


def _begun_step(news: News, _item: Any, result: Any) -> None:
    news.queued |= isinstance(result, Job)


def _requeued(news: News, _item: Any, result: Any) -> None:
    news.queued |= result


def _ended(news: News, item: Any, result: Any) -> None:
    if result:
        news.queued = news.owed = True  # it made room, and owes
        news.ended.add(item.after.job_id)
        news.told.add(item.after.workspace_id)


def _told(news: News, item: Any, result: Any) -> None:
    if result:
        news.owed = True
        news.told.add(item[0].workspace_id)


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
    """Wake the listener's programs: there is something for them, or room for more."""
    if is_listener(delivery.url):
        news.told.add(delivery.workspace_id)


_TELLS: dict[Callable[..., Any], Callable[[News, Any, Any], None]] = {
    job_verbs.submit: _submitted,
    step_verbs.submit_steps: _begun_step,
    job_verbs.requeue_jobs: _requeued,
    job_verbs.end_jobs: _ended,
    delivery_verbs.tell: _told,
    delivery_verbs.begin_rounds: _begun,
    delivery_verbs.record_attempts: _recorded,
    delivery_verbs.release_deliveries: _released,
    delivery_verbs.rescue_deliveries: _owed,
    endpoint_verbs.owe: _owed,
    chore_verbs.step_chores: _owed,
}
