"""Jobs: the gallery, filtered, page by page, and live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.types import ASGIApp

from ringback.api.cursors import before_id, cursor_after
from ringback.api.queries import one_of
from ringback.api.streams import Streams
from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock, to_ms
from ringback.dashboard.live import Watches
from ringback.dashboard.search import Wanted, find
from ringback.dashboard.tiles import tile_frames, tile_of
from ringback.dashboard.visit import Visit
from ringback.errors import FieldError, InvalidRequest, ModelNotFound
from ringback.jobs.model import JobStatus
from ringback.service import Service

PAGE = 48
TEXT_LENGTH_MAX = 200
SINCE_S = {"15m": 900, "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FILTERS = ("text", "status", "model", "since", "day")


class GalleryViews:
    """The pages of many jobs."""

    def __init__(
        self,
        service: Service,
        catalogue: Catalogue,
        clock: Clock,
        watches: Watches,
        streams: Streams,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._clock = clock
        self._watches = watches
        self._streams = streams
        self._models = sorted((f"{model.kind}/{model.id}", model.title) for model in catalogue)

    async def gallery(self, visit: Visit) -> ASGIApp:
        """Show a page of jobs, newest first."""
        query = visit.query
        cursor = query.get("cursor")
        found = await find(
            self._service,
            self._clock,
            self._wanted(query, now_ms=visit.now_ms),
            workspace_id=visit.workspace_id,
            before_id=None if cursor is None else before_id(cursor),
            limit=PAGE,
        )
        filters = {name: query[name] for name in _FILTERS if name in query}
        next_query = None
        if found.before_id is not None:
            next_query = urlencode({**filters, "cursor": cursor_after(found.before_id)})
        return visit.page(
            "jobs.html",
            tiles=[tile_of(job) for job in found.jobs],
            filters=filters,
            looked_back_to_ms=found.looked_back_to_ms,
            next_path=next_query and f"/ui/jobs?{next_query}",
            is_first=cursor is None,
            statuses=list(JobStatus),
            models=self._models,
            since=list(SINCE_S),
        )

    async def stream(self, visit: Visit) -> ASGIApp:
        """Send the tiles that change, for as long as the page is open."""
        frames = tile_frames(self._watches, self._service, visit)
        return self._streams.open(visit.workspace_id, frames)

    def _wanted(self, query: Mapping[str, str], *, now_ms: int) -> Wanted:
        text = query.get("text", "").strip()
        if len(text) > TEXT_LENGTH_MAX:
            raise _wrong("text", f"may have {TEXT_LENGTH_MAX} characters at most")
        kind, _, model_id = query.get("model", "").partition("/")
        type_name = ""
        if model_id:
            try:
                type_name = self._catalogue.find(kind, model_id).type
            except ModelNotFound as exc:
                raise _wrong("model", "must be a model of the catalogue") from exc
        since = query.get("since")
        if since is not None and since not in SINCE_S:
            raise _wrong("since", f"must be one of {', '.join(SINCE_S)}")
        return Wanted(
            text=text,
            kind=kind,
            model=model_id,
            type=type_name,
            status=one_of(query, "status", JobStatus),
            since_ms=None if since is None else now_ms - SINCE_S[since] * 1000,
            before_ms=_end_of_day_ms(query.get("day")),
        )


def _end_of_day_ms(day: str | None) -> int | None:
    if day is None:
        return None
    with suppress(ValueError):
        if _DAY.fullmatch(day):
            return to_ms(datetime.fromisoformat(day).replace(tzinfo=UTC)) + 86_400_000
    raise _wrong("day", "must be a date like 2027-01-15")


def _wrong(name: str, what: str) -> InvalidRequest:
    sentence = f"{name} {what}."
    return InvalidRequest(sentence, [FieldError(f"query:{name}", sentence)])
