"""Asks a ComfyUI server: its queue, its history, uploads, and an end of what it does."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ringback.egress.caller import Reply
from ringback.engines.upstream.comfyui.answers import (
    Queued,
    in_history,
    queued,
    refusal_of,
    uploaded,
)
from ringback.engines.upstream.forms import Upload, multipart
from ringback.engines.upstream.line import Line
from ringback.engines.upstream.said import document_of, plain, refusal
from ringback.errors import AnswerLost, EngineError, ProviderAway

_FOLDER = "ringback"  # of ComfyUI's inputs
_DOCUMENT_BYTES_MAX = 32 << 20  # a queue holds every waiting workflow whole
_HISTORY_MAX = 64  # prompts that are searched on a server that gives ids of its own
_SUBMISSIONS_MAX = 3
_UPLOAD_S = 120.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class ComfyServer:
    """One server; a job's own id is its prompt's and its client's."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._name = line.name
        self._takes_ids = False  # until a submission has shown it

    async def queue(self, nodes: dict[str, Any], job_id: str) -> str:
        """Queue a workflow and return the prompt's id; a lost answer is looked for."""
        body = {"prompt": nodes, "client_id": job_id, "prompt_id": job_id}
        for tries_left in reversed(range(_SUBMISSIONS_MAX)):
            try:
                reply = await self._line.ask("POST", "/prompt", json=body, may_repeat=False)
            except AnswerLost:
                found = await self.find(job_id)
                if found is not None:
                    return found
                if not tries_left:
                    raise
                continue
            prompt_id = self._prompt_id(reply)
            self._takes_ids = prompt_id == job_id
            return prompt_id
        raise AssertionError("the last try returns or raises")

    async def find(self, job_id: str) -> str | None:
        """Return the prompt that an earlier submission of the job became, if one did."""
        found = await self.in_queue(job_id, job_id)
        if found is not None:
            return found.prompt_id
        # It may have ended since: what has left the queue is in the history.
        if job_id in await self.history(job_id):
            return job_id
        if self._takes_ids:
            return None
        newest = await self._document(f"/history?max_items={_HISTORY_MAX}")
        return in_history(newest, client_id=job_id)

    async def in_queue(self, job_id: str, prompt_id: str) -> Queued | None:
        """Return the prompt as the queue has it, waiting or running."""
        return queued(await self._document("/queue"), client_id=job_id, prompt_id=prompt_id)

    async def history(self, prompt_id: str) -> dict[str, Any]:
        """Return the history of one prompt; empty while it has none."""
        return await self._document(f"/history/{prompt_id}")

    async def stop(self, job_id: str, prompt_id: str) -> None:
        """Take a prompt out of the queue, or interrupt it if it is the one that runs."""
        await self._tell("/queue", {"delete": [prompt_id]})
        found = await self.in_queue(job_id, prompt_id)
        # An old server interrupts whatever runs, so it is told only where that is ours.
        if found is not None and found.is_running:
            await self._tell("/interrupt", {"prompt_id": prompt_id})

    async def upload(self, content: bytes) -> str:
        """Return what a node names the file by, once the server has it."""
        # Named by its content: the same file is uploaded over itself, and no name is a stranger's.
        stem = hashlib.sha256(content).hexdigest()
        kind, body = multipart(
            [
                ("image", Upload(stem=stem, content=content)),
                ("subfolder", _FOLDER),
                ("type", "input"),
                ("overwrite", "true"),
            ]
        )
        reply = await self._line.ask(
            "POST",
            "/upload/image",
            body=body,
            headers=(("content-type", kind),),
            timeout_s=_UPLOAD_S,
        )
        if reply.status != 200:
            raise refusal(self._name, reply, self._line.secrets)
        found = uploaded(document_of(reply))
        if found is None:
            raise ProviderAway(self._name, "an answer without the file's name")
        return found

    def _prompt_id(self, reply: Reply) -> str:
        document = document_of(reply)
        if reply.status != 200:
            words = plain(refusal_of(document), self._line.secrets).rstrip(".")
            if reply.status == 400 and words:
                raise EngineError(f"The provider of {self._name} refused the workflow: {words}.")
            raise refusal(self._name, reply, self._line.secrets)
        found = document.get("prompt_id") if isinstance(document, dict) else None
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise AnswerLost(self._name, "an answer without the prompt's id")
        return found

    async def _document(self, path: str) -> dict[str, Any]:
        reply = await self._line.ask("GET", path, bytes_max=_DOCUMENT_BYTES_MAX)
        if reply.status != 200:
            raise refusal(self._name, reply, self._line.secrets)
        document = document_of(reply)
        if not isinstance(document, dict):
            raise ProviderAway(self._name, "an answer that is not ComfyUI's")
        return document

    async def _tell(self, path: str, body: object) -> None:
        reply = await self._line.ask("POST", path, json=body)
        if not 200 <= (reply.status or 0) < 300:
            raise refusal(self._name, reply, self._line.secrets)
