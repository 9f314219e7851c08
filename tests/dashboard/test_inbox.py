"""The emulator's inbox, which any page on the developer's machine can reach."""

from __future__ import annotations

import httpx2
import pytest

from ringback.dashboard.inbox import (
    BODY_BYTES_MAX,
    KEPT_MAX,
    UNFINISHED_BYTES_MAX,
    UNVERIFIED_BYTES_MAX,
    KeptWebhook,
    KeptWebhooks,
)
from ringback.signing.rotation import workspace_owner
from ringback.wire.signature import Signer, webhook_headers
from tests.dashboard.browser import Browser, PageWorld


async def post(
    world: PageWorld, path: str, body: bytes, headers: dict[str, str] | None = None
) -> int:
    assert world.inbox is not None
    transport = httpx2.ASGITransport(app=world.inbox)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        return (await client.post(path, headers=headers, content=body)).status_code


async def signed(world: PageWorld, body: bytes) -> dict[str, str]:
    (secret,) = await world.keys.secrets_of(workspace_owner("dev"))
    headers = webhook_headers(
        [Signer(secret)], webhook_id="w-1", timestamp_s=world.clock.now_ms() // 1000, body=body
    )
    return {name.decode(): value.decode() for name, value in headers}


def a_webhook(body: bytes) -> KeptWebhook:
    return KeptWebhook(
        received_at_ms=1, headers=(), body=body, body_bytes=len(body), problem=None, answered=204
    )


async def test_a_body_that_verifies_is_kept_whole(world: PageWorld) -> None:
    assert world.inbox is not None
    body = b"a" * BODY_BYTES_MAX
    assert await post(world, "/dev", body, await signed(world, body)) == 204
    (kept,) = world.inbox.kept("dev")
    assert (kept.problem, kept.body, kept.is_cut) == (None, body, False)


async def test_only_the_beginning_of_an_unverified_body_is_kept(
    world: PageWorld, browser: Browser
) -> None:
    assert world.inbox is not None
    assert await post(world, "/dev", b"a" * BODY_BYTES_MAX) == 204
    (kept,) = world.inbox.kept("dev")
    assert len(kept.body) == UNVERIFIED_BYTES_MAX
    assert f"The first {UNVERIFIED_BYTES_MAX} bytes of {BODY_BYTES_MAX}" in await browser.see(
        "/ui/inbox"
    )


async def test_a_body_that_is_too_large_is_refused(world: PageWorld) -> None:
    assert world.inbox is not None
    assert await post(world, "/dev", b"a" * (BODY_BYTES_MAX + 1)) == 413
    assert world.inbox.kept("dev") == []


async def test_nothing_is_kept_for_a_workspace_that_does_not_exist(world: PageWorld) -> None:
    assert world.inbox is not None
    assert await post(world, "/made-up", b"{}") == 404
    assert world.inbox.kept("made-up") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "rebound.example"},
        {"host": "rebound.example:7465"},
        {"host": "127.0.0.1@evil"},
    ],
    ids=str,
)
async def test_a_request_of_a_browser_is_refused(world: PageWorld, headers: dict[str, str]) -> None:
    assert world.inbox is not None
    body = b"{}"
    assert await post(world, "/dev", body, {**await signed(world, body), **headers}) == 403
    assert world.inbox.kept("dev") == []


@pytest.mark.parametrize("host", ["localhost:7465", "127.0.0.1", "[::1]:7465"])
async def test_a_program_on_this_machine_is_answered(world: PageWorld, host: str) -> None:
    assert await post(world, "/dev", b"{}", {"host": host}) == 204


async def test_many_bodies_at_once_use_bounded_memory(world: PageWorld) -> None:
    """Requests whose bodies do not end hold their bytes; only so many bytes are allowed."""
    assert world.inbox is not None
    inbox = world.inbox
    statuses: list[int] = []
    scope = {"type": "http", "method": "POST", "path": "/dev", "headers": []}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    async def nested(depth: int) -> None:
        """Begin a request, and the next one before this one ends."""
        is_first = True

        async def receive() -> dict[str, object]:
            nonlocal is_first
            if is_first:
                is_first = False
                chunk = b"a" * (BODY_BYTES_MAX - 1)
                return {"type": "http.request", "body": chunk, "more_body": True}
            if depth > 0:
                await nested(depth - 1)
            return {"type": "http.request", "body": b"", "more_body": False}

        await inbox(dict(scope), receive, send)  # type: ignore[arg-type]

    allowed = UNFINISHED_BYTES_MAX // (BODY_BYTES_MAX - 1)
    await nested(allowed)
    assert sorted(set(statuses)) == [204, 503]
    assert statuses.count(503) == 1
    assert await post(world, "/dev", b"{}") == 204


def test_the_oldest_webhook_of_all_workspaces_is_dropped_first() -> None:
    kept = KeptWebhooks(bytes_max=10_000)
    for number in range(50):
        kept.add(f"w{number % 5}", a_webhook(b"%03d" % number + b"a" * 1_000))
        assert kept.size_bytes <= 10_000
    left = [one.body[:3] for name in range(5) for one in kept.of(f"w{name}")]
    assert sorted(left) == [b"%03d" % number for number in range(50 - len(left), 50)]
    assert len(left) >= 5


def test_one_workspace_keeps_its_latest_hundred() -> None:
    kept = KeptWebhooks()
    kept.add("other", a_webhook(b"other"))
    for number in range(KEPT_MAX + 20):
        kept.add("dev", a_webhook(b"%d" % number))
    assert [one.body for one in (kept.of("dev")[0], kept.of("dev")[-1])] == [b"119", b"20"]
    assert len(kept.of("dev")) == KEPT_MAX
    assert len(kept.of("other")) == 1
    assert kept.size_bytes == sum(one.size_bytes for w in ("dev", "other") for one in kept.of(w))
