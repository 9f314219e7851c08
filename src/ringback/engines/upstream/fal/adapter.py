"""The fal adapter: it submits, polls, fetches results, cancels, and verifies webhooks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from ringback.egress.http_client import Response
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.engines.upstream.config import base_url_of
from ringback.engines.upstream.factory import ProviderType, Tools
from ringback.engines.upstream.fal.keys import FalKeys
from ringback.engines.upstream.fal.request import (
    Ticket,
    input_errors,
    is_model,
    result_of,
    status_of,
    ticket_of,
)
from ringback.engines.upstream.fal.signature import read_signed
from ringback.engines.upstream.input_mapping import NamedSettings, map_strings
from ringback.engines.upstream.provider import Inputs, ProviderStatus, Submission
from ringback.engines.upstream.responses import (
    ACCOUNT_STATUSES,
    Refusal,
    json_of,
    plain,
    unnamed_model,
)
from ringback.errors import EngineError, ProviderUnavailable, SetupError, SubmissionUnknown
from ringback.files.media.content import type_name
from ringback.files.media.parsing import sniff
from ringback.wire.answer_reasons import reason_in
from ringback.wire.signature import SignatureMismatch

BASE_URL = "https://queue.fal.run"
BACKUP_URL = "https://queue.falrun.com"  # as in fal's official client, of the same queue
JWKS_URL = "https://rest.fal.ai/.well-known/jwks.json"

_INLINE_BYTES_MAX = 16 << 20
_RESULT_FAILURES_MAX = 5
_TICKETS_MAX = 10_000
_TOO_LATE = frozenset({400, 404})  # a cancellation after the end


class FalSettings(NamedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of this type."""

    jwks_url: str = JWKS_URL
    """The URL of the keys with which fal signs its webhooks."""
    user_id: str | None = None
    """Your account's id at fal; fal signs all webhooks alike, so those of others are refused."""
    backup_url: str | None = None
    """The queue's address while ``base_url`` cannot be connected to; fal's own has one."""


class FalProvider:
    """Submits to fal's queue; without idempotency keys, a submission is never repeated."""

    is_idempotent = False

    def __init__(self, settings: FalSettings, tools: Tools) -> None:
        self._client = tools.make_client(
            tools.key_headers, backup_url=_backup_url_of(tools.name, settings)
        )
        self._name = tools.name
        self._settings = settings
        jwks = _target_of(tools.name, settings.jwks_url)
        self._keys = FalKeys(
            tools.make_client((), base_url=jwks.origin), jwks.path_and_query, clock=tools.clock
        )
        self._failures: dict[str, int] = {}  # failed downloads of the result, by ticket

    async def submit(self, submission: Submission, inputs: Inputs) -> str:
        """Submit the job and return its ticket."""
        if not is_model(submission.model):
            raise unnamed_model(self._name, "fal")
        path = f"/{submission.model}"
        if submission.webhook_url is not None:
            path += "?" + urlencode({"fal_webhook": submission.webhook_url})
        body = await self._input(submission, inputs)
        response = await self._client.send("POST", path, json=body, may_repeat=False)
        if not response.is_success:
            raise self._refusal(response)
        document = json_of(response)
        ticket = ticket_of(document, model=submission.model, base_url=self._client.base_url)
        if ticket is None:
            raise SubmissionUnknown(self._name, "an answer without the request's id")
        return msgspec.json.encode(ticket).decode()

    async def poll(self, ticket: str) -> ProviderStatus:
        """Return the status of a request, with its result once it has completed."""
        path = _path_of(ticket)
        response = await self._client.read_job(f"{path}/status?logs=1")
        if not response.is_success:
            raise self._refusal(response)
        status = status_of(json_of(response))
        if status is None:
            raise ProviderUnavailable(self._name, "an answer that is no status")
        if status.status != "completed":
            return status
        return replace(await self._result(ticket, path), cost=status.cost)

    async def cancel(self, ticket: str) -> None:
        """Remove a request from the queue, or ask its runner to stop."""
        self._failures.pop(ticket, None)
        response = await self._client.send("PUT", f"{_path_of(ticket)}/cancel")
        if not response.is_success and response.status not in _TOO_LATE:
            raise self._refusal(response)

    async def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, now_s: float
    ) -> str | None:
        """Accept a recent webhook of this account that one of fal's keys signed."""
        try:
            signed = read_signed(headers, body, now_s=now_s)
        except SignatureMismatch:
            return None
        if self._settings.user_id is not None and signed.user_id != self._settings.user_id:
            return None
        return signed.content.decode("ascii") if await self._keys.have_signed(signed) else None

    async def close(self) -> None:
        """Do nothing: the adapter holds no resources."""

    async def _result(self, ticket: str, path: str) -> ProviderStatus:
        """Return the final status of a request; the model's own error is the response here."""
        try:
            response, document = await self._answer(path)
        except ProviderUnavailable as exc:
            self._count_failure(ticket, exc)
            raise
        if response.status in ACCOUNT_STATUSES and not _is_of_the_model(response):
            raise ProviderUnavailable(self._name, f"status {response.status}")
        self._failures.pop(ticket, None)
        if response.status == 200:
            return result_of(document)
        message = input_errors(document) or reason_in(document) or f"status {response.status}"
        return ProviderStatus(status="failed", error=message)

    async def _answer(self, path: str) -> tuple[Response, Any]:
        """Return the answer with a result and its JSON; only an error may have none."""
        response = await self._client.send(
            "GET",
            path,
            retries=1,
            bytes_max=self._client.result_bytes_max,
            ends=_is_of_the_model,
        )
        document = json_of(response)
        if response.status == 200 and document is None:
            raise ProviderUnavailable(self._name, "an answer that is no JSON")
        return response, document

    def _count_failure(self, ticket: str, failed: ProviderUnavailable) -> None:
        if len(self._failures) >= _TICKETS_MAX:
            self._failures.clear()
        self._failures[ticket] = self._failures.get(ticket, 0) + 1
        if self._failures[ticket] >= _RESULT_FAILURES_MAX:
            del self._failures[ticket]
            raise EngineError(
                f"The provider of {self._name} ended the job and did not return its result "
                f"({failed.reason})."
            )

    async def _input(self, submission: Submission, inputs: Inputs) -> Any:
        async def reachable(text: str) -> str:
            return await self._inlined(text, inputs) if inputs.is_own(text) else text

        return await map_strings(self._settings.mapped(submission), reachable)

    async def _inlined(self, url: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        if len(content) > _INLINE_BYTES_MAX:
            raise EngineError(
                f"An input is larger than the {_INLINE_BYTES_MAX >> 20} MiB that {self._name} "
                "sends to fal; give the URL of a file that fal can fetch."
            )
        kind = type_name(sniff(content))
        return f"data:{kind};base64,{b64encode(content).decode('ascii')}"

    def _refusal(self, response: Response) -> EngineError:
        message = plain(input_errors(json_of(response)), self._client.secrets).rstrip(".")
        if response.status in (400, 422) and message:
            return Refusal(f"The provider of {self._name} refused the input: {message}.")
        return self._client.refusal(response)


def _backup_url_of(name: str, settings: FalSettings) -> str | None:
    if settings.backup_url is None:
        return BACKUP_URL if settings.base_url == BASE_URL else None
    return base_url_of(f"The engine {name}", settings.backup_url, setting="backup_url")


def _target_of(name: str, url: str) -> Target:
    try:
        return parse_target(url)
    except MalformedTarget as exc:
        raise SetupError(f"The engine {name}: jwks_url is wrong: {exc}") from exc


def _is_of_the_model(response: Response) -> bool:
    """Return whether an error is the model's own answer, which no other look would change.

    fal's official client tells the model's errors from those of the way to it by this header.
    """
    return response.header(b"x-fal-request-id") is not None


def _path_of(ticket: str) -> str:
    return msgspec.json.decode(ticket, type=Ticket).path


TYPE = ProviderType(settings=FalSettings, make=FalProvider, base_url=BASE_URL, key_scheme="Key")
