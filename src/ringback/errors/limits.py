"""Limits of a workspace: spent budgets (402), stored items (409) and rates (429)."""

from __future__ import annotations

from ringback.errors.base import CallerError


class BudgetSpent(CallerError):
    """The budget of the workspace or of the token is spent."""

    code = "budget_spent"

    def __init__(self, compute_units: float, *, whose: str, is_monthly: bool) -> None:
        each = " a month" if is_monthly else ""
        wait = " or wait for the next month (UTC)" if is_monthly else ""
        super().__init__(
            f"This {whose}'s budget of {compute_units:g} compute units{each} is spent; "
            f"ask the operator for more{wait}."
        )


class AssetsFull(CallerError):
    """The workspace's assets have reached their limit of bytes."""

    code = "assets_full"

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            f"This workspace's assets may have {bytes_max} bytes in all, and this file goes "
            "beyond that; delete some: DELETE /assets/{id}."
        )
        self.bytes_max = bytes_max


class BacklogFull(CallerError):
    """The workspace's queue limit is reached; ``retry_after_s`` says when to ask again."""

    code = "backlog_full"

    def __init__(self, backlog_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already has {backlog_max} jobs waiting, the most it may have; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class RateLimited(CallerError):
    """The workspace submits faster than it may; ``retry_after_s`` says when to ask again."""

    code = "rate_limited"

    def __init__(self, rate: float, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace may submit {rate:g} jobs a second and has just done so; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyStreams(CallerError):
    """The workspace has as many event streams open as it may; ``retry_after_s`` says when."""

    code = "too_many_streams"

    def __init__(self, streams_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already has {streams_max} event streams open, the most it may have; "
            f"close one, or try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyToolCalls(CallerError):
    """The workspace runs as many tools at once as it may; ``retry_after_s`` says when to go on."""

    code = "too_many_tool_calls"

    def __init__(self, calls_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already runs {calls_max} tools at once, the most it may; wait for "
            f"one to end, or try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyAttempts(CallerError):
    """Too many unknown tokens came from one address; ``retry_after_s`` says when to go on."""

    code = "too_many_attempts"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            f"Too many tokens were tried from here that open nothing; wait {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyUploads(CallerError):
    """The workspace has as many uploads at once as it may; ``retry_after_s`` says when."""

    code = "too_many_uploads"

    def __init__(self, uploads_max: int, *, retry_after_s: int) -> None:
        super().__init__(
            f"This workspace already sends {uploads_max} files, the most it may at once; "
            f"try again in {retry_after_s} s."
        )
        self.retry_after_s = retry_after_s


class TooManyApps(CallerError):
    """The workspace keeps as many versions of node apps as it may."""

    code = "too_many_apps"

    def __init__(self, versions_max: int) -> None:
        super().__init__(
            f"This workspace keeps {versions_max} versions of node apps, the most there may be; "
            "execute one of those, or push to another workspace."
        )


class TooManyBulkOperations(CallerError):
    """The workspace has as many bulk operations running as it may."""

    code = "too_many_bulk_operations"

    def __init__(self, bulk_operations_max: int) -> None:
        super().__init__(
            f"{bulk_operations_max} bulk operations of this workspace are running, "
            "the most there may be; wait for "
            "one to end, or stop one: DELETE /webhooks/bulk-operations/{id}."
        )
