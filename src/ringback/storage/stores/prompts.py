"""The index of prompts: written after the jobs, read a window at a time."""

from __future__ import annotations

from ringback.ids import uuid7_floor
from ringback.jobs.prompts import grams_of, prompt_of, query_grams
from ringback.jobs.store import PromptMatches, PromptSearch
from ringback.storage.mapping.rows import input_of, job_from
from ringback.storage.stores.base import SqlBase
from ringback.storage.transactions.work import TransactionScript, for_each

_ID_AFTER_ALL = "g"  # sorts after every hexadecimal digit


class SqlPrompts(SqlBase):
    """``Prompts``."""

    async def index_prompts(self, *, before_ms: int, limit: int) -> int:
        return await self._call(index_prompts, (uuid7_floor(before_ms), limit))

    async def search_prompts(self, search: PromptSearch) -> PromptMatches | None:
        return await self._snapshot(lambda: search_prompts(search))


@for_each
def index_prompts(until_id: str, limit: int) -> TransactionScript[int]:
    """Write the grams of the next jobs before an id, and the new position; return how many."""
    yield "search.step_back", {"until_id": until_id}
    ((position,),) = yield "search.place", {}
    jobs = yield "search.next", {"place": position, "until_id": until_id, "limit": limit}
    found = [(key, _grams(workspace_id, values)) for key, _, workspace_id, values in jobs]
    if rows := [row for row in found if row[1]]:
        yield "search.add", {"rows": rows}
    if jobs:
        yield "search.keep_place", {"place": jobs[-1][0]}
    return len(jobs)


def search_prompts(search: PromptSearch) -> TransactionScript[PromptMatches | None]:
    """Look through the next window of a workspace's jobs."""
    before_id = search.before_id or _ID_AFTER_ALL
    bounds = {"workspace_id": search.workspace_id, "before_id": before_id}
    bindings = {**bounds, "window": search.window}
    ((count, first_id, first_seq, last_seq, is_indexed),) = yield "search.window", bindings
    if not count:
        return PromptMatches(jobs=(), before_id=None)
    grams = query_grams(search.text, workspace_id=search.workspace_id)
    if not (is_indexed and grams):
        return None
    stretch = {"first_id": first_id, "first_seq": first_seq, "last_seq": last_seq}
    bindings = {**bounds, **stretch, "grams": grams, "match": _match(grams), "limit": search.limit}
    jobs = tuple(job_from(row) for row in (yield "search.hits", bindings))
    if len(jobs) == search.limit:
        return PromptMatches(jobs=jobs, before_id=jobs[-1].job_id)
    return PromptMatches(jobs=jobs, before_id=first_id if count == search.window else None)


def _grams(workspace_id: str, values: str) -> str:
    grams = grams_of(prompt_of(input_of(values)), workspace_id=workspace_id)
    return ",".join(map(str, grams))


def _match(grams: list[int]) -> str:
    """Return the grams as a query of SQLite's index that all of them match."""
    return " AND ".join(map(str, grams))
