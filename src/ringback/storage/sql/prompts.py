"""The index of prompts: written behind the jobs, read a window at a time."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ringback.ids import uuid7_floor
from ringback.jobs.prompts import grams_asked, grams_of, prompt_of
from ringback.jobs.queue import Looked, PromptSearch
from ringback.storage.sql.base import SqlBase
from ringback.storage.sql.rows import input_of, job_from
from ringback.storage.sql.work import Work

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class Step(Struct, frozen=True, kw_only=True):
    """How many jobs to index, and before which."""

    until_id: str
    limit: int


class SqlPrompts(SqlBase):
    """``Prompts``."""

    async def index_prompts(self, *, before_ms: int, limit: int) -> int:
        """Index the next jobs that were made before then; returns how many."""
        step = Step(until_id=uuid7_floor(before_ms), limit=limit)
        count: int = await self._call(index_prompts, step)
        return count

    async def search_prompts(self, search: PromptSearch) -> Looked | None:
        """Return what the index has of a text, or None where it has nothing to say."""
        return await self._look(lambda: search_prompts(search))


def index_prompts(items: Sequence[Step]) -> Work[list[int]]:
    """Write the grams of the jobs behind the place that was come to, and the new place."""
    counts = []
    for item in items:
        yield "search.step_back", {"until_id": item.until_id}
        ((place,),) = yield "search.place", {}
        asked = {"place": place, "until_id": item.until_id, "limit": item.limit}
        jobs = yield "search.next", asked
        found = [(key, _grams(workspace_id, values)) for key, _, workspace_id, values in jobs]
        if rows := [row for row in found if row[1]]:
            yield "search.add", {"rows": rows}
        if jobs:
            yield "search.keep_place", {"place": jobs[-1][0]}
        counts.append(len(jobs))
    return counts


def search_prompts(search: PromptSearch) -> Work[Looked | None]:
    """Look through the next window of a workspace's jobs."""
    before_id = search.before_id or _ID_AFTER_ALL
    bounds = {"workspace_id": search.workspace_id, "before_id": before_id}
    asked = {**bounds, "window": search.window}
    ((count, first_id, first_seq, last_seq, is_indexed),) = yield "search.window", asked
    if not count:
        return Looked(jobs=(), before_id=None)
    grams = grams_asked(search.text, workspace_id=search.workspace_id)
    if not (is_indexed and grams):
        return None
    places = {"first_id": first_id, "first_seq": first_seq, "last_seq": last_seq}
    asked = {**bounds, **places, "grams": grams, "match": _match(grams), "limit": search.limit}
    jobs = tuple(job_from(row) for row in (yield "search.hits", asked))
    if len(jobs) == search.limit:
        return Looked(jobs=jobs, before_id=jobs[-1].job_id)
    return Looked(jobs=jobs, before_id=first_id if count == search.window else None)


def _grams(workspace_id: str, values: str) -> str:
    grams = grams_of(prompt_of(input_of(values)), workspace_id=workspace_id)
    return ",".join(map(str, grams))


def _match(grams: list[int]) -> str:
    """Return the grams as SQLite's index is asked for them: all must be there."""
    return " AND ".join(map(str, grams))
