"""The tools: names and descriptions for models, and their implementation by operations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from ringback.client.clock import AsyncClock, AsyncSystemClock
from ringback.client.models import JobDocument, Model
from ringback.egress.data_uris import read_base64
from ringback.errors import FetchError
from ringback.errors.wrong_values import explain_fault
from ringback.mcp import arguments
from ringback.mcp.host_habits import adapted, typed
from ringback.mcp.operations import Operations
from ringback.mcp.outcome import InvalidCall, Outcome, refused
from ringback.mcp.pictures import Results
from ringback.mcp.waiting import Report, until_end
from ringback.wire.document import iso_time

_PREFERRED = {"image": "bfl/flux-1-dev"}
_JOB_CONTINUES = (
    "Cancelling the call leaves the job running, because a provider may charge for it. "
    "get_job finds it."
)

_Generation = (
    arguments.GenerateImage
    | arguments.GenerateVideo
    | arguments.GenerateMesh
    | arguments.EnhanceImage
)
Run = Callable[[Any, Report], Awaitable[Outcome]]


class Tool(Struct, frozen=True, kw_only=True):
    """One tool: its description for models, and the function that runs it."""

    name: str
    title: str
    description: str
    arguments: type[Struct]
    is_read_only: bool
    run: Run


class Toolbox:
    """The tools for one token of one server."""

    def __init__(
        self,
        operations: Operations,
        *,
        is_local: bool,
        stops_waiting: Callable[[], bool] = lambda: False,
        scaling: asyncio.Semaphore | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        self._operations = operations
        self._clock = clock or AsyncSystemClock()
        self._results = Results(operations, scaling or asyncio.Semaphore())
        self._accepts_paths = is_local
        self._stops_waiting = stops_waiting
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in self._tools()}

    async def call(self, name: str, values: dict[str, Any], report: Report) -> Outcome:
        """Run a tool; an error becomes a sentence."""
        tool = self.tools.get(name)
        if tool is None:
            return refused(f"There is no tool {name[:80]!r}; there are {', '.join(self.tools)}.")
        try:
            call = arguments.read(tool.arguments, adapted(tool.arguments, values))
            return await tool.run(call, report)
        except msgspec.ValidationError as exc:
            fault = explain_fault(exc, tool.arguments)
            return refused(f"The arguments of {name} are wrong: {fault}.")
        except InvalidCall as exc:
            return refused(str(exc))
        except Exception as exc:  # noqa: BLE001 - sentence_of raises unknown errors again
            return refused(self._operations.sentence_of(exc))

    async def _list_models(self, call: arguments.ListModels, _report: Report) -> Outcome:
        found = await self._models(call.kind)
        lines = [f"{one.kind}/{one.id}: {one.title or one.id}" for one in found]
        return Outcome(
            text="\n".join(lines) or "The server offers no such models.",
            data={"models": [_compact(one) for one in found]},
        )

    async def _get_model_schema(self, call: arguments.GetModelSchema, _report: Report) -> Outcome:
        model = await self._find_model(call.model)
        return _as_json({**_compact(model), "input": model.parameters})

    async def _generate_image(self, call: arguments.GenerateImage, report: Report) -> Outcome:
        return await self._generate("image", call, {"prompt": call.prompt}, report)

    async def _generate_video(self, call: arguments.GenerateVideo, report: Report) -> Outcome:
        return await self._generate("video", call, {"prompt": call.prompt}, report)

    async def _generate_mesh(self, call: arguments.GenerateMesh, report: Report) -> Outcome:
        named: dict[str, Any] = {}
        if call.prompt is not None:
            named["prompt"] = call.prompt
        if call.image_url is not None:
            named["image_urls"] = [call.image_url]
        elif call.input.keys().isdisjoint(("input_mode", "image_urls")):
            named["input_mode"] = "text"
        return await self._generate("3d", call, named, report)

    async def _enhance_image(self, call: arguments.EnhanceImage, report: Report) -> Outcome:
        return await self._generate("enhance", call, {"image_url": call.image_url}, report)

    async def _get_job(self, call: arguments.GetJob, report: Report) -> Outcome:
        job = await self._operations.job(call.job_id)
        return await self._wait_for(job, report, call.wait_s)

    async def _cancel_job(self, call: arguments.CancelJob, _report: Report) -> Outcome:
        job = await self._operations.cancel(call.job_id)
        data = {name: value for name, value in _plain(job).items() if value is not None}
        return Outcome(text=f"Job {job.job_id} is {job.status}.", data=data)

    async def _upload_asset(
        self, call: arguments.UploadAsset | arguments.UploadLocalAsset, _report: Report
    ) -> Outcome:
        path = call.path if isinstance(call, arguments.UploadLocalAsset) else None
        ways = "path, url and data" if self._accepts_paths else "url and data"
        if sum(one is not None for one in (path, call.url, call.data)) != 1:
            raise InvalidCall(f"Give exactly one of {ways}.")
        operations = self._operations
        if call.url is not None:
            asset = await operations.upload_from(call.url, description=call.description)
        else:
            file = path if path is not None else _decoded(call.data or "")
            asset = await operations.upload(file, description=call.description)
        return Outcome(text=f"The asset's URL is {asset.image_url}", data=_plain(asset))

    async def _generate(
        self,
        kind: arguments.Kind,
        call: _Generation,
        named: Mapping[str, Any],
        report: Report,
    ) -> Outcome:
        if twice := sorted(call.input.keys() & named.keys()):
            raise InvalidCall(f"{twice[0]} is an argument of its own; leave it out of input.")
        values = {**call.input, **named}
        model = await self._model_of(kind, call.model, values)
        values = typed(values, model.parameters)
        if missing := sorted(set(_required(model)) - values.keys()):
            raise InvalidCall(
                f"{model.id} needs {' and '.join(missing)} in input; get_model_schema describes "
                "its parameters."
            )
        job = await self._operations.submit(model, values)
        return await self._wait_for(job, report, call.wait_s)

    async def _wait_for(self, job: JobDocument, report: Report, wait_s: float) -> Outcome:
        job = await until_end(
            self._operations,
            job,
            wait_s=wait_s,
            report=report,
            stops_waiting=self._stops_waiting,
            clock=self._clock,
        )
        data = {name: value for name, value in _plain(job).items() if value is not None}
        if job.status in ("failed", "cancelled"):
            reason = job.error or "no reason was given"
            return Outcome(
                text=f"Job {job.job_id} {job.status}: {reason}", data=data, is_error=True
            )
        if not job.is_terminal:
            more = f"Call get_job with job_id {job.job_id} and a wait_s to continue to wait."
            return Outcome(text=f"Job {job.job_id} is {job.status}. {more}", data=data)
        shown = await self._results.shown(job.urls)
        return Outcome(text=_sentences(job), shown=shown, data=data)

    async def _models(self, kind: str | None) -> list[Model]:
        return [one for one in await self._operations.models() if kind in (None, one.kind)]

    async def _find_model(self, model_id: str) -> Model:
        name = model_id.strip("/").removeprefix("generate/")
        for model in await self._operations.models():
            if name in (model.id, f"{model.kind}/{model.id}"):
                return model
        raise InvalidCall(f"The server offers no model {model_id!r}. list_models has them.")

    async def _model_of(
        self, kind: arguments.Kind, model_id: str | None, values: Mapping[str, Any]
    ) -> Model:
        if model_id is None:
            return _first_for(values, await self._models(kind), kind)
        model = await self._find_model(model_id)
        if model.kind != kind:
            raise InvalidCall(
                f"{model.id} is a model of the kind {model.kind}, and this tool needs {kind}; "
                "list_models has those."
            )
        return model

    def _tools(self) -> list[Tool]:
        return [*self._model_tools(), *self._generation_tools(), *self._job_tools()]

    def _model_tools(self) -> list[Tool]:
        return [
            Tool(
                name="list_models",
                title="List models",
                description="List the models that the server offers: for images, videos, "
                "meshes and enhancing.",
                arguments=arguments.ListModels,
                is_read_only=True,
                run=self._list_models,
            ),
            Tool(
                name="get_model_schema",
                title="Describe a model",
                description="Return the JSON Schema of a model's input.",
                arguments=arguments.GetModelSchema,
                is_read_only=True,
                run=self._get_model_schema,
            ),
        ]

    def _generation_tools(self) -> list[Tool]:
        return [
            Tool(
                name="generate_image",
                title="Generate an image",
                description=f"Make a picture from a prompt and show it. {_JOB_CONTINUES}",
                arguments=arguments.GenerateImage,
                is_read_only=False,
                run=self._generate_image,
            ),
            Tool(
                name="generate_video",
                title="Generate a video",
                description=f"Make a film from a prompt and link to it. {_JOB_CONTINUES}",
                arguments=arguments.GenerateVideo,
                is_read_only=False,
                run=self._generate_video,
            ),
            Tool(
                name="generate_3d",
                title="Generate a mesh",
                description="Make a 3D mesh (GLB) from a prompt or a picture and link to it. "
                f"{_JOB_CONTINUES}",
                arguments=arguments.GenerateMesh,
                is_read_only=False,
                run=self._generate_mesh,
            ),
            Tool(
                name="enhance_image",
                title="Enhance an image",
                description="Make a picture larger or clearer and show it; most models take the "
                f"target width and height in input. {_JOB_CONTINUES}",
                arguments=arguments.EnhanceImage,
                is_read_only=False,
                run=self._enhance_image,
            ),
        ]

    def _job_tools(self) -> list[Tool]:
        local = self._accepts_paths
        return [
            Tool(
                name="get_job",
                title="Get a job",
                description="Return a job's status, and its results when it has completed; waits "
                "for its end for wait_s seconds.",
                arguments=arguments.GetJob,
                is_read_only=True,
                run=self._get_job,
            ),
            Tool(
                name="cancel_job",
                title="Cancel a job",
                description="Cancel a job; one that has ended stays as it is.",
                arguments=arguments.CancelJob,
                is_read_only=False,
                run=self._cancel_job,
            ),
            Tool(
                name="upload_asset",
                title="Upload a file",
                description="Upload a picture, video or sound, and return its URL for the inputs "
                "of other tools.",
                arguments=arguments.UploadLocalAsset if local else arguments.UploadAsset,
                is_read_only=False,
                run=self._upload_asset,
            ),
        ]


def _first_for(values: Mapping[str, Any], offered: list[Model], kind: arguments.Kind) -> Model:
    """Return the default model: the first that takes these values and requires no others."""
    if not offered:
        raise InvalidCall(f"The server offers no model of the kind {kind}.")
    sufficient = [one for one in offered if set(_required(one)) <= values.keys()]
    # A model of clips is of no use to a caller who names a picture.
    suitable = [one for one in offered if values.keys() <= _known(one)]
    fitting = [one for one in suitable if one in sufficient]
    preferred = [one for one in fitting or sufficient if one.id == _PREFERRED.get(kind)]
    return (preferred or fitting or sufficient or suitable or offered)[0]


def _known(model: Model) -> set[str]:
    found = model.parameters.get("properties")
    return set(found) if isinstance(found, dict) else set()


def _required(model: Model) -> list[str]:
    found = model.parameters.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _sentences(job: JobDocument) -> str:
    lines = [f"Job {job.job_id} completed.", *job.urls, *job.notes]
    if job.style_id is not None:
        lines.append(f"The style's id is {job.style_id}")
    return "\n".join(lines)


def _compact(model: Model) -> dict[str, Any]:
    found = _plain(model)
    return {
        name: found[name]
        for name in ("kind", "id", "title", "compute_units", "average_completion_s")
        if found.get(name) is not None
    }


def _as_json(document: dict[str, Any]) -> Outcome:
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return Outcome(text=text, data=_plain(document))


def _plain(value: object) -> Any:
    """Return a value as plain JSON types, with times as the API spells them."""
    return _with_times(msgspec.to_builtins(value, builtin_types=(datetime,)))


def _with_times(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_time(round(value.timestamp() * 1000))
    if isinstance(value, dict):
        return {name: _with_times(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_times(member) for member in value]
    return value


def _decoded(data: str) -> bytes:
    # Models also send data: URIs, as web pages contain them.
    try:
        return read_base64(data, bytes_max=len(data))
    except FetchError as exc:
        raise InvalidCall(
            f"data cannot be read: {exc.words}; send the file's bytes in base64."
        ) from exc
