"""Styles on every store."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from ringback.jobs.model import Job, JobResult, JobStatus
from ringback.storage.contract import Store, Token
from ringback.styles.model import Member, Style, StyleChange, StyleFilter
from ringback.webhooks.outbox import Ending
from tests.builders import ROOMY, a_job, a_submission, an_event, open_workspaces

ANNA = Member(workspace_id="studio", token_id="t-anna", member_id="anna")
BEN = Member(workspace_id="studio", token_id="t-ben", member_id="ben")
RIVAL = Member(workspace_id="rival", token_id="t-rita", member_id="rita")


def a_style(number: int = 1, **changes: Any) -> Style:
    """A valid style of Anna's; the test names the fields that matter."""
    style = Style(
        style_id=f"01a20ed7-0000-7000-8000-{number:012d}",
        workspace_id="studio",
        owner_id="anna",
        token_id="t-anna",
        title="Ink",
        prompt="ink wash",
        model="flux_dev",
        type="Style",
        engine="sketch",
        artifact=f"learned{number}.json",
        previews=(f"one{number}.png", f"two{number}.png"),
        created_at_ms=1_800_000_000_000 + number,
    )
    return replace(style, **changes)


async def a_running_job(store: Store) -> Job:
    await store.submit(a_submission(a_job(kind="style", engine="sketch")))
    (job,) = await store.claim_jobs(
        engine="sketch", limit=1, worker_id="w", lease_until_ms=2_000_000_000_000
    )
    return job


def the_end_of(job: Job, style: Style | None) -> Ending:
    result = JobResult(style_id=None if style is None else style.style_id)
    status = JobStatus.COMPLETED
    after = replace(job, status=status, completed_at_ms=9, result=result, epoch=job.epoch + 1)
    return Ending(before=job, after=after, limits=ROOMY, event=an_event(job), style=style)


async def keep(store: Store, *styles: Style) -> None:
    """Keep styles in the one way that there is: with the ends of the jobs that trained them."""
    for style in styles:
        assert await store.end_job(the_end_of(await a_running_job(store), style))


async def keep_token(store: Store, member: Member) -> None:
    await open_workspaces(store, member.workspace_id)
    token = Token(
        token_id=member.token_id,
        workspace_id=member.workspace_id,
        digest=f"digest of {member.member_id}",
        hint="rb_x",
        created_at_ms=1,
    )
    await store.add_token(token)


def selection(member: Member, **changes: Any) -> StyleFilter:
    return replace(StyleFilter(member=member, limit=9), **changes)


async def ids_of(store: Store, member: Member, **changes: Any) -> list[str]:
    return [style.style_id for style in await store.list_styles(selection(member, **changes))]


async def test_a_style_is_kept_with_the_end_of_its_job_as_it_was_given(store: Store) -> None:
    await keep_token(store, ANNA)
    style = a_style(title="Tusche ü\n", urls=("https://x.example/a.png",), share_id="shr_1")
    assert await store.find_style(style.style_id) is None
    await keep(store, style)
    assert await store.find_style(style.style_id) == style
    assert await store.find_style("shr_1") == style
    assert await store.find_style("\0") is None


async def test_an_end_that_comes_too_late_keeps_no_style(store: Store) -> None:
    job = await a_running_job(store)
    first, second = a_style(1), a_style(2)
    assert await store.end_job(the_end_of(job, first)) is True
    assert await store.end_job(the_end_of(job, second)) is False
    assert await store.find_style(first.style_id) is not None
    assert await store.find_style(second.style_id) is None


async def test_of_two_ends_at_once_one_keeps_its_style(store: Store) -> None:
    job = await a_running_job(store)
    ends = [the_end_of(job, a_style(number)) for number in (1, 2)]
    assert sorted(await asyncio.gather(*(store.end_job(end) for end in ends))) == [False, True]
    assert len(await store.find_styles([a_style(1).style_id, a_style(2).style_id])) == 1


async def test_styles_are_listed_newest_first_and_below_an_id(store: Store) -> None:
    await keep_token(store, ANNA)
    made = [a_style(number) for number in (1, 2, 3)]
    await keep(store, *made)
    assert await store.list_styles(selection(ANNA, limit=2)) == [made[2], made[1]]
    assert await ids_of(store, ANNA, before_id=made[1].style_id) == [made[0].style_id]


async def test_a_list_has_what_a_member_may_see_and_no_more(store: Store) -> None:
    await keep_token(store, ANNA)
    await keep_token(store, RIVAL)
    private, shared, public = a_style(1), a_style(2, shared=True), a_style(3, public=True)
    linked = a_style(4, share_id="shr_4")
    theirs = a_style(5, workspace_id="rival", owner_id="rita", token_id="t-rita", shared=True)
    await keep(store, private, shared, public, linked, theirs)
    names = {private: "private", shared: "shared", public: "public", linked: "linked"}
    named = {style.style_id: name for style, name in names.items()} | {theirs.style_id: "theirs"}

    async def seen(member: Member, **changes: Any) -> list[str]:
        return [named[style_id] for style_id in await ids_of(store, member, **changes)]

    assert await seen(ANNA) == ["linked", "public", "shared", "private"]
    assert await seen(BEN) == ["public", "shared"]
    assert await seen(RIVAL) == ["theirs", "public"]
    assert await seen(ANNA, shared=False, public=False) == await seen(ANNA)
    assert await seen(BEN, shared=False, public=False) == []
    assert await seen(BEN, own=False, public=False) == ["shared"]
    assert await seen(RIVAL, own=False, shared=False) == ["public"]


async def test_a_list_is_narrowed_by_ids_owner_model_and_liking(store: Store) -> None:
    await keep_token(store, ANNA)
    first = a_style(1, model="wan")
    second = a_style(2, owner_id="ben", token_id="t-ben", shared=True)
    await keep(store, first, second)
    await store.like_style(second.style_id, ANNA)
    assert await ids_of(store, ANNA, ids=(first.style_id, "no-such")) == [first.style_id]
    assert await ids_of(store, ANNA, ids=()) == []
    assert await ids_of(store, ANNA, owner_id="ben") == [second.style_id]
    assert await ids_of(store, ANNA, model="wan") == [first.style_id]
    assert await ids_of(store, ANNA, liked=True) == [second.style_id]
    assert await ids_of(store, BEN, liked=True) == []


async def test_a_token_that_is_revoked_leaves_its_styles_to_its_workspace(store: Store) -> None:
    await keep_token(store, ANNA)
    await keep(store, a_style())
    assert await ids_of(store, BEN) == []
    await store.revoke_token("t-anna", now_ms=2)
    (left,) = await store.list_styles(selection(BEN))
    assert left.orphaned
    assert await ids_of(store, RIVAL) == []


async def test_a_style_is_changed_where_it_may_be(store: Store) -> None:
    await keep_token(store, ANNA)
    style = a_style()
    await keep(store, style)
    change = StyleChange(title="Wash", urls=(), cover_url="https://x.example/c", public=True)
    assert await store.change_style(style.style_id, change) is True
    assert await store.find_style(style.style_id) == replace(
        style, title="Wash", urls=(), cover_url="https://x.example/c", public=True
    )
    assert await store.change_style(a_style(2).style_id, change) is False


async def test_changes_at_once_do_not_undo_each_other(store: Store) -> None:
    await keep_token(store, ANNA)
    style = a_style(shared=True)
    await keep(store, style)
    await asyncio.gather(
        store.change_style(style.style_id, StyleChange(title="Wash")),
        store.change_style(style.style_id, StyleChange(shared=False)),
    )
    assert await store.find_style(style.style_id) == replace(style, title="Wash", shared=False)


async def test_a_link_is_opened_once_until_it_is_closed(store: Store) -> None:
    style = a_style()
    await keep(store, style)
    opened = await asyncio.gather(
        *(store.open_link(style.style_id, f"shr_{number}") for number in range(4))
    )
    assert opened.count(True) == 1
    winner = f"shr_{opened.index(True)}"
    found = await store.find_style(winner)
    assert found is not None
    assert found.share_id == winner
    assert await store.close_link(style.style_id) is True
    assert await store.close_link(style.style_id) is False
    assert await store.find_style(winner) is None
    assert await store.open_link(a_style(2).style_id, "shr_9") is False


async def test_each_member_likes_a_style_once(store: Store) -> None:
    style = a_style()
    await keep(store, style)

    async def likes() -> int:
        found = await store.find_style(style.style_id)
        return -1 if found is None else found.likes_count

    for member in (ANNA, ANNA, BEN):
        await store.like_style(style.style_id, member)
    assert await likes() == 2
    await store.unlike_style(style.style_id, ANNA)
    await store.unlike_style(style.style_id, RIVAL)
    assert await likes() == 1
    await store.like_style("no-such-style", ANNA)


async def test_a_deleted_style_is_gone_and_so_is_who_liked_it(store: Store) -> None:
    style = a_style()
    await keep(store, style)
    await store.like_style(style.style_id, ANNA)
    assert await store.delete_style(style.style_id) is True
    assert await store.delete_style(style.style_id) is False
    assert await store.find_style(style.style_id) is None
    await keep(store, style)
    found = await store.find_style(style.style_id)
    assert found is not None
    assert found.likes_count == 0
