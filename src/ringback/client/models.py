"""What servers say, as frozen structs that tolerate members they do not know."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

TERMINAL_STATUSES = frozenset({"completed", "failed", "cancelled"})

T = TypeVar("T")


class JobDocument(Struct, frozen=True, kw_only=True):
    """A job, as its server describes it in answers and webhooks.

    ``status`` is a string and not an enum: a server may know states that this library does not,
    and each of them is pending unless it is one of the three terminal ones.
    """

    job_id: str
    status: str
    created_at: datetime | None = None
    completed_at: datetime | None = None
    result: dict[str, Any] | None = None
    type: str | None = None
    engine: str | None = None
    model: str | None = None
    progress: float | None = None
    run: dict[str, Any] | None = None  # of a node app's step: the run's job_id, and the step
    steps: tuple[dict[str, Any], ...] | None = None  # of a node app's run, where each stands

    @property
    def is_terminal(self) -> bool:
        """Say whether the job has ended."""
        return self.status in TERMINAL_STATUSES

    @property
    def urls(self) -> tuple[str, ...]:
        """Return where the results are: none before there are any, or after a failure."""
        found = (self.result or {}).get("urls")
        if isinstance(found, dict):  # a node app names its outputs
            found = list(found.values())
        return (
            tuple(url for url in found if isinstance(url, str)) if isinstance(found, list) else ()
        )

    @property
    def error(self) -> str | None:
        """Return why the job failed or was cancelled, in a sentence; None for any other."""
        found = (self.result or {}).get("error")
        return found if isinstance(found, str) else None

    @property
    def outputs(self) -> dict[str, Any]:
        """Return what a node app's run gave, by its names; empty for any other job."""
        found = (self.result or {}).get("outputs")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def style_id(self) -> str | None:
        """Return the style that a training made."""
        found = (self.result or {}).get("style_id")
        return found if isinstance(found, str) else None


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some items, and where the next page begins; ``next_cursor`` is None after the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Model(Struct, frozen=True, kw_only=True):
    """A model that a server offers."""

    id: str
    kind: str
    path: str = ""
    title: str | None = None
    description: str | None = None
    engine: str | None = None
    compute_units: float | None = None
    average_completion_s: float | None = None
    sunset_date: str | None = None
    replacement: str | None = None
    parameters: dict[str, Any] = {}


class UsageItem(Struct, frozen=True, kw_only=True):
    """What was completed and what it cost, told apart as it was asked for."""

    jobs: int
    compute_units: float
    day: str | None = None
    model: str | None = None
    token_id: str | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """What the workspace, or one of its tokens, may spend."""

    compute_units: float
    spent: float
    left: float
    period: str
    token_id: str | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """What a workspace has spent, and its budgets."""

    items: tuple[UsageItem, ...]
    total: UsageItem
    budgets: tuple[Budget, ...] = ()


class Asset(Struct, frozen=True, kw_only=True):
    """A file that was uploaded, for jobs to use."""

    id: str
    image_url: str
    uploaded_at: datetime | None = None
    width: float | None = None
    height: float | None = None
    size_bytes: float | None = None
    mime_type: str | None = None
    description: str | None = None
    metadata: Any = None


class Style(Struct, frozen=True, kw_only=True):
    """A style that was trained."""

    id: str
    title: str | None = None
    urls: tuple[str, ...] = ()
    public: bool = False
    cover_url: str | None = None
    prompt: str | None = None
    models: tuple[str, ...] = ()
    owner: dict[str, Any] | None = None
    like_count: float = 0
    created_at: datetime | None = None


class ShareLink(Struct, frozen=True, kw_only=True):
    """Where a style can be looked at by whoever knows the link."""

    share_link: str
    is_new: bool = False


class NodeApp(Struct, frozen=True, kw_only=True):
    """A version of a node app: what it is, and what it takes."""

    id: str
    name: str = ""
    slug: str = ""
    description: str = ""
    version: float | None = None
    version_id: str | None = None
    last_version_id: str | None = None
    updated_at: datetime | None = None
    input_openapi_schema: dict[str, Any] | None = None
    output_openapi_schema: dict[str, Any] | None = None
    definition: dict[str, Any] | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """A webhook that is owed or was brought, and how that went."""

    delivery_id: str
    status: str
    job_id: str | None = None
    event: str | None = None
    url: str | None = None
    endpoint_id: str | None = None
    destination: str | None = None
    reason: str | None = None
    attempts_count: int = 0
    created_at: datetime | None = None
    next_attempt_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: tuple[dict[str, Any], ...] = ()


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a delivery is where it is, in sentences and in codes."""

    sentences: tuple[str, ...]
    codes: tuple[str, ...] = ()
    moves_at: datetime | None = None


class Chore(Struct, frozen=True, kw_only=True):
    """A piece of work on many deliveries, and how far it is."""

    id: str
    status: str
    progress: float = 0.0
    done: int = 0


class Endpoint(Struct, frozen=True, kw_only=True):
    """A URL that is told of every job of a workspace; ``secret`` is shown once."""

    id: str
    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    disabled: bool = False
    disabled_reason: str | None = None
    secret: str | None = None
    listener: str | None = None  # its name, if its deliveries are taken by a program


class HandedDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that a listener was handed: what it is to post, signed as the server signs it."""

    delivery_id: str
    epoch: int
    event: str
    attempt: int
    webhook_timestamp: int
    timeout_s: float  # for the post, from the first byte to the last
    headers: tuple[tuple[str, str], ...]
    body: str
    body_encoding: str = "utf-8"
    job_id: str | None = None
    copies: int = 1  # more in the fault lab alone
    at_once: bool = False

    @property
    def content(self) -> bytes:
        """Return the body's bytes."""
        return b64decode(self.body) if self.body_encoding == "base64" else self.body.encode()


class LocalAnswer(Struct, frozen=True, kw_only=True):
    """What a receiver answered to a delivery, or why it did not: ``reason``, as in the log."""

    status_code: int | None = None
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    duration_ms: float = 0.0
    first_byte_ms: float | None = None
    detail: str = ""  # for the person who looks on; it is not reported

    @property
    def is_good(self) -> bool:
        """Say whether it delivers: it is a whole 2xx."""
        return self.reason is None and self.status_code is not None and self.status_code < 300

    @property
    def is_whole(self) -> bool:
        """Say whether an answer came, whatever its status says."""
        return self.reason in (None, "status", "redirect")


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened, as the feed tells it; ``body`` is what webhooks of it carry."""

    cursor: str
    event_id: str
    type: str
    job_id: str | None = None
    created_at: datetime | None = None
    webhook_ids: tuple[str, ...] = ()
    body: str = ""

    @property
    def job(self) -> JobDocument:
        """Return the job that it happened to; ``msgspec.ValidationError`` if there is none."""
        return job_document(self.body)


def job_document(body: bytes | str) -> JobDocument:
    """Return the job that a body of JSON describes; ``msgspec.ValidationError`` if it is none."""
    return msgspec.json.decode(body, type=JobDocument)
