"""Speaks to ComfyUI: fills a workflow, queues it, listens, brings what it saved, interrupts it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ringback.egress.caller import Reply
from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.comfyui.answers import (
    in_history,
    look_at,
    queued,
    refusal_of,
    uploaded,
)
from ringback.engines.upstream.comfyui.messages import PREVIEW_BYTES_MAX, Listener
from ringback.engines.upstream.comfyui.watch import Watch
from ringback.engines.upstream.comfyui.workflow import (
    WORKFLOW_BYTES_MAX,
    Workflow,
    check,
    filled,
    read_nodes,
    read_place,
)
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.form import Part, form_of
from ringback.engines.upstream.provider import File, Inputs, Look, Order
from ringback.engines.upstream.said import document_of, plain, refusal
from ringback.errors import AnswerLost, EngineError, ProviderAway, SetupError
from ringback.media.looking import media_type_of

BASE_URL = "http://127.0.0.1:8188"

_FOLDER = "ringback"  # of ComfyUI's inputs
_DOCUMENT_BYTES_MAX = 32 << 20  # a queue holds every waiting workflow whole
_HISTORY_MAX = 64  # prompts that are searched on a server that gives ids of its own
_SUBMISSIONS_MAX = 3
_UPLOAD_S = 120.0
_UNWATCHED_S = 120.0

Places = dict[str, str | tuple[str, ...]]


class WorkflowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's workflow."""

    file: Path
    """The workflow in API format, as ComfyUI exports it."""
    inputs: Places = {}
    """Our parameters, and where each goes: NODE.INPUT, or a list of them."""
    files: Places = {}
    """The same for parameters that are URLs of files; each is uploaded first."""
    outputs: tuple[str, ...] = ()
    """The nodes whose files are the result; without any, all that saved some."""


class ComfySettings(UpstreamSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a ComfyUI engine has beside the rest."""

    workflows: dict[str, WorkflowSettings] = {}
    """By model: the workflow that makes it."""


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
        self._line = tools.line(self._headers)
        self._tools = tools
        self._name = tools.name
        self._workflows = {
            model: _workflow(named) for model, named in settings.workflows.items()
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
        prompt_id = await self._found(order.job_id)
        if prompt_id is None:
            values = await self._with_uploads(workflow, order, inputs)
            nodes = filled(workflow, values, job_id=order.job_id)
            prompt_id = await self._queued(nodes, order.job_id)
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
        await self._told("/queue", {"delete": [read.prompt_id]})
        found = await self._in_queue(read.job_id, read.prompt_id)
        # An old server interrupts whatever runs, so it is asked only where that is ours.
        if found is not None and found.is_running:
            await self._told("/interrupt", {"prompt_id": read.prompt_id})

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe nobody: ComfyUI sends no webhooks."""
        return False

    async def close(self) -> None:
        """Stop listening to all."""
        for ticket in tuple(self._watches):
            await self._forget(ticket)

    # Queueing.

    async def _queued(self, nodes: dict[str, Any], job_id: str) -> str:
        body = {"prompt": nodes, "client_id": job_id, "prompt_id": job_id}
        for tries_left in reversed(range(_SUBMISSIONS_MAX)):
            try:
                reply = await self._line.ask("POST", "/prompt", json=body, may_repeat=False)
            except AnswerLost:
                found = await self._found(job_id)
                if found is not None:
                    return found
                if not tries_left:
                    raise
                continue
            return self._prompt_id(reply)
        raise AssertionError("the last try returns or raises")

    def _prompt_id(self, reply: Reply) -> str:
        document = document_of(reply)
        if reply.status != 200:
            words = plain(refusal_of(document), self._line.secrets).rstrip(".")
            if reply.status == 400 and words:
                raise EngineError(f"The provider of {self._name} refused the workflow: {words}.")
            raise refusal(self._name, reply, self._line.secrets)
        found = document.get("prompt_id") if isinstance(document, dict) else None
        if not isinstance(found, str) or not found:
            raise AnswerLost(self._name, "an answer without the prompt's id")
        return found

    async def _found(self, job_id: str) -> str | None:
        """Return the prompt that an earlier submission of the job became, if one did."""
        queue = await self._in_queue(job_id, job_id)
        if queue is not None:
            return queue.prompt_id
        # It may have ended since: what has left the queue is in the history.
        if job_id in (await self._history(job_id)):
            return job_id
        newest = await self._document(f"/history?max_items={_HISTORY_MAX}")
        return in_history(newest, client_id=job_id)

    async def _with_uploads(
        self, workflow: Workflow, order: Order, inputs: Inputs
    ) -> dict[str, Any]:
        values = dict(order.input)
        for name in workflow.file_parameters:
            value = values.get(name)
            if isinstance(value, list | tuple):
                value = value[0] if value else None
            values[name] = value if value is None else await self._uploaded(str(value), inputs)
        return values

    async def _uploaded(self, url: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        media_type = media_type_of(content)
        if media_type is None:
            raise EngineError("An input file is of a type that is not known here.")
        # Named by its content: the same file is uploaded over itself, and no name is a stranger's.
        name = f"{hashlib.sha256(content).hexdigest()}.{media_type.value.partition('/')[2]}"
        headers, body = form_of(
            Part(name="image", content=content, file_name=name, media_type=media_type.value),
            Part(name="subfolder", content=_FOLDER.encode()),
            Part(name="type", content=b"input"),
            Part(name="overwrite", content=b"true"),
        )
        reply = await self._line.ask(
            "POST", "/upload/image", body=body, headers=headers, timeout_s=_UPLOAD_S
        )
        if reply.status != 200:
            raise refusal(self._name, reply, self._line.secrets)
        found = uploaded(document_of(reply))
        if found is None:
            raise ProviderAway(self._name, "an answer without the file's name")
        return found

    # Looking.

    async def _ended(self, ticket: Ticket) -> Look | None:
        workflow = self._workflows.get(ticket.model)
        return look_at(
            await self._history(ticket.prompt_id),
            prompt_id=ticket.prompt_id,
            outputs=() if workflow is None else workflow.outputs,
            place=self._file,
        )

    async def _waiting(self, ticket: Ticket) -> Look:
        """Return that it waits, or runs; or how it ended between two questions."""
        if await self._in_queue(ticket.job_id, ticket.prompt_id) is not None:
            return Look()
        return await self._ended(ticket) or Look(
            status="failed", error="ComfyUI does not know of it any more; it was started anew"
        )

    def _file(self, path: str) -> File:
        return File(url=self._line.base_url + path, headers=self._headers)

    async def _in_queue(self, job_id: str, prompt_id: str) -> Any:
        return queued(await self._document("/queue"), client_id=job_id, prompt_id=prompt_id)

    async def _history(self, prompt_id: str) -> dict[str, Any]:
        return await self._document(f"/history/{prompt_id}")

    async def _document(self, path: str) -> dict[str, Any]:
        reply = await self._line.ask("GET", path, bytes_max=_DOCUMENT_BYTES_MAX)
        if reply.status != 200:
            raise refusal(self._name, reply, self._line.secrets)
        document = document_of(reply)
        if not isinstance(document, dict):
            raise ProviderAway(self._name, "an answer that is not ComfyUI's")
        return document

    async def _told(self, path: str, body: object) -> None:
        reply = await self._line.ask("POST", path, json=body)
        if not 200 <= (reply.status or 0) < 300:
            raise refusal(self._name, reply, self._line.secrets)

    # Listening.

    def _watch(self, text: str, ticket: Ticket) -> Watch:
        watch = self._watches.get(text)
        if watch is None:
            workflow = self._workflows.get(ticket.model)
            url = f"{self._line.base_url}/ws?{urlencode({'clientId': ticket.job_id})}"
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


def _workflow(settings: WorkflowSettings) -> Workflow:
    """Return a model's workflow, read from its file, or raise ``SetupError``."""
    try:
        with settings.file.open("rb") as opened:
            content = opened.read(WORKFLOW_BYTES_MAX + 1)
    except OSError as exc:
        raise SetupError(f"The workflow {settings.file} cannot be read: {exc}.") from exc
    if len(content) > WORKFLOW_BYTES_MAX:
        raise SetupError(f"The workflow {settings.file} is larger than a workflow is.")
    named = [(places, False) for places in (settings.inputs,)] + [(settings.files, True)]
    workflow = Workflow(
        nodes=read_nodes(content, file=str(settings.file)),
        places={
            parameter: tuple(
                read_place(text, is_file=is_file)
                for text in ((places,) if isinstance(places, str) else places)
            )
            for table, is_file in named
            for parameter, places in table.items()
        },
        outputs=settings.outputs,
    )
    check(workflow, file=str(settings.file))
    return workflow


def _read(ticket: str) -> Ticket:
    return msgspec.json.decode(ticket, type=Ticket)


TYPE = ProviderType(
    settings=ComfySettings, make=ComfyProvider, base_url=BASE_URL, needs_key=False
)
