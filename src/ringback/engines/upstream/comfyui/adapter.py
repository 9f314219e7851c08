"""The ComfyUI adapter: it fills a workflow, queues it, follows it, and fetches its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ringback.engines.upstream.comfyui.documents import status_of
from ringback.engines.upstream.comfyui.messages import PREVIEW_BYTES_MAX, MessageReader
from ringback.engines.upstream.comfyui.server import ComfyServer
from ringback.engines.upstream.comfyui.settings import ComfySettings, read_workflow
from ringback.engines.upstream.comfyui.watch import Watch
from ringback.engines.upstream.comfyui.workflow import Workflow, fill
from ringback.engines.upstream.factory import ProviderType, Tools
from ringback.engines.upstream.multipart import media_type_of
from ringback.engines.upstream.provider import File, Inputs, ProviderStatus, Submission
from ringback.errors import EngineError

BASE_URL = "http://127.0.0.1:8188"

_UNWATCHED_S = 120.0


class Ticket(Struct, frozen=True, kw_only=True):
    """Identifies a prompt; the job's id is also the client id of its WebSocket."""

    prompt_id: str
    job_id: str
    model: str


class ComfyProvider:
    """Runs workflows. The job's id is the prompt's id, so that no job is queued twice.

    Old servers choose their own prompt ids; there a prompt is found by its client id, which is also
    the job's id.
    """

    is_idempotent = True

    def __init__(self, settings: ComfySettings, tools: Tools) -> None:
        self._headers = tools.key_headers
        make_client = tools.make_client(self._headers)
        self._base_url = make_client.base_url
        self._server = ComfyServer(
            make_client, extra_data={**settings.extra_data, **tools.more_secrets}
        )
        self._tools = tools
        self._name = tools.name
        self._workflows = {
            model: read_workflow(named) for model, named in settings.workflows.items()
        }
        self._unwatched_s = max(_UNWATCHED_S, 3 * settings.poll_s_max)
        self._watches: dict[str, Watch] = {}

    async def submit(self, submission: Submission, inputs: Inputs) -> str:
        """Queue the job's workflow unless it is queued already, and return its ticket."""
        workflow = self._workflows.get(submission.model)
        if workflow is None:
            raise EngineError(
                f"The engine {self._name} has no workflow for this model; "
                "the operator of this server adds one in its table of workflows."
            )
        prompt_id = await self._server.find(submission.job_id)
        if prompt_id is None:
            values = await self._with_uploads(workflow, submission, inputs)
            nodes = fill(workflow, values, job_id=submission.job_id)
            prompt_id = await self._server.queue(nodes, submission.job_id, outputs=workflow.outputs)
        ticket = Ticket(prompt_id=prompt_id, job_id=submission.job_id, model=submission.model)
        text = msgspec.json.encode(ticket).decode()
        self._watch(text, ticket)
        return text

    async def poll(self, ticket: str) -> ProviderStatus:
        """Return the latest updates of the socket, or else the status in the history."""
        read = _read(ticket)
        await self._close_unwatched()
        watch = self._watch(ticket, read)
        if watch.consume_updates():
            return ProviderStatus(fraction=watch.fraction, preview=watch.preview)
        status = await self._ended(read) or await self._waiting(read, watch)
        if status.status != "waiting":
            await self._forget(ticket)
            return status
        watch.reconnect()
        return ProviderStatus(fraction=watch.fraction, preview=watch.preview)

    async def cancel(self, ticket: str) -> None:
        """Remove the prompt from the queue, or interrupt it if it is running."""
        read = _read(ticket)
        await self._forget(ticket)
        await self._server.cancel(read.job_id, read.prompt_id)

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Return None: ComfyUI sends no webhooks."""
        return None

    async def close(self) -> None:
        """Close all WebSockets."""
        for ticket in tuple(self._watches):
            await self._forget(ticket)

    async def _with_uploads(
        self, workflow: Workflow, submission: Submission, inputs: Inputs
    ) -> dict[str, Any]:
        values = dict(submission.input)
        for name in workflow.file_parameters:
            url = _url_of(name, values.get(name))
            values[name] = url and await self._uploaded(name, await inputs.read(url))
        return values

    async def _uploaded(self, name: str, content: bytes) -> str:
        """Upload the file of a parameter, or raise ``EngineError`` for one of an unknown type."""
        if media_type_of(content) is None:
            raise EngineError(
                f"The file of {name} is of a type that is not known here; send a picture, a film, "
                "a sound or a model."
            )
        return await self._server.upload(content)

    async def _ended(self, ticket: Ticket) -> ProviderStatus | None:
        workflow = self._workflows.get(ticket.model)
        return status_of(
            await self._server.history(ticket.prompt_id),
            prompt_id=ticket.prompt_id,
            outputs=() if workflow is None else workflow.outputs,
            file_at=lambda path: File(url=self._base_url + path),
        )

    async def _waiting(self, ticket: Ticket, watch: Watch) -> ProviderStatus:
        """Return that the prompt is queued or running, or how it ended in between."""
        found = await self._server.in_queue(ticket.job_id, ticket.prompt_id)
        if found is not None:
            watch.saw_in_queue(is_running=found.is_running)
            return ProviderStatus()
        return await self._ended(ticket) or _gone(watch)

    # WebSockets.

    def _watch(self, text: str, ticket: Ticket) -> Watch:
        watch = self._watches.get(text)
        if watch is None:
            workflow = self._workflows.get(ticket.model)
            url = f"{self._base_url}/ws?{urlencode({'clientId': ticket.job_id})}"
            watch = self._watches[text] = Watch(
                MessageReader(
                    ticket.prompt_id, nodes=0 if workflow is None else len(workflow.nodes)
                ),
                open_socket=lambda: self._tools.listen(
                    url, headers=self._headers, message_bytes_max=PREVIEW_BYTES_MAX
                ),
                wake=lambda: self._tools.wakes.notify(ticket.job_id),
                clock=self._tools.clock,
                engine=self._name,
            )
        return watch

    async def _forget(self, ticket: str) -> None:
        watch = self._watches.pop(ticket, None)
        if watch is not None:
            await watch.close()

    async def _close_unwatched(self) -> None:
        """Close the WebSockets of prompts that are no longer polled: their runs moved elsewhere."""
        oldest = self._tools.clock.monotonic() - self._unwatched_s
        for ticket, watch in tuple(self._watches.items()):
            if watch.polled_at < oldest:
                await self._forget(ticket)


def _gone(watch: Watch) -> ProviderStatus:
    """Return how a prompt ended of which ComfyUI no longer knows."""
    if watch.has_begun:
        error = "ComfyUI no longer knows the prompt, which it had begun; it was restarted"
        return ProviderStatus(status="failed", error=error)
    if watch.was_queued:
        return ProviderStatus(status="failed", error="it was removed from ComfyUI's queue")
    return ProviderStatus(status="lost")  # a restart empties the queue


def _url_of(name: str, value: Any) -> str | None:
    """Return the only URL of a parameter, or None where it has none."""
    if isinstance(value, list | tuple) and len(value) <= 1:
        value = value[0] if value else None
    if value is None or isinstance(value, str):
        return value or None
    raise EngineError(f"The parameter {name} takes one file in this workflow.")


def _read(ticket: str) -> Ticket:
    return msgspec.json.decode(ticket, type=Ticket)


TYPE = ProviderType(
    settings=ComfySettings,
    make=ComfyProvider,
    base_url=BASE_URL,
    needs_key=False,
    strips_results=True,  # ComfyUI writes the operator's workflow into every file
)
