"""Members of workspaces, and styles that they have trained."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2

from ringback.ids import new_token
from ringback.jobs.model import JobResult
from ringback.storage.contract import Token
from ringback.styles.model import Trained
from tests.builders import open_workspaces
from tests.world import World

TRAIN = "/styles/train"
INK = {"name": "Ink", "urls": ["https://pictures.example/ink.png"]}


async def a_member(world: World, workspace_id: str, name: str) -> httpx2.AsyncClient:
    """Return the client of a new member of a workspace."""
    await open_workspaces(world.store, workspace_id)
    secret = new_token()
    token = Token(
        token_id=name,
        workspace_id=workspace_id,
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        hint=secret[:6],
        created_at_ms=1,
    )
    await world.store.add_token(token)
    return world.client(token=secret)


async def trained(world: World, member: httpx2.AsyncClient, **body: Any) -> str:
    """Have a member train a style, and return its id."""
    answer = await member.post(TRAIN, json={**INK, **body})
    assert answer.status_code == 200, answer.text
    job = await world.claim()
    learned = await world.artifacts.save(b"{}", media_type="application/json")
    preview = await world.artifacts.save(b"picture", media_type="image/png")
    made = Trained(artifact=learned, previews=(preview,))
    await world.service.finish(job, result=JobResult(style_id=job.job_id), trained=made)
    return job.job_id


def ids_in(answer: httpx2.Response) -> list[str]:
    """Return the ids of a page of styles."""
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]
