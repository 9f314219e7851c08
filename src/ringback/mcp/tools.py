"""The tools: what they are called, what they promise, and what they do by the client library."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ringback.client.aio.client import AsyncRingback
from ringback.client.aio.job import AsyncJob, document_of
from ringback.client.clock import AsyncClock, AsyncSystemClock
from ringback.client.errors import ClientError, NotFoundError
from ringback.client.models import Model
from ringback.mcp import arguments as asked
from ringback.mcp.outcome import Mistaken, Outcome, refused, sentence_of
from ringback.mcp.pictures import Results
from ringback.mcp.waiting import Tell, until_end

_PREFERRED = {"image": "bfl/flux-1-dev"}
_GOES_ON = (
    "A call that is cancelled leaves its job running: it is asked for and may be paid for. "
    "get_job finds it."
)

Run = Callable[[Any, Tell], Awaitable[Outcome]]


class Tool(Struct, frozen=True, kw_only=True):
    """One tool, as it is offered and as it is run."""

    name: str
    title: str
    description: str
    takes: type[Struct]
    is_reading: bool
    run: Run


class Toolbox:
    """The tools on one server and one token."""

    def __init__(
        self,
        client: AsyncRingback,
        *,
        is_local: bool,
        gives_up: Callable[[], bool] = lambda: False,
        turns: asyncio.Semaphore | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        self._client = client
        self._clock = clock or AsyncSystemClock()
        self._results = Results(client.jobs, turns or asyncio.Semaphore())
        self._takes_paths = is_local
        self._gives_up = gives_up
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in self._tools()}

    async def call(self, name: str, arguments: dict[str, Any], tell: Tell) -> Outcome:
        """Run a tool; whatever goes wrong is said in a sentence."""
        tool = self.tools.get(name)
        if tool is None:
            return refused(f"There is no tool {name[:80]!r}; there are {', '.join(self.tools)}.")
        try:
            return await tool.run(asked.read(tool.takes, arguments), tell)
        except msgspec.ValidationError as exc:
            return refused(f"The arguments of {name} are wrong: {exc}.")
        except Mistaken as exc:
            return refused(str(exc))
        except ClientError as exc:
            return refused(sentence_of(exc))

    async def _list_models(self, wish: asked.ListModels, _tell: Tell) -> Outcome:
        found = await self._client.models.list(kind=wish.kind)
        lines = [f"{one.kind}/{one.id}: {one.title or one.id}" for one in found]
        return Outcome(
            text="\n".join(lines) or "The server offers no such models.",
            data={"models": [_compact(one) for one in found]},
        )

    async def _get_model_schema(self, wish: asked.GetModelSchema, _tell: Tell) -> Outcome:
        model = await self._known(wish.model)
        return _as_json({**_compact(model), "input": model.parameters})

    async def _generate_image(self, wish: asked.GenerateImage, tell: Tell) -> Outcome:
        return await self._generate("image", wish, {"prompt": wish.prompt}, tell)

    async def _generate_video(self, wish: asked.GenerateVideo, tell: Tell) -> Outcome:
        return await self._generate("video", wish, {"prompt": wish.prompt}, tell)

    async def _enhance_image(self, wish: asked.EnhanceImage, tell: Tell) -> Outcome:
        return await self._generate("enhance", wish, {"image_url": wish.image_url}, tell)

    async def _get_job(self, wish: asked.GetJob, tell: Tell) -> Outcome:
        job = await self._client.jobs.get(wish.job_id)
        return await self._followed(job, tell, wish.wait_s)

    async def _upload_asset(
        self, wish: asked.UploadAsset | asked.UploadLocalAsset, _tell: Tell
    ) -> Outcome:
        path = wish.path if isinstance(wish, asked.UploadLocalAsset) else None
        ways = "path, url and data" if self._takes_paths else "url and data"
        if sum(one is not None for one in (path, wish.url, wish.data)) != 1:
            raise Mistaken(f"Give exactly one of {ways}.")
        assets = self._client.assets
        if wish.url is not None:
            asset = await assets.upload_from(wish.url, description=wish.description)
        else:
            file = path if path is not None else _decoded(wish.data or "")
            asset = await assets.upload(file, description=wish.description)
        return Outcome(text=f"The asset's URL is {asset.image_url}", data=_plain(asset))

    async def _generate(
        self,
        kind: asked.Kind,
        wish: asked.GenerateImage | asked.GenerateVideo | asked.EnhanceImage,
        given: Mapping[str, Any],
        tell: Tell,
    ) -> Outcome:
        if twice := sorted(wish.input.keys() & given.keys()):
            raise Mistaken(f"{twice[0]} is an argument of its own; leave it out of input.")
        values = {**wish.input, **given}
        model = await self._model_of(kind, wish.model, values)
        submit = {
            "image": self._client.image,
            "video": self._client.video,
            "enhance": self._client.enhance,
        }[kind]
        job = await submit(model.id, values)
        return await self._followed(job, tell, wish.wait_s)

    async def _followed(self, job: AsyncJob, tell: Tell, wait_s: float) -> Outcome:
        job = await until_end(
            self._client.jobs,
            job,
            wait_s=wait_s,
            tell=tell,
            gives_up=self._gives_up,
            clock=self._clock,
        )
        data = _plain(document_of(job))
        if job.status in ("failed", "cancelled"):
            why = job.error or "no reason was given"
            return Outcome(text=f"Job {job.job_id} {job.status}: {why}", data=data, is_error=True)
        if not job.is_terminal:
            more = f"Call get_job with job_id {job.job_id} and a wait_s to go on waiting."
            return Outcome(text=f"Job {job.job_id} is {job.status}. {more}", data=data)
        shown = await self._results.shown(job.urls)
        return Outcome(text=_told(job), shown=shown, data=data)

    async def _known(self, model_id: str) -> Model:
        try:
            return await self._client.models.get(model_id)
        except NotFoundError as exc:
            raise Mistaken(f"{exc.message} list_models has them.") from exc

    async def _model_of(
        self, kind: asked.Kind, model_id: str | None, values: Mapping[str, Any]
    ) -> Model:
        if model_id is None:
            return _first_for(values, await self._client.models.list(kind=kind), kind)
        model = await self._known(model_id)
        if model.kind != kind:
            raise Mistaken(
                f"{model.id} is a model of the kind {model.kind}, and {kind} is wanted; "
                "list_models has those."
            )
        return model

    def _tools(self) -> list[Tool]:
        local = self._takes_paths
        return [
            Tool(
                name="list_models",
                title="List models",
                description="List the models that the server offers: for images, videos and "
                "enhancing.",
                takes=asked.ListModels,
                is_reading=True,
                run=self._list_models,
            ),
            Tool(
                name="get_model_schema",
                title="Describe a model",
                description="Return what a model takes, as a JSON Schema of its input.",
                takes=asked.GetModelSchema,
                is_reading=True,
                run=self._get_model_schema,
            ),
            Tool(
                name="generate_image",
                title="Generate an image",
                description=f"Make a picture of a prompt and show it. {_GOES_ON}",
                takes=asked.GenerateImage,
                is_reading=False,
                run=self._generate_image,
            ),
            Tool(
                name="generate_video",
                title="Generate a video",
                description=f"Make a film of a prompt and link to it. {_GOES_ON}",
                takes=asked.GenerateVideo,
                is_reading=False,
                run=self._generate_video,
            ),
            Tool(
                name="enhance_image",
                title="Enhance an image",
                description="Make a picture larger or clearer and show it; most models take the "
                f"wanted width and height in input. {_GOES_ON}",
                takes=asked.EnhanceImage,
                is_reading=False,
                run=self._enhance_image,
            ),
            Tool(
                name="get_job",
                title="Look at a job",
                description="Return how a job stands, and its results when it is over; waits for "
                "that if asked to.",
                takes=asked.GetJob,
                is_reading=True,
                run=self._get_job,
            ),
            Tool(
                name="upload_asset",
                title="Upload a file",
                description="Upload a picture, video or sound, and return the URL by which other "
                "tools' inputs name it.",
                takes=asked.UploadLocalAsset if local else asked.UploadAsset,
                is_reading=False,
                run=self._upload_asset,
            ),
        ]


def _first_for(values: Mapping[str, Any], offered: list[Model], kind: asked.Kind) -> Model:
    """Return the model that is taken where none is named: one that needs no more than is given."""
    if not offered:
        raise Mistaken(f"The server offers no model of the kind {kind}.")
    fitting = [one for one in offered if set(_required(one)) <= values.keys()]
    preferred = [one for one in fitting if one.id == _PREFERRED.get(kind)]
    return (preferred or fitting or offered)[0]


def _required(model: Model) -> list[str]:
    found = model.parameters.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _told(job: AsyncJob) -> str:
    lines = [f"Job {job.job_id} completed.", *job.urls]
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
    """Return a value as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _decoded(data: str) -> bytes:
    # A model may well send what pages have: data:image/png;base64,…
    text = data.partition(",")[2] if data[:5].lower() == "data:" else data
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Mistaken("data is no base64; send the file's bytes in base64.") from exc
