"""The store operations of ``ringback keys``; they work beside a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from ringback import log
from ringback.clock import SystemClock
from ringback.errors import NotFound, SetupError
from ringback.log.libraries import log_libraries
from ringback.server.open_store import open_store
from ringback.server.services import key_service
from ringback.service.secrets import HMAC
from ringback.service.tokens import TokenService
from ringback.settings import Settings
from ringback.signing.rotation import SIGNING_PER_KIND_MAX, workspace_owner
from ringback.storage.contract import Store
from ringback.storage.sqlite.database_files import DATABASE
from ringback.wire.document import iso_time

Result = TypeVar("Result")
P = ParamSpec("P")

_BUSY_S = 6  # a little more than the database's own busy timeout
_GIVE_UP_S = 0.1


def check_holds_data(settings: Settings) -> None:
    """Raise ``SetupError`` without a database: making one would hide a mistyped directory."""
    if settings.database is not None:
        return  # the connection reports a missing database
    try:
        (settings.data / DATABASE).stat()
    except OSError as exc:
        raise SetupError(
            f"There is no Ringback database in {settings.data} ({exc.strerror}); "
            "name the server's directory with --data."
        ) from exc


def configure_for_command(settings: Settings) -> None:
    """Log warnings and errors of a command to standard error, as text unless JSON is set."""
    as_json = settings.log_format == "json"
    log.configure(level="warning", as_json=as_json)
    if as_json:
        log_libraries()


def with_store(
    settings: Settings, act: Callable[[Store], Awaitable[Result]], *, bounded: bool = True
) -> Result:
    """Call a function with the settings' store; ``bounded`` raises for a busy database."""

    async def run() -> Result:
        async with open_store(settings, exclusive=False) as store:
            return await act(store)

    configure_for_command(settings)
    return asyncio.run(_bounded(run()) if bounded else run())


def on_store(
    act: Callable[Concatenate[Store, Settings, P], Awaitable[Result]], *, bounded: bool = True
) -> Callable[Concatenate[Settings, P], Result]:
    """Turn a function of a store and the settings into a call with the settings' store.

    Raises ``SetupError`` without a database.
    """

    @wraps(act)
    def call(settings: Settings, /, *arguments: P.args, **options: P.kwargs) -> Result:
        check_holds_data(settings)
        return with_store(
            settings, lambda store: act(store, settings, *arguments, **options), bounded=bounded
        )

    return call


async def _bounded(acting: Coroutine[Any, Any, Result]) -> Result:
    """Return the result, or raise ``SetupError`` when the database stays busy."""
    task = asyncio.create_task(acting)
    await asyncio.wait([task], timeout=_BUSY_S)
    if task.done():
        with suppress(apsw.BusyError):
            return task.result()
    # Twice: the first cancel ends the write, the second the closing of the store.
    for _ in range(2):
        task.cancel()
        await asyncio.wait([task], timeout=_GIVE_UP_S)
    raise SetupError(
        f"The database is busy: another program has held it for {_BUSY_S} s; "
        "end that program or wait for it, and try again."
    )


def create_token(settings: Settings, workspace: str) -> dict[str, str]:
    """Make a token, and its workspace if that is new; only this result contains the token."""

    async def act(store: Store) -> dict[str, str]:
        keys = await key_service(settings, store)
        token, text = await TokenService(store, keys, clock=SystemClock()).create(workspace)
        secret = (await keys.secrets_of(workspace_owner(workspace)))[0]
        return {
            "token_id": token.token_id,
            "workspace": workspace,
            "token": text,
            "secret": secret,
        }

    return with_store(settings, act)


@on_store
async def list_tokens(store: Store, _settings: Settings) -> list[dict[str, str | None]]:
    """Return every token without its secret part, oldest first."""
    return [
        {
            "token_id": token.token_id,
            "workspace": token.workspace_id,
            "hint": token.hint,
            "created_at": iso_time(token.created_at_ms),
            "revoked_at": None if token.revoked_at_ms is None else iso_time(token.revoked_at_ms),
        }
        for token in await store.list_tokens()
    ]


@on_store
async def revoke_token(store: Store, _settings: Settings, token_id: str) -> dict[str, str]:
    """Revoke a token, or raise ``NotFound`` when none in force has that id."""
    now_ms = SystemClock().now_ms()
    if not await store.revoke_token(token_id, now_ms=now_ms):
        raise NotFound(
            f"No token in force has the id {token_id}; ringback keys list shows the ids."
        )
    return {"token_id": token_id, "revoked_at": iso_time(now_ms)}


@on_store
async def secret_of(
    store: Store, settings: Settings, workspace: str, *, rotate: bool
) -> dict[str, str]:
    """Return a workspace's signing secret; ``rotate`` makes a new one first."""
    keys, owner = await key_service(settings, store), workspace_owner(workspace)
    if await store.get_workspace(workspace) is None:
        raise NotFound(
            f"There is no workspace {workspace}; "
            f"ringback keys create --workspace {workspace} makes it."
        )
    if not rotate:
        return {"workspace": workspace, "secret": (await keys.secrets_of(owner))[0]}
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
    return {"workspace": workspace, "secret": made.secret}
