"""Speaks to fal's queue: submits, looks, brings the result, cancels, knows its webhooks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from ringback.egress.caller import Reply
from ringback.egress.url import MalformedTarget, Target, parse_target
from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.fal.keys import FalKeys
from ringback.engines.upstream.fal.request import (
    Ticket,
    is_model,
    look_at,
    result_of,
    ticket_of,
    wrong_with,
)
from ringback.engines.upstream.fal.signature import read_signed
from ringback.engines.upstream.fields import NamedSettings, named_for_provider, with_strings
from ringback.engines.upstream.provider import Inputs, Look, Order
from ringback.engines.upstream.replays import Replays
from ringback.engines.upstream.said import OPERATORS, document_of, plain, refusal
from ringback.errors import AnswerLost, EngineError, ProviderAway, SetupError
from ringback.media.looking import media_type_of
from ringback.wire.signature import TOLERANCE_S, SignatureMismatch

BASE_URL = "https://queue.fal.run"
JWKS_URL = "https://rest.fal.ai/.well-known/jwks.json"

_INLINE_BYTES_MAX = 16 << 20
_RESULT_FAILURES_MAX = 5
_TICKETS_MAX = 10_000
_OVER = frozenset({400, 404})  # of a cancellation that came too late


class FalSettings(NamedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fal engine has beside the rest."""

    jwks_url: str = JWKS_URL
    """Where the keys are that fal signs its webhooks with."""
    user_id: str | None = None
    """Your account's id at fal: webhooks of other accounts, which fal signs alike, are refused."""


class FalProvider:
    """Buys from the queue; there is no idempotency key, so a submission is never repeated."""

    is_idempotent = False

    def __init__(self, settings: FalSettings, tools: Tools) -> None:
        self._line = tools.line((("authorization", f"Key {tools.api_key}"),))
        self._name = tools.name
        self._settings = settings
        jwks = _target_of(tools.name, settings.jwks_url)
        self._keys = FalKeys(
            tools.line((), base_url=jwks.origin), jwks.path_and_query, clock=tools.clock
        )
        self._replays = Replays(tolerance_s=TOLERANCE_S)
        self._failures: dict[str, int] = {}  # of fetching a result, by ticket

    async def submit(self, order: Order, inputs: Inputs) -> str:
        """Put the job in the queue and return what it is found by."""
        if not is_model(order.model):
            raise EngineError(
                f"The engine {self._name} has no name of fal's for this model; "
                "whoever runs this server gives one in its table of models."
            )
        path = f"/{order.model}"
        if order.hook_url is not None:
            path += "?" + urlencode({"fal_webhook": order.hook_url})
        body = await self._input(order, inputs)
        reply = await self._line.ask("POST", path, json=body, may_repeat=False)
        if not 200 <= (reply.status or 0) < 300:
            raise self._refusal(reply)
        document = document_of(reply)
        ticket = ticket_of(document, model=order.model, base_url=self._line.base_url)
        if ticket is None:
            raise AnswerLost(self._name, "an answer without the request's id")
        return msgspec.json.encode(ticket).decode()

    async def look(self, ticket: str) -> Look:
        """Return how a request stands, with its result when that is there."""
        path = _path_of(ticket)
        reply = await self._line.ask("GET", f"{path}/status?logs=1")
        if reply.status in OPERATORS:
            raise ProviderAway(self._name, f"status {reply.status}")
        if reply.status == 404:
            raise EngineError(f"The provider of {self._name} does not know of this job any more.")
        if not 200 <= (reply.status or 0) < 300:
            raise self._refusal(reply)
        look = look_at(document_of(reply))
        if look is None:
            raise ProviderAway(self._name, "an answer that is no status")
        if look.status != "completed":
            return look
        return replace(await self._result(ticket, path), cost=look.cost)

    async def cancel(self, ticket: str) -> None:
        """Take a request out of the queue, or ask its runner to stop."""
        self._failures.pop(ticket, None)
        reply = await self._line.ask("PUT", f"{_path_of(ticket)}/cancel")
        if not 200 <= (reply.status or 0) < 300 and reply.status not in _OVER:
            raise self._refusal(reply)

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe what one of fal's keys has signed lately, once, for this account."""
        try:
            signed = read_signed(headers, body, now_s=now_s)
        except SignatureMismatch:
            return False
        if self._settings.user_id is not None and signed.user_id != self._settings.user_id:
            return False
        if not await self._keys.have_signed(signed):
            return False
        return self._replays.is_new(signed.content.decode("ascii"), now_s=now_s)

    async def close(self) -> None:
        """Nothing is held."""

    async def _result(self, ticket: str, path: str) -> Look:
        """Return how a request has ended; a model that broke answers here as it broke."""
        try:
            reply = await self._line.ask("GET", path, retries=1)
        except ProviderAway as exc:
            self._count_failure(ticket, exc)
            raise
        self._failures.pop(ticket, None)
        document = document_of(reply)
        if reply.status == 200 and document is not None:
            return result_of(document)
        words = plain(wrong_with(document), self._line.secrets) or f"status {reply.status}"
        return Look(status="failed", error=words)

    def _count_failure(self, ticket: str, failed: ProviderAway) -> None:
        if len(self._failures) >= _TICKETS_MAX:
            self._failures.clear()
        self._failures[ticket] = self._failures.get(ticket, 0) + 1
        if self._failures[ticket] >= _RESULT_FAILURES_MAX:
            del self._failures[ticket]
            raise EngineError(
                f"The provider of {self._name} ended the job and did not hand out its result "
                f"({failed.reason})."
            )

    async def _input(self, order: Order, inputs: Inputs) -> Any:
        values = named_for_provider(
            order.input,
            self._settings.names.get(order.model, {}),
            self._settings.constants.get(order.model, {}),
        )

        async def reachable(text: str) -> str:
            return await self._inlined(text, inputs) if inputs.is_own(text) else text

        return await with_strings(values, reachable)

    async def _inlined(self, url: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        if len(content) > _INLINE_BYTES_MAX:
            raise EngineError(
                f"An input is larger than the {_INLINE_BYTES_MAX >> 20} MiB that {self._name} "
                "hands on to fal; give the URL of a file that fal can fetch."
            )
        media_type = media_type_of(content)
        kind = "application/octet-stream" if media_type is None else media_type.value
        return f"data:{kind};base64,{b64encode(content).decode('ascii')}"

    def _refusal(self, reply: Reply) -> EngineError:
        words = plain(wrong_with(document_of(reply)), self._line.secrets).rstrip(".")
        if reply.status in (400, 422) and words:
            return EngineError(f"The provider of {self._name} refused the input: {words}.")
        return refusal(self._name, reply, self._line.secrets)


def _target_of(name: str, url: str) -> Target:
    try:
        return parse_target(url)
    except MalformedTarget as exc:
        raise SetupError(f"The engine {name}: jwks_url is wrong: {exc}") from exc


def _path_of(ticket: str) -> str:
    return msgspec.json.decode(ticket, type=Ticket).path


TYPE = ProviderType(settings=FalSettings, make=FalProvider, base_url=BASE_URL)
