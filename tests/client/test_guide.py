"""The snippets of the client's guide and of the README run, one after another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ringback import AsyncRingback
from ringback.testing.emulator import Emulator
from tests.docs.pages import blocks
from tests.media_files import jpeg


@pytest.mark.timeout(60)
def test_the_guides_snippets_run(
    ringback_server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    # The guide names the emulator's usual address; this one has another.
    first, *others = blocks("docs/client.md", "python")
    exec(first.replace("http://127.0.0.1:7464", ringback_server.url), scope)
    for snippet in others:
        exec(snippet, scope)
    from_python = next(one for one in blocks("README.md", "python") if "with Ringback()" in one)
    exec(from_python, {})
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
    client = scope["client"]
    assert hasattr(client, "close")
    client.close()


async def test_the_snippet_of_the_page_about_listening_takes_a_delivery(
    ringback_server: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ringback_server.environment.items():
        monkeypatch.setenv(name, value)
    (snippet,) = blocks("docs/listen.md", "python")
    async with AsyncRingback() as client:
        await client.webhooks.listeners.open("worker-7")
        job = await client.image("ringback/null", prompt="a fox")
        await asyncio.to_thread(exec, snippet, {})
        (delivery,) = (await client.deliveries.list(job_id=job.job_id)).items
    assert delivery.status == "delivered"
    assert f'job.completed b\'{{"job_id":"{job.job_id}"' in capsys.readouterr().out


@pytest.mark.timeout(60)
def test_the_snippet_on_assets_runs(
    ringback_server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.jpg").write_bytes(jpeg())
    scope: dict[str, Any] = {}
    for snippet in blocks("docs/assets.md", "python"):
        exec(snippet, scope)
    assert scope["fox"].mime_type == "image/jpeg"
    assert scope["job"].status in ("queued", "backlogged")
