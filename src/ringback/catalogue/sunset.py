"""A model's sunset: announced in headers, and answered with 410 from its date on. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from datetime import date as Day
from email.utils import format_datetime
from typing import Annotated

from msgspec import Meta, Struct

from ringback.clock import to_ms
from ringback.errors import ModelUnavailable

Url = Annotated[str, Meta(pattern="^https?://[!-~]+$", max_length=500)]
ModelId = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){2,3}$")]


class Sunset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The date on which a model ends, the date of the announcement, and the replacement.

    The model is unavailable from the first moment of ``date`` in UTC; ``since`` is omitted for
    retired models. ``replacement`` is another model's id with its kind; ``migration_url`` is a
    page with advice.
    """

    date: Day
    since: Day | None = None
    replacement: ModelId | None = None
    migration_url: Url | None = None

    @property
    def begins_at(self) -> int:
        """The first moment without the model, in milliseconds since 1970 UTC."""
        return to_ms(midnight(self.date))

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers of responses before that date: RFC 9745, RFC 8594 and links."""
        links = []
        if self.migration_url is not None:
            links.append(f'<{self.migration_url.replace(">", "%3E")}>; rel="sunset"')
        if self.replacement is not None:
            links.append(f'</generate/{self.replacement}>; rel="successor-version"')
        headers = [
            (b"deprecation", b"@%d" % (to_ms(midnight(self.since or self.date)) // 1000)),
            (b"sunset", format_datetime(midnight(self.date), usegmt=True).encode()),
        ]
        if links:
            headers.append((b"link", ", ".join(links).encode()))
        return tuple(headers)

    def unavailable(self, model: str) -> ModelUnavailable:
        """Return the error for a submission after the end."""
        return ModelUnavailable(
            model,
            sunset_date=self.date.isoformat(),
            replacement=self.replacement,
            migration_url=self.migration_url,
        )


def midnight(day: Day) -> datetime:
    """Return the first moment of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
