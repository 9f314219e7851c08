"""What ``ringback keys`` does to the store; all of it may be done beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from ringback import log
from ringback.app.opening import open_store
from ringback.clock import SystemClock
from ringback.desks import key_desk
from ringback.errors import SetupError
from ringback.service.secrets import HMAC
from ringback.service.tokens import TokenDesk
from ringback.settings import Settings
from ringback.storage.contract import Store
from ringback.storage.sqlite.files import DATABASE
from ringback.webhooks.rotation import SIGNING_PER_KIND_MAX, workspace_owner
from ringback.wire.document import iso_time

Result = TypeVar("Result")

_BUSY_S = 6  # a little more than the database itself is patient
_GIVE_UP_S = 0.1


def create_token(settings: Settings, workspace: str) -> dict[str, str]:
    """Make a token, and its workspace if that is new; only this answer ever holds the token."""

    async def act(store: Store) -> dict[str, str]:
        keys = await key_desk(settings, store)
        token, text = await TokenDesk(store, keys, clock=SystemClock()).create(workspace)
        secret = (await keys.secrets_of(workspace_owner(workspace)))[0]
        return {
            "token_id": token.token_id,
            "workspace": workspace,
            "token": text,
            "secret": secret,
        }

    return with_store(settings, act)


def list_tokens(settings: Settings) -> list[dict[str, str | None]]:
    """Return what may be known of every token, oldest first."""
    check_holds_data(settings)
    return [
        {
            "token_id": token.token_id,
            "workspace": token.workspace_id,
            "hint": token.hint,
            "created_at": iso_time(token.created_at_ms),
            "revoked_at": None if token.revoked_at_ms is None else iso_time(token.revoked_at_ms),
        }
        for token in with_store(settings, lambda store: store.list_tokens())
    ]


def revoke_token(settings: Settings, token_id: str) -> dict[str, str]:
    """Make a token open nothing, or raise ``SetupError`` when none in force has that id."""
    check_holds_data(settings)
    now_ms = SystemClock().now_ms()
    if not with_store(settings, lambda store: store.revoke_token(token_id, now_ms=now_ms)):
        raise SetupError(
            f"No token in force has the id {token_id}; ringback keys list shows the ids."
        )
    return {"token_id": token_id, "revoked_at": iso_time(now_ms)}


def secret_of(settings: Settings, workspace: str, *, rotate: bool) -> dict[str, str]:
    """Return a workspace's signing secret, a new one if it is to be rotated."""
    check_holds_data(settings)

    async def act(store: Store) -> str | None:
        keys, owner = await key_desk(settings, store), workspace_owner(workspace)
        if await store.get_workspace(workspace) is None:
            return None
        if rotate:
            made = await keys.replace_key(
                owner,
                HMAC,
                overlap_s=settings.secret_overlap_s,
                others_max=SIGNING_PER_KIND_MAX - 1 if settings.secret_overlap_s else None,
            )
            if made is None:
                raise SetupError(
                    f"{SIGNING_PER_KIND_MAX} secrets sign for {workspace}, the most there may be; "
                    "wait until the overlap of the oldest is over."
                )
            return made.secret
        return (await keys.secrets_of(owner))[0]

    secret = with_store(settings, act)
    if secret is None:
        raise SetupError(
            f"There is no workspace {workspace}; "
            f"ringback keys create --workspace {workspace} makes it."
        )
    return {"workspace": workspace, "secret": secret}


def check_holds_data(settings: Settings) -> None:
    """Raise ``SetupError`` where no database is: to make one there would only hide a slip."""
    if settings.database is not None:
        return  # it says so itself
    try:
        (settings.data / DATABASE).stat()
    except OSError as exc:
        raise SetupError(
            f"There is no Ringback database in {settings.data} ({exc.strerror}); "
            "name the server's directory with --data."
        ) from exc


def with_store(
    settings: Settings, act: Callable[[Store], Awaitable[Result]], *, bounded: bool = True
) -> Result:
    """Return what a function makes of the settings' store; bounded, a busy one is said to be."""

    async def run() -> Result:
        async with open_store(settings, exclusive=False) as store:
            return await act(store)

    log.configure(level="warning", as_json=False)
    return asyncio.run(_bounded(run()) if bounded else run())


async def _bounded(acting: Coroutine[Any, Any, Result]) -> Result:
    """Return the result, or raise ``SetupError`` when the store does not let us write for long."""
    task = asyncio.create_task(acting)
    await asyncio.wait([task], timeout=_BUSY_S)
    if task.done():
        with suppress(apsw.BusyError):
            return task.result()
    # Twice: first the write gives up, then the closing of the store, which waits for the write.
    for _ in range(2):
        task.cancel()
        await asyncio.wait([task], timeout=_GIVE_UP_S)
    raise SetupError(
        f"The database is busy: another program has held it for {_BUSY_S} s; "
        "end that program or wait for it, and try again."
    )
