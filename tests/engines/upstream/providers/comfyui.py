"""A fake of ComfyUI's server on loopback: a queue, one worker, a history, and a WebSocket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.engines.upstream.providers.serving import StandIn, answer, posted_form, served
from tests.engines.upstream.world import PNG

JPEG = b"\xff\xd8\xff\xe0" + bytes(28)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

WORKFLOW: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "steps": 20, "model": ["4", 0], "latent_image": ["5", 0]},
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    "10": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
}


def a_preview(content: bytes = JPEG) -> bytes:
    """Return the message of a preview: its kind, its format, the picture."""
    return (1).to_bytes(4) + (1).to_bytes(4) + content


def a_preview_with_metadata(content: bytes, metadata: bytes) -> bytes:
    """Return the message of a preview of the newer kind."""
    return (4).to_bytes(4) + len(metadata).to_bytes(4) + metadata + content


class Comfy(StandIn):
    """A server whose worker starts a prompt at once and ends it when the test allows.

    ``takes_ids`` is false for old servers, which choose their own prompt ids.
    """

    def __init__(self, *, takes_ids: bool = True) -> None:
        super().__init__()
        self.takes_ids = takes_ids
        self.pending: list[list[Any]] = []
        self.running: list[Any] | None = None
        self.past: dict[str, Any] = {}
        self.sockets: dict[str, WebSocket] = {}
        self.sockets_open = True
        self.is_silent = False
        self.opened = 0
        self.uploads: dict[str, bytes] = {}
        self.submitted: list[dict[str, Any]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.may_record = asyncio.Event()  # allows the end into the history after its message
        self.may_record.set()
        self.outputs: dict[str, Any] = {
            "9": {"images": [{"filename": "x_00001_.png", "subfolder": "", "type": "output"}]}
        }
        self.breaks_with: dict[str, Any] | None = None
        self._interrupted = asyncio.Event()
        self._work = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Comfy]:
        """Serve and work during the context."""
        routes = [
            WebSocketRoute("/ws", self._socket),
            Route("/{path:path}", self._take, methods=["GET", "POST"]),
        ]
        working = asyncio.create_task(self._works())
        try:
            async with served(Starlette(routes=routes), sockets=True) as self.url:
                yield self
                await self.drop()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    # Controlled by tests.

    async def say(self, kind: str, **data: Any) -> None:
        """Send an event to every client, unless the server is set to be silent."""
        if self.is_silent:
            return
        await self.send(json.dumps({"type": kind, "data": data}))

    async def send(self, message: str | bytes) -> None:
        """Send any message to every client."""
        for socket in tuple(self.sockets.values()):
            with suppress(RuntimeError, WebSocketDisconnect):
                if isinstance(message, bytes):
                    await socket.send_bytes(message)
                else:
                    await socket.send_text(message)

    async def drop(self) -> None:
        """Close every socket."""
        for socket in tuple(self.sockets.values()):
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close()

    def forget(self) -> None:
        """Lose all state, like a restarted server."""
        self.pending.clear()
        self.running = None
        self.past.clear()
        self._interrupted.set()

    # The worker.

    async def _works(self) -> None:
        while True:
            while not self.pending:
                self._work.clear()
                await self._work.wait()
            self.running = self.pending.pop(0)
            self.changed.set()
            await self._execute(self.running)

    async def _execute(self, entry: list[Any]) -> None:
        prompt_id = entry[1]
        self._interrupted.clear()
        await self.say("execution_start", prompt_id=prompt_id)
        ends = [
            asyncio.create_task(self.may_end.wait()),
            asyncio.create_task(self._interrupted.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if self.running is not entry:
            return  # forgotten
        kind, data = self._ending(prompt_id)
        is_good = kind == "execution_success"
        await self.say(kind, **data)
        await self.may_record.wait()
        self.running = None
        self.past[prompt_id] = {
            "prompt": entry,
            "outputs": self.outputs if is_good else {},
            "status": {
                "status_str": "success" if is_good else "error",
                "completed": is_good,
                "messages": [["execution_start", {"prompt_id": prompt_id}], [kind, data]],
            },
            "meta": {},
        }
        self.changed.set()
        await self.say("status", status={"exec_info": {"queue_remaining": len(self.pending)}})

    def _ending(self, prompt_id: str) -> tuple[str, dict[str, Any]]:
        if self._interrupted.is_set():
            return "execution_interrupted", {"prompt_id": prompt_id, "node_id": "3"}
        if self.breaks_with is not None:
            return "execution_error", {"prompt_id": prompt_id, **self.breaks_with}
        return "execution_success", {"prompt_id": prompt_id}

    # The server.

    async def _socket(self, socket: WebSocket) -> None:
        if not self.sockets_open:
            await socket.close()
            return
        await socket.accept()
        client = socket.query_params.get("clientId", "nobody")
        self.sockets[client] = socket
        self.opened += 1
        self.changed.set()
        status = {"exec_info": {"queue_remaining": len(self.pending)}}
        await socket.send_json({"type": "status", "data": {"status": status, "sid": client}})
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await socket.receive_text()
        if self.sockets.get(client) is socket:
            del self.sockets[client]

    async def _take(self, request: Request) -> Response:
        if (scripted := self.scripted(request)) is not None:
            return scripted
        path = request.url.path
        match request.method, path:
            case "POST", "/prompt":
                return await self._prompt(await request.json())
            case "POST", "/queue":
                gone = (await request.json()).get("delete", [])
                self.pending = [entry for entry in self.pending if entry[1] not in gone]
                return Response()
            case "POST", "/interrupt":
                return await self._interrupt(request)
            case "POST", "/upload/image":
                return await self._upload(request)
            case "GET", "/queue":
                running = [] if self.running is None else [self.running]
                return answer({"queue_running": running, "queue_pending": self.pending})
            case "GET", "/history":
                newest = int(request.query_params.get("max_items", 10_000))
                return answer(dict(list(self.past.items())[-newest:]))
            case "GET", "/view" if request.query_params.get("filename", "").endswith(".png"):
                return Response(PNG, media_type="image/png")
        if request.method == "GET" and path.startswith("/history/"):
            prompt_id = path.removeprefix("/history/")
            known = {prompt_id: self.past[prompt_id]} if prompt_id in self.past else {}
            return answer(known)
        return Response(status_code=404)

    async def _prompt(self, body: dict[str, Any]) -> Response:
        wrong = _wrong_nodes(body["prompt"])
        if wrong:
            error = {
                "type": "prompt_outputs_failed_validation",
                "message": "Prompt outputs failed validation",
                "details": "",
                "extra_info": {},
            }
            return answer({"error": error, "node_errors": wrong}, 400)
        own = f"{len(self.submitted):08}-0000-4000-8000-000000000000"
        prompt_id = body.get("prompt_id", own) if self.takes_ids else own
        if not _UUID.fullmatch(prompt_id):
            return answer({"error": {"message": "prompt_id must be a valid UUID"}}, 400)
        self.submitted.append(body)
        extra = {"client_id": body["client_id"]}
        self.pending.append([len(self.submitted), prompt_id, body["prompt"], extra, ["9"]])
        self._work.set()
        self.changed.set()
        return answer({"prompt_id": prompt_id, "number": len(self.submitted), "node_errors": {}})

    async def _interrupt(self, request: Request) -> Response:
        prompt_id = json.loads(await request.body() or b"{}").get("prompt_id")
        if self.running is not None and (
            not self.takes_ids or prompt_id in (None, self.running[1])
        ):
            self._interrupted.set()
        return Response()

    async def _upload(self, request: Request) -> Response:
        try:
            form = await posted_form(request)
        except ValueError:
            return Response("500 Internal Server Error", status_code=500)
        file, folder = form["image"], form["subfolder"].content.decode()
        self.uploads[f"{folder}/{file.filename}"] = file.content
        return answer({"name": file.filename, "subfolder": folder, "type": "input"})


def _wrong_nodes(prompt: dict[str, Any]) -> dict[str, Any]:
    """Return the server's validation errors of widths that are not multiples of 8."""
    return {
        name: {
            "errors": [
                {
                    "type": "value_not_multiple",
                    "message": "Value not a multiple of 8",
                    "details": "width",
                    "extra_info": {"input_name": "width"},
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": node["class_type"],
        }
        for name, node in prompt.items()
        if node["inputs"].get("width", 8) % 8
    }
