"""The adapter for OpenAI's images API: ``/images/generations``, and ``/images/edits`` with inputs.

The response to a submission is the result, so there is no ticket. An interrupted request may have
been charged, so the runner's rules for providers without idempotency keys apply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, field

from ringback.clock import Clock
from ringback.egress.http_client import Headers, Response
from ringback.engines.upstream.config import UpstreamSettings
from ringback.engines.upstream.factory import ProviderType, Tools
from ringback.engines.upstream.multipart import Upload, multipart
from ringback.engines.upstream.provider import Inputs, ProviderStatus, Submission
from ringback.engines.upstream.responses import json_of, plain
from ringback.engines.upstream.results import Found, completed, files_in
from ringback.engines.upstream.sizes import nearest, read_size, requested_size
from ringback.errors import EngineError, SubmissionUnknown
from ringback.log import get_logger
from ringback.wire.answer_reasons import reason_in

log = get_logger(__name__)

_COUNTS = ("num_images", "n", "batch_size")
_PASSED_ON = ("quality", "background", "output_format", "output_compression", "style", "moderation")
_MODERATION_CODES = frozenset({"moderation_blocked", "content_policy_violation"})
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_LISTS = frozenset({"data", "images"})
_RESET = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_RESET_S_MAX = 120.0


class OpenAIImagesSettings(UpstreamSettings, frozen=True, kw_only=True):
    """Settings of this type."""

    request_timeout_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] = 600.0
    """The time limit of one request, which lasts until the images are made."""
    sizes: tuple[str, ...] = ("1024x1024", "1536x1024", "1024x1536")
    """The sizes that the server has; a job gets the nearest. Empty: the exact size is requested."""
    n_max: Annotated[int, Meta(ge=1, le=100)] = 10
    """The number of images per request; a job with more makes several requests."""
    images_max: Annotated[int, Meta(ge=1, le=100)] = 16
    """The number of input images of an edit."""
    fields: dict[str, str | int | float | bool] = field(default_factory=dict)
    """Extra fields of every request, such as { quality = "high" }."""
    answer_bytes_max: Annotated[int, Meta(ge=1, le=2 << 30)] = 128 << 20
    """The largest response; images in it are a third larger than as files."""

    __repr__ = UpstreamSettings.__repr__


class _Answer(NamedTuple):
    """The images of one request, and the provider's account of their cost."""

    found: Found
    usage: object


class OpenAIImages:
    """Requests images and gets them in the same response."""

    is_idempotent = False

    def __init__(self, settings: OpenAIImagesSettings, tools: Tools) -> None:
        self._client = tools.make_client(tools.key_headers)
        self._name = tools.name
        self._settings = settings
        self._sizes = tuple(read_size(size) for size in settings.sizes)
        self._limit = _RequestLimit(tools.clock)

    async def submit(self, submission: Submission, inputs: Inputs) -> ProviderStatus:
        """Return the images once they are made."""
        parameters = self._parameters(submission)
        images = [
            Upload(stem=f"image-{index}", content=await inputs.read(url))
            for index, url in enumerate(self._inputs(submission.input))
        ]
        answers: list[_Answer] = []
        requested = remaining = _count(submission.input)
        while remaining > 0:
            count = min(remaining, self._settings.n_max)
            # Each request is charged; more images than one request may have need another.
            try:
                answers.append(await self._request({**parameters, "n": count}, images, submission))
            except EngineError as exc:
                if not answers:
                    raise
                # Do not raise: the runner would resubmit, and pay for these images again.
                detail = plain(str(exc), self._client.secrets)
                log.warning("pictures_missing", engine=self._name, count=remaining, detail=detail)
                break
            remaining -= count
        files = tuple(file for answer in answers for file in answer.found.files)
        notes = [note for answer in answers for note in answer.found.notes]
        if len(files) < requested:
            notes.append(f"The provider made {len(files)} of the {requested} images.")
        return ProviderStatus(
            status="completed", files=files, notes=tuple(notes), cost=_cost(answers)
        )

    async def poll(self, ticket: str) -> ProviderStatus:
        """Raise: without tickets there is nothing to poll."""
        raise EngineError(f"The provider of {self._name} stores no jobs to poll.")

    async def cancel(self, ticket: str) -> None:
        """Do nothing: without a ticket there is nothing to cancel."""

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Return None: this API has no webhooks for images."""
        return None

    async def close(self) -> None:
        """Do nothing: the adapter holds no resources."""

    def _parameters(self, submission: Submission) -> dict[str, Any]:
        prompt = submission.input.get("prompt")
        if not isinstance(prompt, str) or not prompt:
            raise EngineError(f"The engine {self._name} needs a prompt.")
        parameters: dict[str, Any] = {"model": submission.model, "prompt": prompt}
        parameters |= {
            name: submission.input[name] for name in _PASSED_ON if submission.input.get(name)
        }
        if (size := requested_size(submission.input)) is not None:
            width, height = nearest(size, self._sizes) if self._sizes else size
            parameters["size"] = f"{width}x{height}"
        return parameters | self._settings.fields

    def _inputs(self, parameters: Mapping[str, Any]) -> list[str]:
        urls = list(_urls_of(parameters))
        if len(urls) > self._settings.images_max:
            raise EngineError(
                f"The engine {self._name} takes {self._settings.images_max} input images at "
                f"most; this job has {len(urls)}."
            )
        return urls

    async def _request(
        self, parameters: dict[str, Any], images: list[Upload], submission: Submission
    ) -> _Answer:
        await self._limit.wait()
        headers: Headers = (("x-client-request-id", submission.job_id),)
        path, json, body = "/images/generations", parameters, b""
        if images:
            path, json = "/images/edits", {}
            content_type, body = _edit(parameters, images)
            headers += (("content-type", content_type),)
        response = await self._client.send(
            "POST",
            path,
            json=json or None,
            body=body,
            headers=headers,
            may_repeat=False,
            bytes_max=self._settings.answer_bytes_max,
            ends=lambda response: _code(response) in _QUOTA_CODES,
        )
        self._limit.note(response)
        return self._read(response)

    def _read(self, response: Response) -> _Answer:
        """Return the images in a response, or raise ``EngineError``."""
        if not response.is_success:
            raise self._refusal(response)
        document = json_of(response)
        found = files_in(document)
        if not found.files:
            is_the_apis = isinstance(document, dict) and not _LISTS.isdisjoint(document)
            if not (is_the_apis or found.notes or reason_in(document)):
                raise SubmissionUnknown(self._name, "an answer that is not the API's")
            error = plain(completed(found, document).error, self._client.secrets).rstrip(".")
            raise EngineError(f"The job failed at the provider of {self._name}: {error}.")
        return _Answer(found, document.get("usage") if isinstance(document, dict) else None)

    def _refusal(self, response: Response) -> EngineError:
        code = _code(response)
        if code in _MODERATION_CODES:
            return EngineError(f"The provider of {self._name} refused the prompt as unsafe.")
        if code in _QUOTA_CODES:
            return EngineError(f"The provider of {self._name} wants to be paid first.")
        return self._client.refusal(response)


class _RequestLimit:
    """Waits while a provider's rate-limit headers say that no request is left."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0

    async def wait(self) -> None:
        """Wait until the provider accepts requests again."""
        while (wait_s := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait_s)

    def note(self, response: Response) -> None:
        """Record the rate-limit headers of a response."""
        reset = response.header(b"x-ratelimit-reset-requests")
        if response.header(b"x-ratelimit-remaining-requests") != b"0" or reset is None:
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


def _edit(parameters: dict[str, Any], images: list[Upload]) -> tuple[str, bytes]:
    fields: list[tuple[str, str | Upload]] = [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in parameters.items()
    ]
    name = "image" if len(images) == 1 else "image[]"
    return multipart([*fields, *((name, image) for image in images)])


def _cost(answers: list[_Answer]) -> str:
    return " ".join(msgspec.json.encode(one.usage).decode() for one in answers if one.usage)


def _count(parameters: Mapping[str, Any]) -> int:
    counts = (parameters.get(name) for name in _COUNTS)
    return next((max(1, int(n)) for n in counts if isinstance(n, int | float)), 1)


def _urls_of(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URLs of a job's input images, in whichever fields its model has them."""
    if isinstance(url := parameters.get("image_url"), str):
        yield url
    for name in (
        "image_urls",
        "reference_images",
        "character_reference_images",
        "style_images",
        "image_style_references",
    ):
        for item in parameters.get(name) or ():
            url = item.get("url") if isinstance(item, dict) else item
            if isinstance(url, str):
                yield url


def _code(response: Response) -> str:
    document = json_of(response) if response.status != 200 else None
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


TYPE = ProviderType(
    settings=OpenAIImagesSettings,
    make=OpenAIImages,
    base_url="https://api.openai.com/v1",
    needs_key=False,
)
