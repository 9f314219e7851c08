"""The API of a ComfyUI server: queue, history, uploads, cancellation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ringback.egress.http_client import Response
from ringback.engines.upstream.client import ProviderClient
from ringback.engines.upstream.comfyui.documents import (
    Queued,
    in_history,
    left_out,
    queued,
    refusal_of,
    uploaded,
)
from ringback.engines.upstream.multipart import Upload
from ringback.engines.upstream.responses import json_of, plain
from ringback.errors import EngineError, ProviderUnavailable, SubmissionUnknown
from ringback.log import get_logger

log = get_logger(__name__)

_FOLDER = "ringback"  # of ComfyUI's inputs
_DOCUMENT_BYTES_MAX = 32 << 20  # a queue holds every waiting workflow whole
_HISTORY_MAX = 64  # prompts searched on a server that chooses its own ids
_SUBMISSIONS_MAX = 3
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class ComfyServer:
    """One ComfyUI server; a job's id is both its prompt id and its client id."""

    def __init__(
        self, client: ProviderClient, *, extra_data: Mapping[str, Any] | None = None
    ) -> None:
        self._client = client
        self._name = client.name
        self._extra_data = dict(extra_data or {})
        self._takes_ids = False  # until a submission proves it

    async def queue(
        self, nodes: dict[str, Any], job_id: str, *, outputs: Sequence[str] = ()
    ) -> str:
        """Queue a workflow and return the prompt's id, searched for if the response was lost.

        Raises ``EngineError`` where the server refuses the workflow, or one of its ``outputs``.
        """
        body: dict[str, Any] = {"prompt": nodes, "client_id": job_id, "prompt_id": job_id}
        if self._extra_data:
            body["extra_data"] = self._extra_data
        for tries_left in reversed(range(_SUBMISSIONS_MAX)):
            try:
                response = await self._client.send("POST", "/prompt", json=body, may_repeat=False)
            except SubmissionUnknown:
                found = await self.find(job_id)
                if found is not None:
                    return found
                if not tries_left:
                    raise
                continue
            prompt_id = self._prompt_id(response)
            self._takes_ids = prompt_id == job_id
            await self._check_outputs(json_of(response), outputs, job_id, prompt_id)
            return prompt_id
        raise AssertionError("the last try returns or raises")

    async def find(self, job_id: str) -> str | None:
        """Return the prompt id of an earlier submission of the job, if there was one."""
        found = await self.in_queue(job_id, job_id)
        if found is not None:
            return found.prompt_id
        # It may have ended since: a prompt moves from the queue to the history.
        if job_id in await self.history(job_id):
            return job_id
        if self._takes_ids:
            return None
        newest = await self._document(f"/history?max_items={_HISTORY_MAX}")
        return in_history(newest, client_id=job_id)

    async def in_queue(self, job_id: str, prompt_id: str) -> Queued | None:
        """Return the prompt's entry in the queue, waiting or running."""
        return queued(await self._document("/queue"), client_id=job_id, prompt_id=prompt_id)

    async def history(self, prompt_id: str) -> dict[str, Any]:
        """Return the history of one prompt, empty until it has ended."""
        return await self._document(f"/history/{prompt_id}")

    async def cancel(self, job_id: str, prompt_id: str) -> None:
        """Remove a prompt from the queue, or interrupt it if it is running."""
        await self._post("/queue", {"delete": [prompt_id]})
        found = await self.in_queue(job_id, prompt_id)
        # Old servers interrupt any running prompt, so this is sent only if it is ours.
        if found is not None and found.is_running:
            await self._post("/interrupt", {"prompt_id": prompt_id})

    async def upload(self, content: bytes) -> str:
        """Upload a file and return the name by which a node refers to it."""
        # A name from the content: equal files overwrite each other, and no name is user input.
        stem = hashlib.sha256(content).hexdigest()
        response = await self._client.upload(
            "/upload/image",
            [
                ("image", Upload(stem=stem, content=content)),
                ("subfolder", _FOLDER),
                ("type", "input"),
                ("overwrite", "true"),
            ],
        )
        if response.status != 200:
            raise self._client.refusal(response)
        found = uploaded(json_of(response))
        if found is None:
            raise ProviderUnavailable(self._name, "an answer without the file's name")
        return found

    async def _check_outputs(
        self, document: Any, outputs: Sequence[str], job_id: str, prompt_id: str
    ) -> None:
        """Take a prompt out of the queue again if an output of its result will not run.

        ComfyUI accepts a workflow of which one output is right, and leaves the others out.
        """
        missing = left_out(document)
        if not missing:
            return
        reason = plain(refusal_of(document), self._client.secrets).rstrip(".")
        if missing.isdisjoint(outputs):
            log.warning("comfyui_outputs_left_out", engine=self._name, job_id=job_id, detail=reason)
            return
        with suppress(ProviderUnavailable):
            await self.cancel(job_id, prompt_id)
        raise EngineError(f"The provider of {self._name} refused the workflow: {reason}.")

    def _prompt_id(self, response: Response) -> str:
        document = json_of(response)
        if response.status != 200:
            message = plain(refusal_of(document), self._client.secrets).rstrip(".")
            if response.status == 400 and message:
                raise EngineError(f"The provider of {self._name} refused the workflow: {message}.")
            raise self._client.refusal(response)
        found = document.get("prompt_id") if isinstance(document, dict) else None
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise SubmissionUnknown(self._name, "an answer without the prompt's id")
        return found

    async def _document(self, path: str) -> dict[str, Any]:
        response = await self._client.send("GET", path, bytes_max=_DOCUMENT_BYTES_MAX)
        if response.status != 200:
            raise self._client.refusal(response)
        document = json_of(response)
        if not isinstance(document, dict):
            raise ProviderUnavailable(self._name, "an answer that is not ComfyUI's")
        return document

    async def _post(self, path: str, body: object) -> None:
        response = await self._client.send("POST", path, json=body)
        if not response.is_success:
            raise self._client.refusal(response)
