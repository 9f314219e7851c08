"""The documents of servers, as frozen structs that ignore unknown members."""

from __future__ import annotations

from base64 import b64decode
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from ringback.wire.answer_files import data_url, files_in
from ringback.wire.answer_reasons import reason_in
from ringback.wire.names import SentStatus

TERMINAL_STATUSES = frozenset({"completed", "failed", "cancelled"})

T = TypeVar("T")


class JobDocument(Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """A job, as its server describes it in responses and webhooks.

    Type checkers know the nine values of ``status``. A server may use a status that this library
    does not know, and it is kept. Every status is pending except the three terminal ones.
    """

    job_id: str
    status: SentStatus
    created_at: datetime | None = None
    completed_at: datetime | None = None
    result: dict[str, Any] | None = None
    type: str | None = None
    engine: str | None = None
    model: str | None = None
    progress: float | None = None
    run: dict[str, Any] | None = None  # of a node app's step: the run's job_id, and the step
    steps: tuple[dict[str, Any], ...] | None = None  # of a node app's run: the state of each
    _error: Any = field(name="error", default=None)  # where other servers have a reason

    @property
    def is_terminal(self) -> bool:
        """Return whether the job has ended."""
        return self.status in TERMINAL_STATUSES

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the results; empty before the end and after a failure.

        A file that the server has put into its answer is a ``data:`` URL (RFC 2397).
        """
        result = self.result or {}
        files = files_in(result.get("urls"), is_list_of_urls=True) or files_in(result)
        return tuple(file.url or data_url(file) for file in files)

    @property
    def error(self) -> str | None:
        """Return the reason of a failure or cancellation in a sentence, or None."""
        result = self.result or {}
        found = reason_in(result.get("error")) or reason_in(self._error)
        if not found and self.status in ("failed", "cancelled"):
            found = reason_in(result)
        return found or None

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences about files that are missing or of a type the server does not know."""
        found = (self.result or {}).get("notes")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    @property
    def outputs(self) -> dict[str, Any]:
        """Return the outputs of a node app's run by name; empty for any other job."""
        found = (self.result or {}).get("outputs")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def style_id(self) -> str | None:
        """Return the id of the style that a training made."""
        found = (self.result or {}).get("style_id")
        return found if isinstance(found, str) else None


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A page of items; ``next_cursor`` begins the next page and is None after the last."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Model(Struct, frozen=True, kw_only=True):
    """A model that a server offers."""

    id: str
    kind: str
    path: str = ""
    type: str | None = None
    title: str | None = None
    description: str | None = None
    engine: str | None = None
    compute_units: float | None = None
    average_completion_s: float | None = None
    sunset_date: str | None = None
    replacement: str | None = None
    parameters: dict[str, Any] = {}


class UsageItem(Struct, frozen=True, kw_only=True):
    """A number of completed jobs and their cost, split by the requested group."""

    jobs: int
    compute_units: float
    day: str | None = None
    model: str | None = None
    token_id: str | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """The spending limit of a workspace or of one of its tokens."""

    compute_units: float
    spent: float
    left: float
    period: str
    token_id: str | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """The usage of a workspace, and its budgets."""

    first_day: date | None = field(name="from", default=None)
    last_day: date | None = field(name="to", default=None)
    group: tuple[str, ...] = ()
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
    """A link to a style; knowing it is enough to use the style."""

    share_link: str
    is_new: bool = False


class NodeApp(Struct, frozen=True, kw_only=True):
    """A version of a node app, with its inputs and outputs."""

    id: str
    name: str = ""
    slug: str = ""
    description: str = ""
    version: float | None = None
    version_id: str | None = None
    last_version_id: str | None = None
    author_id: str | None = None
    workspace_id: str | None = None
    username: str | None = None
    scope: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version_created_at: datetime | None = None
    example_outputs: tuple[str, ...] | None = None
    input_key_mapping: dict[str, str] = {}
    output_key_mapping: dict[str, str] = {}
    input_openapi_schema: dict[str, Any] | None = None
    output_openapi_schema: dict[str, Any] | None = None
    definition: dict[str, Any] | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """The delivery of an event to a webhook URL, with its state."""

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
    body: str | None = None
    attempts: tuple[dict[str, Any], ...] = ()


class Explanation(Struct, frozen=True, kw_only=True):
    """The reasons for a delivery's state, in sentences and in codes."""

    sentences: tuple[str, ...]
    delivery_id: str | None = None
    codes: tuple[str, ...] = ()
    moves_at: datetime | None = None


class BulkOperation(Struct, frozen=True, kw_only=True):
    """Work on many deliveries, with its progress."""

    bulk_operation_id: str
    status: str
    kind: str | None = None
    progress: float = 0.0
    done: int = 0
    rate: int | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """A URL that gets the events of every job of a workspace; ``secret`` is shown once."""

    endpoint_id: str
    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    disabled: bool = False
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    headers: dict[str, str] = {}  # their values are not shown
    schedule_s: tuple[float, ...] | None = None  # None: the server's
    created_at: datetime | None = None
    failing_since: datetime | None = None
    missed: dict[str, Any] | None = None
    public_keys: tuple[str, ...] = ()
    heard_at: datetime | None = (
        None  # of a listener: the last time at which its program was connected
    )
    secret: str | None = None
    listener: str | None = None  # the name of a listener


class HandedDelivery(Struct, frozen=True, kw_only=True):
    """A delivery that was handed out to a listener: the signed request that it has to post."""

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
    copies: int = 1  # only the fault lab sends more
    at_once: bool = False

    @property
    def content(self) -> bytes:
        """Return the body's bytes."""
        return b64decode(self.body) if self.body_encoding == "base64" else self.body.encode()


class LocalAnswer(Struct, frozen=True, kw_only=True):
    """A receiver's answer to a delivery; without one, ``reason`` has the log's code for it."""

    status_code: int | None = None
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    duration_ms: float = 0.0
    first_byte_ms: float | None = None
    detail: str = ""  # for the terminal; it is not reported

    @property
    def is_good(self) -> bool:
        """Return whether the answer is a complete 2xx, which delivers."""
        return self.reason is None and self.status_code is not None and self.status_code < 300

    @property
    def is_whole(self) -> bool:
        """Return whether a complete answer came, with any status."""
        return self.reason in (None, "status", "redirect")


class Event(Struct, frozen=True, kw_only=True):
    """An event of the feed; ``body`` is the body of its webhooks."""

    cursor: str
    event_id: str
    type: str
    job_id: str | None = None
    created_at: datetime | None = None
    webhook_ids: tuple[str, ...] = ()
    body: str = ""

    @property
    def job(self) -> JobDocument:
        """Return the event's job; raises ``msgspec.ValidationError`` if there is none."""
        return job_document(self.body)


def job_document(body: bytes | str) -> JobDocument:
    """Return the job of a JSON body; raises ``msgspec.ValidationError`` if it has none."""
    return msgspec.json.decode(body, type=JobDocument)
