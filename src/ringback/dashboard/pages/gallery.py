"""The gallery of jobs: filtered, in pages, and kept up to date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.types import ASGIApp

from ringback.catalogue.catalogue import Catalogue
from ringback.clock import Clock, to_ms
from ringback.dashboard.live_updates import LivePages
from ringback.dashboard.page_request import PageRequest
from ringback.dashboard.presenters.job_cards import card_frames, card_of
from ringback.dashboard.presenters.search import JobSearch, find
from ringback.errors import FieldError, InvalidRequest, ModelNotFound, ModelUnavailable
from ringback.http.pagination import before_id, cursor_after
from ringback.http.query_params import one_of
from ringback.jobs.model import JobStatus
from ringback.service import JobService

PAGE = 48
TEXT_LENGTH_MAX = 200
SINCE_S = {"15m": 900, "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FILTERS = ("text", "status", "model", "since", "day")


class GalleryViews:
    """The gallery and its event stream."""

    def __init__(
        self,
        service: JobService,
        catalogue: Catalogue,
        clock: Clock,
        live: LivePages,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._clock = clock
        self._live = live
        self._models = sorted((f"{model.kind}/{model.id}", model.title) for model in catalogue)

    async def gallery(self, request: PageRequest) -> ASGIApp:
        """Show a page of jobs, newest first."""
        query = request.query
        cursor = query.get("cursor")
        found = await find(
            self._service,
            self._clock,
            self._search(query, now_ms=request.now_ms),
            workspace_id=request.workspace_id,
            before_id=None if cursor is None else before_id(cursor),
            limit=PAGE,
        )
        filters = {name: query[name] for name in _FILTERS if name in query}
        next_query = None
        if found.before_id is not None:
            next_query = urlencode({**filters, "cursor": cursor_after(found.before_id)})
        return request.page(
            "jobs.html",
            cards=[card_of(job) for job in found.jobs],
            filters=filters,
            searched_back_to_ms=found.searched_back_to_ms,
            next_path=next_query and f"/ui/jobs?{next_query}",
            is_first=cursor is None,
            statuses=list(JobStatus),
            models=self._models,
            since=list(SINCE_S),
        )

    async def stream(self, request: PageRequest) -> ASGIApp:
        """Stream the cards of jobs that change while the page is open."""
        frames = card_frames(self._live, self._service, request)
        return self._live.open(request.workspace_id, frames)

    def _search(self, query: Mapping[str, str], *, now_ms: int) -> JobSearch:
        text = query.get("text", "").strip()
        if len(text) > TEXT_LENGTH_MAX:
            raise _invalid("text", f"may have {TEXT_LENGTH_MAX} characters at most")
        kind, _, model_id = query.get("model", "").partition("/")
        type_name = ""
        if model_id:
            try:
                type_name = self._catalogue.find(kind, model_id).type
            except (ModelNotFound, ModelUnavailable) as exc:
                raise _invalid("model", "must be a model of the catalogue") from exc
        since = query.get("since")
        if since is not None and since not in SINCE_S:
            raise _invalid("since", f"must be one of {', '.join(SINCE_S)}")
        return JobSearch(
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
    raise _invalid("day", "must be a date like 2027-01-15")


def _invalid(name: str, requirement: str) -> InvalidRequest:
    sentence = f"{name} {requirement}."
    return InvalidRequest(sentence, [FieldError(f"query:{name}", sentence)])
