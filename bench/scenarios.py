"""The ways in which a workspace misbehaves, and the work of its neighbours meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from bench.load import Load, exchange
from bench.misbehaviour import BAD_RECEIVERS, SILENT_DOMAIN, addresses, receiver_everywhere
from bench.neighbourhood import (
    Neighbour,
    World,
    asset_by_url,
    picture,
    picture_of_picture,
    upload,
    webhook,
)

DESTINATIONS = (1, 14, 18, 40, 300, 1_000)
SILENT_NAMES = (600, 1_000)
BURST_S = 2.0
_CONNECTIONS = 32
_UPLOADS = 8  # as many as one workspace may have at once
_PICTURES = 40  # the first four run, the others follow
_AGAIN_S = 0.1

Mallory = Callable[[World], AbstractAsyncContextManager[None]]
"""Misbehaves for the time of a context."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What mallory does, and what alice and bob do beside it."""

    name: str
    mallory: Mallory
    neighbour: Neighbour
    every_s: float
    needs_names: bool = False
    needs_slow_jpeg: bool = False


@asynccontextmanager
async def _meanwhile(*works: asyncio.Task[None]) -> AsyncIterator[None]:
    """Let these go on for the time of the context; what they meet is mallory's own affair."""
    try:
        yield
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def _burst(world: World, requests: Sequence[bytes]) -> None:
    load = Load(world.host, world.port, b"")
    await load.open(_CONNECTIONS)
    try:
        await load.post_each(requests, len(requests) / BURST_S)
    finally:
        load.close()


def _webhooks_to(world: World, urls: Sequence[str]) -> asyncio.Task[None]:
    requests = [
        world.null_job("mallory", urls[number % len(urls)]) for number in range(world.jobs_count)
    ]
    return asyncio.create_task(_burst(world, requests))


@asynccontextmanager
async def _receivers(kind: str, destinations: int, world: World) -> AsyncIterator[None]:
    async with receiver_everywhere(kind) as base:
        urls = [base.format(address=address) + "/hook" for address in addresses(destinations)]
        async with _meanwhile(_webhooks_to(world, urls)):
            yield


@asynccontextmanager
async def _silent_names(names: int, world: World) -> AsyncIterator[None]:
    urls = [f"http://n{number}.{SILENT_DOMAIN}:8080/hook" for number in range(names)]
    async with _meanwhile(_webhooks_to(world, urls)):
        yield


async def _again(world: World, request: bytes) -> None:
    """Send a request whenever the last one is answered, however."""
    while True:
        with suppress(OSError):
            await exchange(world.host, world.port, request)
        await asyncio.sleep(_AGAIN_S)  # noqa: TID251 - a load keeps real time


def _kept_up(world: World, request: bytes) -> AbstractAsyncContextManager[None]:
    return _meanwhile(*(asyncio.create_task(_again(world, request)) for _ in range(_UPLOADS)))


@asynccontextmanager
async def _slow_uploads(world: World) -> AsyncIterator[None]:
    async with _kept_up(world, world.upload("mallory", world.files["/slow.jpg"])):
        yield


@asynccontextmanager
async def _silent_uploads(world: World) -> AsyncIterator[None]:
    """Send half of each upload and then nothing."""
    request = world.upload("mallory", bytes(100_000))

    async def half() -> None:
        _, writer = await asyncio.open_connection(world.host, world.port)
        try:
            writer.write(request[: len(request) // 2])
            await asyncio.Event().wait()
        finally:
            writer.close()

    async with _meanwhile(*(asyncio.create_task(half()) for _ in range(_UPLOADS))):
        yield


@asynccontextmanager
async def _hanging_assets(world: World) -> AsyncIterator[None]:
    async with receiver_everywhere("hang") as base:
        url = base.format(address="127.0.0.1") + "/a.png"
        async with _kept_up(world, world.asset("mallory", url)):
            yield


async def _submit_pictures(world: World, of: str) -> None:
    for _ in range(_PICTURES):
        with suppress(OSError):
            await exchange(world.host, world.port, world.picture_job("mallory", None, of=of))


@asynccontextmanager
async def _slow_inputs(world: World) -> AsyncIterator[None]:
    work = asyncio.create_task(_submit_pictures(world, world.url("/slow.jpg")))
    async with _meanwhile(work):
        yield


@asynccontextmanager
async def _hanging_inputs(world: World) -> AsyncIterator[None]:
    async with receiver_everywhere("hang") as base:
        url = base.format(address="127.0.0.1") + "/a.png"
        async with _meanwhile(asyncio.create_task(_submit_pictures(world, url))):
            yield


def _beside_receivers(kind: str, destinations: int) -> Scenario:
    return Scenario(
        name=f"{kind}-{destinations}",
        mallory=partial(_receivers, kind, destinations),
        neighbour=webhook,
        every_s=0.25,
    )


def _all() -> Iterator[Scenario]:
    for destinations in (1, 300):  # what the burst costs by itself
        yield _beside_receivers("healthy", destinations)
    for kind in BAD_RECEIVERS:
        for destinations in DESTINATIONS:
            yield _beside_receivers(kind, destinations)
    for names in SILENT_NAMES:
        yield Scenario(
            name=f"names-{names}",
            mallory=partial(_silent_names, names),
            neighbour=webhook,
            every_s=0.25,
            needs_names=True,
        )
    yield Scenario(
        name="scan-upload",
        mallory=_slow_uploads,
        neighbour=upload,
        every_s=0.5,
        needs_slow_jpeg=True,
    )
    yield Scenario(name="silent-upload", mallory=_silent_uploads, neighbour=upload, every_s=0.5)
    yield Scenario(name="asset-url", mallory=_hanging_assets, neighbour=asset_by_url, every_s=0.5)
    yield Scenario(
        name="scan-input",
        mallory=_slow_inputs,
        neighbour=picture,
        every_s=2.0,
        needs_slow_jpeg=True,
    )
    yield Scenario(
        name="hang-input",
        mallory=_hanging_inputs,
        neighbour=picture_of_picture,
        every_s=2.0,
    )


SCENARIOS = tuple(_all())
