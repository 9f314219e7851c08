"""Speaks to ComfyUI: fills a workflow, queues it, listens, brings what it saved, stops it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.comfyui.answers import look_at
from ringback.engines.upstream.comfyui.messages import PREVIEW_BYTES_MAX, Listener
from ringback.engines.upstream.comfyui.server import ComfyServer
from ringback.engines.upstream.comfyui.settings import ComfySettings, read_workflow
from ringback.engines.upstream.comfyui.watch import Watch
from ringback.engines.upstream.comfyui.workflow import Workflow, filled
from ringback.engines.upstream.provider import File, Inputs, Look, Order
from ringback.errors import EngineError

BASE_URL = "http://127.0.0.1:8188"

_UNWATCHED_S = 120.0


class Ticket(Struct, frozen=True, kw_only=True):
    """What a prompt is found by; the job's id is what its socket is opened with."""

    prompt_id: str
    job_id: str
    model: str


class ComfyProvider:
    """Runs workflows. A job's own id is its prompt's, so that none is queued twice.

    A server too old to take ids gives its own; there a prompt is known by its client, which is
    the job's id as well.
    """

    is_idempotent = True

    def __init__(self, settings: ComfySettings, tools: Tools) -> None:
        self._headers = (
            () if tools.api_key is None else (("authorization", f"Bearer {tools.api_key}"),)
        )
        line = tools.line(self._headers)
        self._base_url = line.base_url
        self._server = ComfyServer(line)
        self._tools = tools
        self._name = tools.name
        self._workflows = {
            model: read_workflow(named) for model, named in settings.workflows.items()
        }
        self._unwatched_s = max(_UNWATCHED_S, 3 * settings.poll_s_max)
        self._watches: dict[str, Watch] = {}

    async def submit(self, order: Order, inputs: Inputs) -> str:
        """Queue the job's workflow, unless it is there already, and return its ticket."""
        workflow = self._workflows.get(order.model)
        if workflow is None:
            raise EngineError(
                f"The engine {self._name} has no workflow for this model; "
                "whoever runs this server gives one in its table of workflows."
            )
        prompt_id = await self._server.find(order.job_id)
        if prompt_id is None:
            values = await self._with_uploads(workflow, order, inputs)
            nodes = filled(workflow, values, job_id=order.job_id)
            prompt_id = await self._server.queue(nodes, order.job_id)
        ticket = Ticket(prompt_id=prompt_id, job_id=order.job_id, model=order.model)
        text = msgspec.json.encode(ticket).decode()
        self._watch(text, ticket)
        return text

    async def look(self, ticket: str) -> Look:
        """Return the socket's news, or what the history says where there are none."""
        read = _read(ticket)
        await self._forget_unwatched()
        watch = self._watch(ticket, read)
        if watch.take_news():
            return Look(fraction=watch.fraction, preview=watch.preview)
        look = await self._ended(read) or await self._waiting(read)
        if look.status != "waiting":
            await self._forget(ticket)
            return look
        watch.listen_again()
        return Look(fraction=watch.fraction, preview=watch.preview)

    async def cancel(self, ticket: str) -> None:
        """Take the prompt out of the queue, or interrupt it if it is the one that runs."""
        read = _read(ticket)
        await self._forget(ticket)
        await self._server.stop(read.job_id, read.prompt_id)

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe nobody: ComfyUI sends no webhooks."""
        return False

    async def close(self) -> None:
        """Stop listening to all."""
        for ticket in tuple(self._watches):
            await self._forget(ticket)

    async def _with_uploads(
        self, workflow: Workflow, order: Order, inputs: Inputs
    ) -> dict[str, Any]:
        values = dict(order.input)
        for name in workflow.file_parameters:
            url = _url_of(name, values.get(name))
            values[name] = url and await self._server.upload(await inputs.read(url))
        return values

    async def _ended(self, ticket: Ticket) -> Look | None:
        workflow = self._workflows.get(ticket.model)
        return look_at(
            await self._server.history(ticket.prompt_id),
            prompt_id=ticket.prompt_id,
            outputs=() if workflow is None else workflow.outputs,
            place=lambda path: File(url=self._base_url + path, headers=self._headers),
        )

    async def _waiting(self, ticket: Ticket) -> Look:
        """Return that it waits, or runs; or how it ended between two questions."""
        if await self._server.in_queue(ticket.job_id, ticket.prompt_id) is not None:
            return Look()
        return await self._ended(ticket) or Look(
            status="failed", error="ComfyUI does not know of it any more; it was started anew"
        )

    # Listening.

    def _watch(self, text: str, ticket: Ticket) -> Watch:
        watch = self._watches.get(text)
        if watch is None:
            workflow = self._workflows.get(ticket.model)
            url = f"{self._base_url}/ws?{urlencode({'clientId': ticket.job_id})}"
            watch = self._watches[text] = Watch(
                Listener(ticket.prompt_id, nodes=0 if workflow is None else len(workflow.nodes)),
                open_socket=lambda: self._tools.listen(
                    url, headers=self._headers, message_bytes_max=PREVIEW_BYTES_MAX
                ),
                tell=lambda: self._tools.wakes.tell(ticket.job_id),
                clock=self._tools.clock,
                engine=self._name,
            )
        return watch

    async def _forget(self, ticket: str) -> None:
        watch = self._watches.pop(ticket, None)
        if watch is not None:
            await watch.close()

    async def _forget_unwatched(self) -> None:
        """Stop listening to prompts whose runs went elsewhere: nobody says that they did."""
        oldest = self._tools.clock.monotonic() - self._unwatched_s
        for ticket, watch in tuple(self._watches.items()):
            if watch.looked_at < oldest:
                await self._forget(ticket)


def _url_of(name: str, value: Any) -> str | None:
    """Return the one URL of a parameter, or None where it has none."""
    if isinstance(value, list | tuple) and len(value) <= 1:
        value = value[0] if value else None
    if value is None or isinstance(value, str):
        return value or None
    raise EngineError(f"The parameter {name} takes one file in this workflow.")


def _read(ticket: str) -> Ticket:
    return msgspec.json.decode(ticket, type=Ticket)


TYPE = ProviderType(settings=ComfySettings, make=ComfyProvider, base_url=BASE_URL, needs_key=False)
