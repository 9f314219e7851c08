"""Any server with OpenAI's images API: ``/images/generations``, and ``/images/edits`` with inputs.

The answer to a submission is the result, so there is no ticket: what is cut off in between may
have been bought, and the runner's rules for providers without an idempotency key hold.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from ringback.clock import Clock
from ringback.egress.caller import Headers, Reply
from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.forms import Upload, multipart
from ringback.engines.upstream.provider import File, Inputs, Look, Order
from ringback.engines.upstream.said import document_of, plain, refusal
from ringback.engines.upstream.sizes import asked_size, nearest, read_size
from ringback.errors import AnswerLost, EngineError
from ringback.log import get_logger

log = get_logger(__name__)

_COUNTS = ("num_images", "n", "batch_size")
_PASSED_ON = ("quality", "background", "output_format", "output_compression", "style", "moderation")
_BLOCKED = frozenset({"moderation_blocked", "content_policy_violation"})
_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_RESET = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_RESET_S_MAX = 120.0


class OpenAIImagesSettings(UpstreamSettings, frozen=True, kw_only=True):
    """What this type adds."""

    request_timeout_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] = 600.0
    """How long one request may take; it lasts until the pictures are made."""
    sizes: tuple[str, ...] = ("1024x1024", "1536x1024", "1024x1536")
    """The sizes that the server has; a job gets the nearest. None: it is asked for exactly."""
    n_max: Annotated[int, Meta(ge=1, le=100)] = 10
    """The pictures that one request may ask for; more are asked for by several."""
    images_max: Annotated[int, Meta(ge=1, le=100)] = 16
    """The input pictures that an edit may have."""
    fields: dict[str, str | int | float | bool] = field(default_factory=dict)
    """What every request says besides, like { quality = "high" }."""
    answer_bytes_max: Annotated[int, Meta(ge=1, le=2 << 30)] = 128 << 20
    """The largest answer that is read; pictures in it are a third larger than in a file."""

    __repr__ = UpstreamSettings.__repr__


class _Picture(Struct):
    b64_json: str | None = None
    url: str | None = None


class _Answer(Struct):
    data: list[_Picture]
    usage: dict[str, Any] | None = None


class OpenAIImages:
    """Asks for pictures and waits for them in the same request."""

    is_idempotent = False

    def __init__(self, settings: OpenAIImagesSettings, tools: Tools) -> None:
        headers: Headers = ()
        if tools.api_key is not None:
            headers = (("authorization", f"Bearer {tools.api_key}"),)
        self._line = tools.line(headers)
        self._name = tools.name
        self._settings = settings
        self._sizes = tuple(read_size(size) for size in settings.sizes)
        self._limit = _Limit(tools.clock)

    async def submit(self, order: Order, inputs: Inputs) -> Look:
        """Return the pictures, once they are made."""
        asked = self._asked(order)
        pictures = [
            Upload(stem=f"image-{number}", content=await inputs.read(url))
            for number, url in enumerate(self._inputs(order.input))
        ]
        answers: list[_Answer] = []
        left = _count(order.input)
        while left > 0:
            count = min(left, self._settings.n_max)
            # Each request is a purchase; pictures beyond what one gives take another.
            try:
                answers.append(await self._made({**asked, "n": count}, pictures, order))
            except EngineError as exc:
                if not answers:
                    raise
                # Raised, it would have the submission begun anew, and bought again what is here.
                detail = plain(str(exc), self._line.secrets)
                log.warning("pictures_missing", engine=self._name, count=left, detail=detail)
                break
            left -= count
        files = tuple(self._file(picture) for answer in answers for picture in answer.data)
        return Look(status="completed", files=files, cost=_cost(answers))

    async def look(self, ticket: str) -> Look:
        """Never comes to be asked: there are no tickets."""
        raise EngineError(f"The provider of {self._name} keeps nothing to look up.")

    async def cancel(self, ticket: str) -> None:
        """Never comes to be asked either; leaving is all that there is."""

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe nothing: this API has no webhooks for pictures."""
        return False

    async def close(self) -> None:
        """Nothing is held."""

    def _asked(self, order: Order) -> dict[str, Any]:
        prompt = order.input.get("prompt")
        if not isinstance(prompt, str) or not prompt:
            raise EngineError(f"The engine {self._name} needs a prompt.")
        asked: dict[str, Any] = {"model": order.model, "prompt": prompt}
        asked |= {name: order.input[name] for name in _PASSED_ON if order.input.get(name)}
        if (size := asked_size(order.input)) is not None:
            width, height = nearest(size, self._sizes) if self._sizes else size
            asked["size"] = f"{width}x{height}"
        return asked | self._settings.fields

    def _inputs(self, asked: Mapping[str, Any]) -> list[str]:
        urls = list(_urls_of(asked))
        if len(urls) > self._settings.images_max:
            raise EngineError(
                f"The engine {self._name} takes {self._settings.images_max} input pictures at "
                f"most; this job has {len(urls)}."
            )
        return urls

    async def _made(self, asked: dict[str, Any], pictures: list[Upload], order: Order) -> _Answer:
        await self._limit.wait()
        headers: Headers = (("x-client-request-id", order.job_id),)
        path, json, body = "/images/generations", asked, b""
        if pictures:
            path, json = "/images/edits", {}
            content_type, body = _edit(asked, pictures)
            headers += (("content-type", content_type),)
        reply = await self._line.ask(
            "POST",
            path,
            json=json or None,
            body=body,
            headers=headers,
            may_repeat=False,
            bytes_max=self._settings.answer_bytes_max,
            ends=lambda reply: _code(reply) in _SPENT,
        )
        self._limit.heed(reply)
        return self._read(reply)

    def _read(self, reply: Reply) -> _Answer:
        if reply.status != 200:
            raise self._refusal(reply)
        try:
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise AnswerLost(self._name, "an answer that is not the API's") from exc
        if not answer.data:
            raise EngineError(f"The provider of {self._name} made no picture.")
        return answer

    def _refusal(self, reply: Reply) -> EngineError:
        code = _code(reply)
        if code in _BLOCKED:
            return EngineError(f"The provider of {self._name} refused the prompt as unsafe.")
        if code in _SPENT:
            return EngineError(f"The provider of {self._name} wants to be paid first.")
        return refusal(self._name, reply, self._line.secrets)

    def _file(self, picture: _Picture) -> File:
        if picture.url is not None:
            return File(url=picture.url)
        try:
            return File(content=b64decode(picture.b64_json or "", validate=True))
        except ValueError as exc:
            raise EngineError(
                f"The provider of {self._name} sent a picture that is not base64."
            ) from exc


class _Limit:
    """Keeps away from a provider that said there is no request left, until it has some again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    async def wait(self) -> None:
        """Return when the provider takes requests again, as far as it has said."""
        while (wait_s := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait_s)

    def heed(self, reply: Reply) -> None:
        """Note what an answer says of the requests that are left."""
        reset = reply.header(b"x-ratelimit-reset-requests")
        if reply.header(b"x-ratelimit-remaining-requests") != b"0" or reset is None:
            return
        wait_s = reset_s(reset.decode("latin-1"))
        if wait_s is not None:
            self._until = max(self._until, self._clock.monotonic() + wait_s)


def reset_s(text: str) -> float | None:
    """Return the seconds in a text like ``6m0s`` or ``120ms``, at most two minutes."""
    found = _RESET.fullmatch(text)
    if found is None or not text or len(text) > 40:
        return None
    hours, minutes, seconds, ms = (float(part or 0) for part in found.groups())
    return min(hours * 3600 + minutes * 60 + seconds + ms / 1000, _RESET_S_MAX)


def _edit(asked: dict[str, Any], pictures: list[Upload]) -> tuple[str, bytes]:
    fields: list[tuple[str, str | Upload]] = [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in asked.items()
    ]
    name = "image" if len(pictures) == 1 else "image[]"
    return multipart([*fields, *((name, picture) for picture in pictures)])


def _cost(answers: list[_Answer]) -> str:
    return " ".join(msgspec.json.encode(one.usage).decode() for one in answers if one.usage)


def _count(asked: Mapping[str, Any]) -> int:
    counts = (asked.get(name) for name in _COUNTS)
    return next((max(1, int(n)) for n in counts if isinstance(n, int | float)), 1)


def _urls_of(asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pictures that a job begins with, in whichever field its model has them."""
    if isinstance(url := asked.get("image_url"), str):
        yield url
    for name in (
        "image_urls",
        "reference_images",
        "character_reference_images",
        "style_images",
        "image_style_references",
    ):
        for item in asked.get(name) or ():
            url = item.get("url") if isinstance(item, dict) else item
            if isinstance(url, str):
                yield url


def _code(reply: Reply) -> str:
    document = document_of(reply) if reply.status != 200 else None
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


TYPE = ProviderType(
    settings=OpenAIImagesSettings,
    make=OpenAIImages,
    base_url="https://api.openai.com/v1",
    needs_key=False,
)
