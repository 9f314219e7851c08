"""Speaks to Replicate: asks for predictions, looks at them, cancels them, knows its webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringback.egress.caller import Reply
from ringback.engines.upstream.assembling import ProviderType, Tools
from ringback.engines.upstream.fields import NamedSettings, named_for_provider, with_strings
from ringback.engines.upstream.forms import Upload, multipart
from ringback.engines.upstream.provider import Inputs, Look, Order
from ringback.engines.upstream.replays import Replays
from ringback.engines.upstream.replicate.prediction import (
    EVENTS,
    id_of,
    look_at,
    path_of,
    place_of,
)
from ringback.engines.upstream.replicate.secret import SigningSecret
from ringback.engines.upstream.said import OPERATORS, document_of, refusal
from ringback.errors import AnswerLost, EngineError, ProviderAway
from ringback.wire.signature import TOLERANCE_S, SignatureMismatch, verify

BASE_URL = "https://api.replicate.com"
_INLINE_LENGTH_MAX = 256 * 1024  # of a data URL that Replicate takes well
_UPLOAD_S = 300.0
_OVER = frozenset({404, 409})  # of a cancellation that came too late


class ReplicateProvider:
    """Buys predictions; there is no idempotency key, so a submission is never repeated blindly."""

    is_idempotent = False

    def __init__(self, settings: NamedSettings, tools: Tools) -> None:
        self._line = tools.line((("authorization", f"Bearer {tools.api_key}"),))
        self._name = tools.name
        self._settings = settings
        self._secret = SigningSecret(tools.webhook_secret, line=self._line, clock=tools.clock)
        self._replays = Replays(tolerance_s=TOLERANCE_S)

    async def submit(self, order: Order, inputs: Inputs) -> str:
        """Ask for a prediction and return its id."""
        place = place_of(order.model)
        if place is None:
            raise EngineError(
                f"The engine {self._name} has no name of Replicate's for this model; "
                "whoever runs this server gives one in its table of models."
            )
        path, named = place
        body = {**named, "input": await self._input(order, inputs)}
        # Replicate calls https alone, and refuses a prediction that asks for anything else.
        if order.hook_url is not None and order.hook_url.startswith("https://"):
            body |= {"webhook": order.hook_url, "webhook_events_filter": list(EVENTS)}
        reply = await self._line.ask("POST", path, json=body, may_repeat=False)
        if reply.status not in (200, 201, 202):
            raise refusal(self._name, reply, self._line.secrets)
        prediction_id = id_of(document_of(reply))
        if prediction_id is None:
            raise AnswerLost(self._name, "an answer without the prediction's id")
        return prediction_id

    async def look(self, ticket: str) -> Look:
        """Return how a prediction stands."""
        reply = await self._line.ask("GET", path_of(ticket))
        if reply.status in OPERATORS:
            raise ProviderAway(self._name, f"status {reply.status}")
        look = look_at(self._document(reply))
        if look is None:
            raise ProviderAway(self._name, "an answer that is no prediction")
        return look

    async def cancel(self, ticket: str) -> None:
        """Cancel a prediction."""
        reply = await self._line.ask("POST", f"{path_of(ticket)}/cancel")
        if not 200 <= (reply.status or 0) < 300 and reply.status not in _OVER:
            raise refusal(self._name, reply, self._line.secrets)

    async def judge_hook(self, headers: Mapping[str, str], body: bytes, *, now_s: float) -> bool:
        """Believe what the account's secret has signed lately, once."""
        for secret in await self._secret.candidates():
            try:
                webhook_id = verify((secret,), headers=headers, body=body, now_s=now_s)
            except SignatureMismatch:
                continue
            signed = f"{webhook_id}.{headers['webhook-timestamp']}"
            return self._replays.is_new(signed, now_s=now_s)
        return False

    async def close(self) -> None:
        """Nothing is held."""

    async def _input(self, order: Order, inputs: Inputs) -> Any:
        values = named_for_provider(
            order.input,
            self._settings.names.get(order.model, {}),
            self._settings.constants.get(order.model, {}),
        )

        async def reachable(text: str) -> str:
            is_long = text.startswith("data:") and len(text) > _INLINE_LENGTH_MAX
            return await self._uploaded(text, inputs) if is_long or inputs.is_own(text) else text

        return await with_strings(values, reachable)

    async def _uploaded(self, url: str, inputs: Inputs) -> str:
        content = await inputs.read(url)
        kind, body = multipart([("content", Upload(stem="input", content=content))])
        reply = await self._line.ask(
            "POST",
            "/v1/files",
            body=body,
            headers=(("content-type", kind),),
            timeout_s=_UPLOAD_S,
        )
        urls = self._document(reply).get("urls")
        address = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(address, str):
            raise ProviderAway(self._name, "an answer without the file's URL")
        return address

    def _document(self, reply: Reply) -> dict[str, Any]:
        if reply.status == 404:
            raise EngineError(f"The provider of {self._name} does not know of this job any more.")
        if not 200 <= (reply.status or 0) < 300:
            raise refusal(self._name, reply, self._line.secrets)
        document = document_of(reply)
        if not isinstance(document, dict):
            raise ProviderAway(self._name, "an answer that is not Replicate's")
        return document


TYPE = ProviderType(settings=NamedSettings, make=ReplicateProvider, base_url=BASE_URL)
